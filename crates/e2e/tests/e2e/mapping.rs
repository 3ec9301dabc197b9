//! Plain JSON of an upstream, through a mapping; and data that does not fit its schema.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::event;
use crate::rest::ACME;
use crate::setup::{PUBLISHER, Setup};
use crate::topics;
use aerogram_testkit::Record;
use aerogram_wire::Topic;
use aerogram_wire::v1::Rejected;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs;

const KIND: &str = "FLIGHT_CANCEL";

/// An upstream topic of plain JSON.
pub fn plain(setup: &Setup) -> String {
    setup.rig.topic("upstream-plain")
}

/// Its source, with these pointers in place of, or beside, the right ones.
pub fn plain_source(setup: &Setup, other: &Value) -> Value {
    let mut mapping = json!({
        "id": "/msg/no", "type": "/msg/kind", "time": "/msg/at", "subject": "/leg/flightId", "data": "/leg",
        "types": {"CNL": KIND}
    });
    for (name, value) in other.as_object().into_iter().flatten() {
        mapping[name] = value.clone();
    }
    json!({"topic": plain(setup), "format": "json", "scope": "plain", "operators": ["acme"], "mapping": mapping})
}

/// What the upstream publishes there.
pub fn document(number: u32, leg: &Value) -> Record {
    let document = json!({"msg": {"no": number, "kind": "CNL", "at": 1_777_880_040_123_i64}, "leg": leg});
    Record::new(document.to_string()).keyed(&number.to_string())
}

/// A leg that fits the schema of a cancellation.
pub fn fitting() -> Value {
    let at = |airport: &str, time: &str| json!({"airport": airport, "scheduledAt": time});
    json!({
        "flightId": "FL-1", "flightNumber": "EXA101", "departure": at("LEMD", "2026-05-04T09:30:00+02:00"),
        "arrival": at("LFMN", "2026-05-04T11:20:00+02:00"), "cancelledAt": "2026-05-04T08:00:00+02:00"
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_json_is_delivered_through_a_mapping() -> Result<()> {
    let mut setup = Setup::new("mapping").await?;
    let topic = plain(&setup);
    setup.set("INGEST__SOURCES", json!([plain_source(&setup, &json!({}))]).to_string());
    setup.rig.upstream()?.create_topic(&topic, 2).await?;
    let file = setup.rig.dir().join("plain.json");
    let cluster = Cluster::start(setup).await?;
    let hook = cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    cluster.upstream.send(&topic, &document(4711, &fitting())).await?;

    let came = cluster.receiver.wait_for_count(&hook.path, 1, PATIENCE).await;
    came.with_context(|| cluster.log("ingest").unwrap_or_default())?;
    let body = cluster.receiver.requests_on(&hook.path)[0].json()?;
    let expected = (json!("4711"), json!(KIND), json!("2026-05-04T07:34:00.123Z"), fitting());
    assert_eq!(
        (body["id"].clone(), body["type"].clone(), body["timestamp"].clone(), body["data"].clone()),
        expected
    );

    // The tools of the publisher know the mapping as well.
    fs::write(&file, document(4712, &fitting()).payload)?;
    let file = file.display().to_string();
    let run = |args: &[&str]| {
        args.iter().fold(cluster.setup.role("aerogram").arg("events"), |role, arg| role.arg(*arg))
    };
    let validated = run(&["validate", &file, "--source", &topic, "--json"]).run(PATIENCE).await?;
    assert!(validated.status.success(), "{validated:?}");
    let verdict: Value = serde_json::from_str(&validated.stdout)?;
    assert_eq!(
        (&verdict[0]["event"]["id"], &verdict[0]["event"]["subject"]),
        (&json!("4712"), &json!("FL-1"))
    );
    let published = run(&["publish", &file, "--topic", &topic]).run(PATIENCE).await?;
    assert!(published.status.success(), "{published:?}");
    cluster.receiver.wait_for_count(&hook.path, 2, PATIENCE).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_does_not_fit_its_schema_is_warned_of_or_rejected() -> Result<()> {
    let mut setup = Setup::new("schema").await?;
    let flights = setup.flights();
    let mut strict = plain_source(&setup, &json!({}));
    strict["schema_check"] = json!("reject");
    let lenient = json!({"topic": flights, "scope": "flights", "schema_check": "warn"});
    setup.set("INGEST__SOURCES", json!([strict, lenient]).to_string());
    setup.set("INGEST__HTTP_SCHEMA_CHECK", "reject");
    let topic = plain(&setup);
    setup.rig.upstream()?.create_topic(&topic, 1).await?;
    let mut cluster = Cluster::start(setup).await?;
    let hook = cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;

    let mut wrong = fitting();
    wrong["cancelledAt"] = json!("noon");
    wrong["departure"].as_object_mut().context("an object")?.remove("airport");
    cluster.upstream.send(&topic, &document(1, &wrong)).await?;
    cluster.upstream.send(&topic, &document(2, &fitting())).await?;
    cluster.upstream.send(&flights, &event("warned", KIND).structured()).await?;
    let url = format!("http://{}/v1/events", cluster.setup.ingest);
    let publisher = format!("Bearer {PUBLISHER}");
    let answer = cluster
        .http
        .post(&url, &[("Authorization", &publisher)], &event("refused", KIND).cloud_event())
        .await?;
    let first = &answer.json()["errors"][0];
    assert_eq!((answer.status, &first["code"]), (400, &json!("schema")), "{}", answer.text());
    assert!(first["pointer"].as_str().is_some_and(|pointer| pointer.starts_with("/data/")), "{first}");

    cluster.receiver.wait_for_count(&hook.path, 2, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let mut came: Vec<Value> = Vec::new();
    for request in cluster.receiver.requests_on(&hook.path) {
        came.push(request.json()?["id"].clone());
    }
    came.sort_by_key(ToString::to_string);
    assert_eq!(came, ["2", "warned"]);

    let rejected: Vec<Rejected> =
        topics::wait_for(&cluster.setup, Topic::Rejected, PATIENCE, |found: &[Rejected]| !found.is_empty())
            .await?;
    assert_eq!((rejected.len(), rejected[0].reason.as_str()), (1, "schema"), "{rejected:?}");
    for pointer in ["/leg/cancelledAt: ", "/leg/departure/airport: "] {
        assert!(
            rejected[0].errors.iter().any(|error| error.starts_with(pointer)),
            "{:?}",
            rejected[0].errors
        );
    }
    let metrics = cluster.process("ingest")?.metrics().await?;
    let counted = format!("aerogram_ingest_schema_warnings_total{{type=\"{KIND}\"}} 1");
    assert!(metrics.contains(&counted), "{metrics}");
    assert!(cluster.log("ingest")?.contains("does not fit the schema"), "the warning is logged");
    Ok(())
}
