//! A customer's own body and headers, from the target as it stands in their configuration to what arrives.

use crate::cluster::{Cluster, PATIENCE};
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use aerogram_testkit::verify::verify_request;
use aerogram_testkit::{Request, UpstreamEvent};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;

/// All fields of orders that templates may name, `segments` aside.
const FIELDS: [&str; 26] = [
    "agwID",
    "orderID",
    "pnr",
    "recordLocator",
    "bookingType",
    "origin",
    "destination",
    "fullPath",
    "adultsPax",
    "childrenPax",
    "infantsPax",
    "orderStatus",
    "totalAmount",
    "createdOn",
    "updatedOn",
    "sessionId",
    "agentEmail",
    "consumerEmail",
    "psgPhone",
    "psgEmail",
    "consumerIataCode",
    "consumerCountryCode",
    "consumer",
    "provider",
    "agent",
    "agency",
];

fn order() -> Value {
    json!({
        "agwID": "AGW-1000042", "orderID": "XX-ORDER-5501", "pnr": "ABC123", "recordLocator": "XYZ789",
        "bookingType": "Round Trip", "origin": "MAD", "destination": "LHR", "fullPath": "MAD-LHR, LHR-MAD",
        "adultsPax": 2, "childrenPax": 1, "infantsPax": 0, "orderStatus": "on \"hold\"\n", "totalAmount": 412.6,
        "createdOn": "2026-02-10T09:15:00Z", "updatedOn": "2026-04-20T14:02:30Z", "sessionId": "session-0001",
        "agentEmail": "agent@agency.example", "consumerEmail": "travel@customer.example",
        "psgPhone": "+00 000 0002", "psgEmail": "passenger@customer.example", "consumerIataCode": "99999999",
        "consumerCountryCode": "ES", "consumer": "Zürich Reisen", "provider": "Example Airline",
        "agent": "A. Example", "agency": "Example Agency",
        "segments": [{
            "flightNumber": "XX1234", "origin": "MAD", "destination": "LHR",
            "departure": "2026-05-04T09:30:00+02:00", "arrival": "2026-05-04T10:55:00+01:00",
        }],
    })
}

/// The next request on a path, for an event published now. Its signature is valid.
async fn next(cluster: &Cluster, hook: &Subscription, id: &str, data: Value) -> Result<Arc<Request>> {
    let before = cluster.receiver.count_on(&hook.path);
    let event = UpstreamEvent::new(id, "OrderDisrupted", "acme", "AGW-1000042", data);
    cluster.upstream.send(&cluster.setup.flights(), &event.structured()).await?;
    cluster.receiver.wait_for_count(&hook.path, before + 1, PATIENCE).await?;
    let request = cluster.receiver.requests_on(&hook.path).pop().context("no request")?;
    verify_request(&hook.key, &request)?;
    assert_eq!(request.header("content-type"), Some("application/json"));
    Ok(request)
}

