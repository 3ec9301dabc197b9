//! A signing key is replaced while events come: every receiver can verify all the time.

use crate::cluster::{Cluster, PATIENCE};
use crate::publish::event;
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use aerogram_testkit::Request;
use aerogram_testkit::verify::verify_request;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;

const KIND: &str = "FLIGHT_TIME_UPDATE";

async fn next(cluster: &Cluster, hook: &Subscription, id: &str) -> Result<Arc<Request>> {
    let before = cluster.receiver.count_on(&hook.path);
    cluster.upstream.send(&cluster.setup.flights(), &event(id, KIND).structured()).await?;
    cluster.receiver.wait_for_count(&hook.path, before + 1, PATIENCE).await?;
    cluster.receiver.requests_on(&hook.path).pop().context("no request")
}

async fn replaced(cluster: &Cluster, hook: &Subscription, body: &Value) -> Result<Value> {
    let answer = cluster.rest.replace_key(hook, body).await?;
    ensure!(answer.status == 201, "{body}: {} {}", answer.status, answer.text());
    Ok(answer.json())
}

/// Exactly these keys sign, in this order.
fn signed_by(request: &Request, keys: &[&str], not: &[&str]) -> Result<()> {
    let signatures: Vec<&str> =
        request.header("webhook-signature").context("no signature")?.split(' ').collect();
    assert_eq!(signatures.len(), keys.len(), "{signatures:?}");
    let id = request.webhook_id().context("no webhook-id")?;
    let signed_at = request.header("webhook-timestamp").context("no webhook-timestamp")?.parse()?;
    for (signature, key) in signatures.iter().zip(keys) {
        verify_request(key, request)?;
        assert_eq!(*signature, aerogram_testkit::verify::sign(key, id, signed_at, &request.body)?);
    }
    for key in not {
        assert!(verify_request(key, request).is_err(), "a key that is no longer in force signs");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_keys_sign_during_the_overlap() -> Result<()> {
    let cluster = Cluster::start(Setup::new("rotation").await?).await?;
    let (first, second) = ("the first key, as text", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let hook = cluster.subscribe_with_key(ACME, KIND, "/rotated", first, &json!({})).await?;
    signed_by(&*next(&cluster, &hook, "one").await?, &[first], &[second])?;

    let shown = replaced(&cluster, &hook, &json!({"signingKey": second, "overlapHours": 1})).await?;
    assert!(
        shown["previousSigningKeyUntilDateTime"].is_string() && shown.get("signingKey").is_none(),
        "{shown}"
    );
    signed_by(&*next(&cluster, &hook, "two").await?, &[second, first], &[])?;

    // Again during the overlap, with a key that is made: the oldest no longer signs.
    let third = replaced(&cluster, &hook, &json!({})).await?;
    let third = third["signingKey"].as_str().context("no key was made")?;
    signed_by(&*next(&cluster, &hook, "three").await?, &[third, second], &[first])?;

    // Without an overlap the new key is alone.
    replaced(&cluster, &hook, &json!({"signingKey": "the last key", "overlapHours": 0})).await?;
    signed_by(&*next(&cluster, &hook, "four").await?, &["the last key"], &[first, second, third])?;
    for (name, log) in cluster.logs()? {
        for key in [first, second, third, "the last key"] {
            assert!(!log.contains(key), "a signing key stands in the log of {name}");
        }
    }
    Ok(())
}
