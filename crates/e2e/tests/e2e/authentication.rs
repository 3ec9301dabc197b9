//! How receivers know who calls, beside the signature.

use crate::cluster::{Cluster, PATIENCE};
use crate::publish::event;
use crate::rest::{ACME, ACME_2};
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::Behaviour;
use aerogram_testkit::verify::verify_all;
use aerogram_wire::Topic;
use anyhow::{Result, ensure};
use rdkafka::message::Message as _;
use serde_json::{Value, json};

const KIND: &str = "FLIGHT_CREW_ASSIGNMENT";

/// Path, what the subscription says, and the header that comes.
fn cases() -> [(&'static str, Value, &'static str, &'static str); 4] {
    let staffing = |authentication: Value| json!({"profile": "staffing", "authentication": authentication});
    [
        (
            "/secret",
            staffing(json!({"type": "payloadSignature", "secret": "hush-shared {{secret}}"})),
            "X-Payload-Signature",
            "hush-shared {{secret}}",
        ),
        ("/key", staffing(json!({"type": "apiKey", "key": "hush-api-key"})), "X-api-key", "hush-api-key"),
        (
            "/basic",
            json!({"authentication": {"type": "basic", "username": "Aladdin", "password": "open sesame"}}),
            "authorization",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        (
            "/bearer",
            json!({"authentication": {"type": "bearer", "token": "hush.token"}}),
            "authorization",
            "Bearer hush.token",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_receiver_gets_the_header_it_asked_for() -> Result<()> {
    let cluster = Cluster::start(Setup::new("authentication").await?).await?;
    let mut hooks = Vec::new();
    for (path, extra, header, value) in cases() {
        // A pair has one URL under the profile staffing.
        let owner = if path == "/key" { ACME_2 } else { ACME };
        hooks.push((cluster.subscribe(owner, KIND, path, &extra).await?, header, value));
    }
    // The second attempt of staffing comes at once.
    cluster.receiver.behave("/secret", Behaviour::fail_first(1, 500));
    cluster.upstream.send(&cluster.setup.flights(), &event("crew", KIND).structured()).await?;
    for (hook, header, value) in &hooks {
        let expected = if hook.path == "/secret" { 2 } else { 1 };
        cluster.receiver.wait_for_count(&hook.path, expected, PATIENCE).await?;
        let requests = cluster.receiver.requests_on(&hook.path);
        verify_all(&hook.key, &requests)?;
        for request in &requests {
            assert_eq!(request.header(header), Some(*value), "{}", hook.path);
        }
    }
    another_and_none(&cluster).await?;
    nowhere_in_clear(&cluster).await
}

/// A change holds for the next event.
async fn another_and_none(cluster: &Cluster) -> Result<()> {
    let kind = "FLIGHT_HOTEL_ASSIGNMENT";
    let first = json!({"authentication": {"type": "apiKey", "key": "hush-first"}});
    let hook = cluster.subscribe(ACME, kind, "/changed", &first).await?;
    for (n, change, key, bearer) in [
        (
            1,
            json!({"authentication": {"type": "bearer", "token": "hush-second"}}),
            None,
            Some("Bearer hush-second"),
        ),
        (2, json!({"authentication": null}), None, None),
    ] {
        let answer = cluster.rest.patch(&hook, &change).await?;
        ensure!(answer.status == 200, "{change}: {}", answer.text());
        cluster.upstream.send(&cluster.setup.flights(), &event(&format!("e-{n}"), kind).structured()).await?;
        cluster.receiver.wait_for_count(&hook.path, n, PATIENCE).await?;
        let requests = cluster.receiver.requests_on(&hook.path);
        assert_eq!(
            (requests[n - 1].header("x-api-key"), requests[n - 1].header("authorization")),
            (key, bearer)
        );
    }
    Ok(())
}

async fn nowhere_in_clear(cluster: &Cluster) -> Result<()> {
    let secrets = ["hush-", "hush.token", "open sesame", "QWxhZGRpbjpvcGVu"];
    let absent = |place: &str, bytes: &[u8]| {
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in {place}");
        }
    };
    for topic in [Topic::Commands, Topic::Subscriptions, Topic::Deliveries, Topic::Attempts] {
        for record in topics::raw(&cluster.setup, topic).await? {
            absent(topic.name(), record.payload().unwrap_or_default());
        }
    }
    for (name, log) in cluster.logs()? {
        absent(&name, log.as_bytes());
    }
    Ok(())
}