/// A subscription made of a target, without anything that the target says already.
async fn target(cluster: &Cluster, path: &str, target: &str) -> Result<Subscription> {
    let mut body: Value = serde_json::from_str(target)?;
    body["event"] = json!("OrderDisrupted");
    body["httpRequest"]["url"] = json!(cluster.receiver.url(path));
    let answer = cluster.rest.create(ACME, &body).await?;
    ensure!(answer.status == 201, "creating {body}: {} {}", answer.status, answer.text());
    let created = answer.json();
    let text =
        |name: &str| Ok::<_, anyhow::Error>(created[name].as_str().context(name.to_owned())?.to_owned());
    assert_eq!(text("callbackUrl")?, cluster.receiver.url(path));
    Ok(Subscription { id: text("id")?, path: path.to_owned(), key: text("signingKey")?, owner: ACME })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_is_sent_as_its_customer_wrote_it() -> Result<()> {
    let mut cluster = Cluster::start(Setup::new("templates").await?).await?;
    as_documented(&cluster).await?;
    all_fields(&cluster).await?;
    changed_and_taken_away(&cluster).await?;
    too_large(&mut cluster).await?;
    for (name, log) in cluster.logs()? {
        for secret in ["dXNlcjpwYXNz", "hush-tenant"] {
            assert!(!log.contains(secret), "a header of a customer stands in the log of {name}");
        }
    }
    Ok(())
}

/// The form of the aggregator's own documentation.
async fn as_documented(cluster: &Cluster) -> Result<()> {
    let documented = r#"{"httpRequest": {"url": "", "header": {"authorization": "Basic dXNlcjpwYXNz"}, "jsonBody": {"orderID": "{{agwID}}", "freeText": "… {{agwID}}"}}}"#;
    let hook = target(cluster, "/documented", documented).await?;
    let request = next(cluster, &hook, "documented", order()).await?;
    assert_eq!(request.header("authorization"), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(request.json()?, json!({"orderID": "AGW-1000042", "freeText": "… AGW-1000042"}));
    Ok(())
}

/// Every field, as a value, inside a text and in a header; of an event that has them and of one that has not.
async fn all_fields(cluster: &Cluster) -> Result<()> {
    let placeholder = |name: &str| format!("{{{{{name}}}}}");
    let typed: Value = FIELDS.iter().map(|name| ((*name).to_owned(), json!(placeholder(name)))).collect();
    let text = FIELDS.map(placeholder).join("|");
    let wish = json!({"httpRequest": {
        "header": {"X-Tenant": "hush-tenant", "X-Order": "{{agwID}}/{{pnr}}", "X-Consumer": "{{consumer}} ({{totalAmount}})"},
        "jsonBody": {
            "typed": typed, "text": text, "flights": ["{{segments}}", {"again": ["{{segments}}"]}],
            "of": "{{eventId}} {{eventType}} {{timestamp}}", "constant": [1, true, null, "{{{{"],
        },
    }});
    let hook = target(cluster, "/all", &wish.to_string()).await?;
    let request = next(cluster, &hook, "with-all", order()).await?;
    let (order, body) = (order(), request.json()?);
    for name in FIELDS {
        assert_eq!(body["typed"][name], order[name], "{name}");
    }
    let as_text =
        |name: &str| order[name].as_str().map_or_else(|| order[name].to_string(), ToOwned::to_owned);
    assert_eq!(body["text"], FIELDS.map(as_text).join("|"));
    assert_eq!(body["flights"], json!([order["segments"], {"again": [order["segments"]]}]));
    assert_eq!(body["constant"], json!([1, true, null, "{{"]));
    let of = body["of"].as_str().context("of")?;
    assert!(of.starts_with("with-all OrderDisrupted 20") && of.ends_with('Z'), "{of}");
    assert_eq!(request.header("x-order"), Some("AGW-1000042/ABC123"));
    assert_eq!(request.header("x-consumer"), Some("Z%C3%BCrich Reisen (412.6)"));
    assert_eq!(request.header("x-tenant"), Some("hush-tenant"));

    let sparse = json!({"agwID": "AGW-7", "orderStatus": "cancelled", "pnr": null});
    let request = next(cluster, &hook, "with-two", sparse.clone()).await?;
    let body = request.json()?;
    for name in FIELDS {
        assert_eq!(body["typed"][name], sparse[name], "{name}");
    }
    assert_eq!(body["text"], format!("AGW-7{}cancelled{}", "|".repeat(11), "|".repeat(14)));
    assert_eq!(body["flights"], json!([null, {"again": [null]}]));
    assert_eq!((request.header("x-order"), request.header("x-consumer")), (Some("AGW-7/"), Some("()")));
    Ok(())
}

/// A change is in force for the next event, and the default body comes back.
async fn changed_and_taken_away(cluster: &Cluster) -> Result<()> {
    let first =
        json!({"httpRequest": {"header": {"x-first": "1"}, "jsonBody": ["{{adultsPax}}", "{{orderID}}"]}});
    let hook = target(cluster, "/changed", &first.to_string()).await?;
    let request = next(cluster, &hook, "first", order()).await?;
    assert_eq!(request.json()?, json!([2, "XX-ORDER-5501"]));
    let patch = async |body: Value| {
        let answer = cluster.rest.patch(&hook, &body).await?;
        ensure!(answer.status == 200, "PATCH {body}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    };
    patch(json!({"allText": true})).await?;
    let request =
        next(cluster, &hook, "as-text", json!({"agwID": "A", "orderStatus": "s", "adultsPax": 2})).await?;
    assert_eq!(request.json()?, json!(["2", ""]));
    let second = json!({"header": {"x-second": "2"}, "jsonBody": {"n": "{{adultsPax}}"}});
    patch(json!({"httpRequest": second, "allText": false})).await?;
    let request = next(cluster, &hook, "second", order()).await?;
    assert_eq!(request.json()?, json!({"n": 2}));
    assert_eq!((request.header("x-first"), request.header("x-second")), (None, Some("2")));
    let shown = patch(json!({"httpRequest": null})).await?;
    assert!(shown.get("httpRequest").is_none() && shown.get("headers").is_none(), "{shown}");
    let request = next(cluster, &hook, "default", order()).await?;
    let body = request.json()?;
    assert_eq!((&body["id"], &body["subscriptionId"]), (&json!("default"), &json!(hook.id)));
    assert_eq!(body["data"], order());
    assert_eq!(request.header("x-second"), None);
    Ok(())
}

/// What a template would make too large is not sent, to nobody's cost but its own, and told as a fault of the platform.
async fn too_large(cluster: &mut Cluster) -> Result<()> {
    let times =
        |n: usize| json!({"httpRequest": {"jsonBody": {"text": "{{consumer}}".repeat(n)}}}).to_string();
    let large = target(cluster, "/large", &times(6)).await?;
    let small = target(cluster, "/small", &times(1)).await?;
    let consumer = "x".repeat(200_000);
    let data = json!({"agwID": "A", "orderStatus": "s", "consumer": consumer});
    let request = next(cluster, &small, "large", data).await?;
    assert_eq!(request.json()?["text"], consumer);
    cluster.process("deliverer-1")?.wait_for_log("makes a body of more than 1048576 bytes", PATIENCE).await?;
    assert_eq!(cluster.receiver.count_on(&large.path), 0);
    let request = next(cluster, &large, "small", json!({"agwID": "A", "orderStatus": "s"})).await?;
    assert_eq!(request.json()?, json!({"text": ""}));
    Ok(())
}
