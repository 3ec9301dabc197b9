//! What must not be delivered is not: aborted, malformed, repeated, or somebody else's.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{batch, event, events, protobuf, structured};
use crate::rest::{ACME, ACME_2, BLUEJET};
use crate::setup::{PUBLISHER, PUBLISHER_OF_ACME, Setup};
use crate::topics;
use aerogram_testkit::upstream::End;
use aerogram_testkit::{Answer, Record, UpstreamEvent};
use aerogram_wire::Topic;
use aerogram_wire::v1::Rejected;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const KIND: &str = "FLIGHT_CREATE";

/// The ids of the events that came to a path, in order of arrival.
fn ids_on(cluster: &Cluster, path: &str) -> Result<Vec<String>> {
    let requests = cluster.receiver.requests_on(path);
    let id = |body: Value| body["id"].as_str().map(ToOwned::to_owned);
    requests.iter().map(|request| id(request.json()?).context("a body without id")).collect()
}

/// Publishes an event to each partition of the upstream topics, behind all that is there already, and waits for them.
async fn marked(cluster: &Cluster, path: &str, name: &str) -> Result<()> {
    let before = cluster.receiver.count_on(path);
    let topics = [cluster.setup.flights(), cluster.setup.protobuf(), cluster.setup.bound()];
    for (t, topic) in topics.iter().enumerate() {
        for partition in 0..2 {
            let marker = event(&format!("{name}-{t}-{partition}"), KIND);
            let record = if t == 1 { protobuf(&marker)? } else { marker.structured() };
            cluster.upstream.send(topic, &record.on_partition(partition)).await?;
        }
    }
    cluster.receiver.wait_for_count(path, before + 6, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_subscribed_to_it_gets_an_event() -> Result<()> {
    let cluster = Cluster::start(Setup::new("matching").await?).await?;
    let mine = cluster.subscribe(ACME, KIND, "/mine", &json!({})).await?;
    cluster.subscribe(ACME_2, KIND, "/partner", &json!({})).await?;
    cluster.subscribe(BLUEJET, KIND, "/operator", &json!({})).await?;
    cluster.subscribe(ACME, KIND, "/environment", &json!({"environment": "non-production"})).await?;
    cluster.subscribe(ACME, "FLIGHT_CANCEL", "/type", &json!({})).await?;
    for (path, contract) in [("/c-1", json!("C-1")), ("/c-2", json!("C-2")), ("/any", Value::Null)] {
        cluster.subscribe(ACME, "PRODUCT_ADDED", path, &json!({"contractId": contract})).await?;
    }
    let foreign = cluster.rest.get_as(BLUEJET, &mine.id).await?;
    assert_eq!(foreign.status, 404, "another pair's subscription does not exist: {}", foreign.text());

    let product = |id: &str, contract: &str| UpstreamEvent {
        contract: Some(contract.to_owned()),
        ..event(id, "PRODUCT_ADDED")
    };
    let published = [
        event("acme", KIND),
        UpstreamEvent { operator: "bluejet".to_owned(), ..event("bluejet", KIND) },
        UpstreamEvent { environment: Some("non-production".to_owned()), ..event("trial", KIND) },
        event("cancel", "FLIGHT_CANCEL"),
        event("nobody", "FLIGHT_HOTEL_ASSIGNMENT"),
        product("first", "C-1"),
        product("second", "C-2"),
        product("third", "C-3"),
    ];
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&published)).await?;
    // What is told apart stands here in order; the marks are published behind it.
    marked(&cluster, &mine.path, "mark").await?;
    let came = |path: &str| -> Result<BTreeSet<String>> {
        let ids = ids_on(&cluster, path)?;
        let count = ids.len();
        let ids: BTreeSet<String> = ids.into_iter().filter(|id| !id.starts_with("mark-")).collect();
        assert!(count <= ids.len() + 6, "something came twice to {path}");
        Ok(ids)
    };
    for (path, expected) in [
        ("/mine", vec!["acme"]),
        ("/partner", vec!["acme"]),
        ("/operator", vec!["bluejet"]),
        ("/environment", vec!["trial"]),
        ("/type", vec!["cancel"]),
        ("/c-1", vec!["first"]),
        ("/c-2", vec!["second"]),
        ("/any", vec!["first", "second", "third"]),
    ] {
        assert_eq!(came(path)?, expected.into_iter().map(str::to_owned).collect(), "on {path}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aborted_and_repeated_events_are_not_delivered() -> Result<()> {
    let cluster = Cluster::start(Setup::new("aborted").await?).await?;
    let hook = cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    let flights = cluster.setup.flights();
    let (aborted, committed) = (events("aborted", KIND, 40), events("committed", KIND, 40));
    cluster.upstream.send_in_transaction(&flights, &structured(&aborted), End::Abort).await?;
    cluster.upstream.send_in_transaction(&flights, &structured(&committed), End::Commit).await?;
    // The same source and id is the same event: in whatever form, about whatever subject, on whatever partition.
    for _ in 0..2 {
        cluster.upstream.send_all(&flights, &structured(&committed)).await?;
    }
    let moved: Vec<Record> = committed
        .iter()
        .map(|event| UpstreamEvent { subject: format!("moved-{}", event.id), ..event.clone() }.binary())
        .collect();
    cluster.upstream.send_all(&flights, &moved).await?;
    // Another source, or another publisher's scope, makes it another event.
    let other_source = UpstreamEvent { source: "/other".to_owned(), ..committed[0].clone() };
    cluster.upstream.send(&flights, &other_source.structured()).await?;
    cluster.upstream.send(&cluster.setup.protobuf(), &protobuf(&committed[0])?).await?;
    marked(&cluster, &hook.path, "mark").await?;

    let mut expected: Vec<String> = committed.iter().map(|event| event.id.clone()).collect();
    expected.extend([committed[0].id.clone(), committed[0].id.clone()]);
    let mut came = ids_on(&cluster, &hook.path)?;
    came.retain(|id| !id.starts_with("mark-"));
    came.sort();
    expected.sort();
    assert_eq!(came, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_set_aside_and_stops_nothing() -> Result<()> {
    let cluster = Cluster::start(Setup::new("rejected").await?).await?;
    let hook = cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    let structured = |body: Value| {
        Record::new(body.to_string()).header("content-type", "application/cloudevents+json").keyed("bad")
    };
    let without = |field: &str| {
        let mut body = event("bad", KIND).cloud_event();
        body.as_object_mut().map(|fields| fields.remove(field));
        body
    };
    let with = |field: &str, value: Value| {
        let mut body = event("bad", KIND).cloud_event();
        body[field] = value;
        body
    };
    let (flights, encoded, bound) =
        (cluster.setup.flights(), cluster.setup.protobuf(), cluster.setup.bound());
    let foreign = UpstreamEvent { operator: "bluejet".to_owned(), ..event("foreign", KIND) };
    let no_json = Record::new("{\"id\": ").header("content-type", "application/cloudevents+json");
    let bad = [
        (&flights, "malformed", no_json),
        (&flights, "unsupported_content_type", Record::new("<flight/>").header("content-type", "text/xml")),
        (&flights, "unsupported_content_type", Record::new("{}")),
        (&flights, "empty", Record::new("").header("content-type", "application/cloudevents+json")),
        (&flights, "unsupported_version", structured(with("specversion", json!("0.3")))),
        (&flights, "unknown_type", structured(with("type", json!("FLIGHT_UPDATE")))),
        (&flights, "missing_field", structured(without("operator"))),
        (&flights, "missing_field", structured(without("id"))),
        (&flights, "missing_field", structured(with("type", json!("PRODUCT_ADDED")))),
        (&flights, "invalid_field", structured(with("environment", json!("staging")))),
        (&flights, "too_large", structured(with("data", json!({"long": "x".repeat(300_000)})))),
        (&encoded, "malformed", Record::new([255_u8; 16])),
        (&bound, "operator_not_allowed", foreign.structured()),
    ];
    for (topic, _, record) in &bad {
        cluster.upstream.send(topic, &record.clone().on_partition(0)).await?;
    }
    marked(&cluster, &hook.path, "mark").await?;
    assert_eq!(cluster.receiver.count(), 6, "only the marks are delivered");

    let came = |found: &[Rejected]| found.len() >= bad.len();
    let found: Vec<Rejected> = topics::wait_for(&cluster.setup, Topic::Rejected, PATIENCE, came).await?;
    let reasons = |topic: &str| -> Vec<&str> {
        let of_topic = found.iter().filter(|r| r.origin.as_ref().is_some_and(|origin| origin.topic == topic));
        of_topic.map(|r| r.reason.as_str()).collect()
    };
    for topic in [&flights, &encoded, &bound] {
        let expected: Vec<&str> =
            bad.iter().filter(|(on, ..)| *on == topic).map(|(_, why, _)| *why).collect();
        assert_eq!(reasons(topic), expected, "of {topic}, in order");
    }
    for rejected in &found {
        assert!(!rejected.errors.is_empty() && rejected.rejected_at_ms > 0, "{rejected:?}");
    }
    // Each topic and reason is told of.
    let log = cluster.log("ingest")?;
    let told: Vec<&str> = log.lines().filter(|line| line.contains("aerogram rejected list")).collect();
    let kinds: BTreeSet<(&str, &str)> = bad.iter().map(|(on, why, _)| (on.as_str(), *why)).collect();
    for (topic, reason) in kinds {
        let is_it = |line: &&str| {
            line.contains(&format!("\"topic\":\"{topic}\"")) && line.contains(&format!("\"{reason}\""))
        };
        assert!(told.iter().any(is_it), "{topic} {reason}: {told:#?}");
    }
    let large = found.iter().find(|r| r.reason == "too_large").context("the large one")?;
    assert!(large.payload_truncated && large.payload.len() < 300_000, "cut to fit: {}", large.payload.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_all_is_accepted_or_nothing() -> Result<()> {
    let cluster = Cluster::start(Setup::new("http").await?).await?;
    let hook = cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    let good = |id: &str| event(id, KIND).cloud_event();
    let bad = json!({"specversion": "1.0", "id": 7, "type": "FLIGHT_UPDATE", "operator": "acme", "data": []});

    let answer = post(&cluster, "nobody's token", &good("a")).await?;
    assert_eq!(answer.status, 401, "{}", answer.text());
    let mut foreign = good("b");
    foreign["operator"] = json!("bluejet");
    let answer = post(&cluster, PUBLISHER_OF_ACME, &foreign).await?;
    assert_eq!((answer.status, pointers(&answer)), (403, vec!["/operator".to_owned()]));
    let answer = post(&cluster, PUBLISHER, &json!([good("c"), bad, good("d")])).await?;
    let wrong = ["/1/data", "/1/id", "/1/source", "/1/type"].map(str::to_owned).to_vec();
    assert_eq!((answer.status, pointers(&answer)), (400, wrong));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));

    let answer = post(&cluster, PUBLISHER, &batch(&[event("e", KIND), event("f", KIND)])).await?;
    assert_eq!((answer.status, answer.json()), (202, json!({"ids": ["e", "f"]})));
    let answer = post(&cluster, PUBLISHER_OF_ACME, &good("g")).await?;
    assert_eq!(answer.status, 202, "{}", answer.text());
    cluster.receiver.wait_for_count(&hook.path, 3, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let came: BTreeSet<String> = ids_on(&cluster, &hook.path)?.into_iter().collect();
    assert_eq!(came, ["e", "f", "g"].map(str::to_owned).into());
    assert_eq!(cluster.receiver.count(), 3);
    Ok(())
}

async fn post(cluster: &Cluster, token: &str, body: &Value) -> Result<Answer> {
    let url = format!("http://{}/v1/events", cluster.setup.ingest);
    cluster.http.post(&url, &[("Authorization", &format!("Bearer {token}"))], body).await
}

fn pointers(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let errors = body["errors"].as_array().into_iter().flatten();
    let mut pointers: Vec<String> =
        errors.filter_map(|error| error["pointer"].as_str().map(ToOwned::to_owned)).collect();
    pointers.sort();
    pointers
}
