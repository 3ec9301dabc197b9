//! An event published to Kafka arrives, signed, exactly once, at every subscriber.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{batch, protobuf};
use crate::rest::{ACME, ACME_2, ACME_3, Subscription};
use crate::setup::{PUBLISHER, Setup};
use crate::topics;
use aerogram_testkit::verify::verify_all;
use aerogram_testkit::{Record, Request, UpstreamEvent};
use aerogram_wire::Topic;
use anyhow::{Context, Result, ensure};
use rdkafka::message::Message as _;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const KIND: &str = "FLIGHT_TIME_UPDATE";
const EVENTS: usize = 5_000;
/// Of these, this many come in protobuf and over HTTP; the rest in both modes of CloudEvents.
const PROTOBUF: usize = 900;
const HTTP: usize = 100;
const ALL_WITHIN: Duration = Duration::from_secs(180);

fn numbered(n: usize) -> UpstreamEvent {
    let data = json!({
        "number": n, "text": "Zürich → \"Genève\"\n", "list": [1, 2.5, null, true], "nested": {"b": {"a": n % 7}},
    });
    let mut event = UpstreamEvent::new(format!("e-{n}"), KIND, "acme", &format!("flight-{}", n % 200), data);
    event.time = format!("2026-03-04T05:{:02}:06.{:03}Z", n / 1000, n % 1000);
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_events_reach_three_subscribers_once_each() -> Result<()> {
    let mut cluster = Cluster::start(Setup::new("main-path").await?).await?;
    let subscriptions = [
        cluster.subscribe(ACME, KIND, "/plain", &json!({})).await?,
        cluster
            .subscribe_with_key(
                ACME_2,
                KIND,
                "/encoded",
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                &json!({}),
            )
            .await?,
        cluster.subscribe_with_key(ACME_3, KIND, "/unicode", "schlüssel-ключ-鍵", &json!({})).await?,
    ];
    let events: Vec<UpstreamEvent> = (0..EVENTS).map(numbered).collect();
    publish(&cluster, &events).await?;
    for subscription in &subscriptions {
        cluster.receiver.wait_for_count(&subscription.path, EVENTS, ALL_WITHIN).await?;
    }
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let mut webhook_ids = BTreeSet::new();
    for subscription in &subscriptions {
        webhook_ids.extend(check(&cluster, subscription, &events)?);
    }
    assert_eq!(webhook_ids.len(), 3 * EVENTS, "a webhook-id is of one event and one subscription");
    assert_eq!(cluster.receiver.count(), 3 * EVENTS);
    keys_stay_secret(&cluster, &subscriptions).await?;
    cluster.terminate_all().await?;
    for (name, log) in cluster.logs()? {
        let errors: Vec<&str> = log.lines().filter(|line| line.contains("\"ERROR\"")).collect();
        assert!(errors.is_empty(), "{name} complained though nothing was wrong: {errors:#?}");
    }
    Ok(())
}

/// Mixed, so that no form waits for another.
async fn publish(cluster: &Cluster, events: &[UpstreamEvent]) -> Result<()> {
    let (over_http, over_kafka) = events.split_at(HTTP);
    let (as_protobuf, as_cloud_events) = over_kafka.split_at(PROTOBUF);
    let cloud_events: Vec<Record> = as_cloud_events
        .iter()
        .enumerate()
        .map(|(n, event)| if n % 2 == 0 { event.structured() } else { event.binary() })
        .collect();
    let protobufs = as_protobuf.iter().map(protobuf).collect::<Result<Vec<_>>>()?;
    let (flights, encoded) = (cluster.setup.flights(), cluster.setup.protobuf());
    tokio::try_join!(
        cluster.upstream.send_all(&flights, &cloud_events),
        cluster.upstream.send_all(&encoded, &protobufs),
        post(cluster, over_http),
    )?;
    Ok(())
}

/// The first ten one by one, the rest in arrays of ten.
async fn post(cluster: &Cluster, events: &[UpstreamEvent]) -> Result<()> {
    let url = format!("http://{}/v1/events", cluster.setup.ingest);
    let bearer = format!("Bearer {PUBLISHER}");
    let (single, rest) = events.split_at(10);
    let singles = single.iter().map(|event| (event.cloud_event(), "application/cloudevents+json"));
    let arrays = rest.chunks(10).map(|chunk| (batch(chunk), "application/cloudevents-batch+json"));
    for (body, content_type) in singles.chain(arrays) {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", content_type)];
        let answer = cluster.http.post(&url, &headers, &body).await?;
        ensure!(answer.status == 202, "POST {url}: {} {}", answer.status, answer.text());
    }
    Ok(())
}

/// Every event once, with the right body and a valid signature; returns the webhook ids.
fn check(cluster: &Cluster, subscription: &Subscription, events: &[UpstreamEvent]) -> Result<Vec<String>> {
    let requests = cluster.receiver.requests_on(&subscription.path);
    assert_eq!(requests.len(), events.len(), "requests to {}", subscription.path);
    verify_all(&subscription.key, &requests)?;
    let mut expected: BTreeMap<&str, &UpstreamEvent> = events.iter().map(|e| (e.id.as_str(), e)).collect();
    let mut webhook_ids = Vec::new();
    for request in &requests {
        let body = request.json()?;
        let id = body["id"].as_str().context("a body without id")?;
        let event = expected.remove(id).with_context(|| format!("{id} came twice or was never published"))?;
        let wanted = json!({
            "id": event.id, "type": event.kind, "timestamp": event.time, "subscriptionId": subscription.id,
            "data": event.data,
        });
        assert_eq!(body, wanted);
        check_form(request)?;
        webhook_ids.push(request.webhook_id().context("no webhook-id")?.to_owned());
    }
    assert!(expected.is_empty(), "never came to {}: {:?}", subscription.path, expected.keys());
    Ok(webhook_ids)
}

fn check_form(request: &Request) -> Result<()> {
    assert_eq!(request.method.as_str(), "POST");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert!(request.complete && request.nth == 1, "{request:?}");
    let signed_at: u64 = request.header("webhook-timestamp").context("no webhook-timestamp")?.parse()?;
    let arrived_at = request.arrived_unix_ms / 1000;
    assert!(
        signed_at <= arrived_at && arrived_at - signed_at < 60,
        "signed at {signed_at}, came {arrived_at}"
    );
    Ok(())
}

/// No signing key in clear, neither in Kafka nor in a log nor in an answer.
async fn keys_stay_secret(cluster: &Cluster, subscriptions: &[Subscription]) -> Result<()> {
    let mut places = Vec::new();
    for topic in [Topic::Commands, Topic::Subscriptions, Topic::Deliveries, Topic::Attempts] {
        let records = topics::raw(&cluster.setup, topic).await?;
        ensure!(!records.is_empty(), "{} is empty", topic.name());
        let bytes = records.iter().flat_map(|record| record.payload().unwrap_or_default().to_vec()).collect();
        places.push((topic.name().to_owned(), bytes));
    }
    places.extend(cluster.logs()?.into_iter().map(|(name, log)| (name, log.into_bytes())));
    for subscription in subscriptions {
        let answer = cluster.rest.get(subscription).await?;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("ACTIVE")));
        places.push((format!("GET {}", subscription.id), answer.body.to_vec()));
    }
    for (place, bytes) in &places {
        for key in subscriptions.iter().map(|subscription| subscription.key.as_bytes()) {
            assert!(!bytes.windows(key.len()).any(|window| window == key), "a signing key stands in {place}");
        }
    }
    Ok(())
}
