//! What a customer entrusts to a subscription (signing keys, headers, authentication) stands in clear in no topic, no log
//! and no answer, also while its deliveries fail, wait and are given up.

use crate::cluster::Cluster;
use crate::given_up;
use crate::publish::event;
use crate::rest::ACME;
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::{Behaviour, Reply};
use aerogram_wire::Topic;
use anyhow::{Context, Result, ensure};
use rdkafka::message::Message as _;
use serde_json::json;

const KIND: &str = "FLIGHT_CREATE";
const SECRETS: [&str; 5] =
    ["hush-key-one", "hush-key-two", "hush-header", "hush-password", "bmFtZTpodXNoLXBhc3N3b3Jk"];
/// What is kept of an answer.
const EXCERPT_BYTES: usize = 512;

fn assert_absent(place: &str, bytes: &[u8]) {
    for secret in SECRETS {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} stands in {place}");
    }
}

/// Answers with what it was sent, in JSON, and with the credentials in clear; and again where the excerpt ends.
fn echoing() -> Behaviour {
    Behaviour::custom(|request| {
        let header =
            |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("none");
        let told = format!(
            r#"{{"authorization":"{}","x-tenant":"{}","wrong":"name:hush-password"}}"#,
            header("authorization"),
            header("x-tenant"),
        );
        let body = format!("{told:<width$}{}", header("x-tenant"), width = EXCERPT_BYTES - 6);
        Reply::Full { status: 500, headers: Vec::new(), body: body.into() }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_stands_in_clear_anywhere() -> Result<()> {
    let mut setup = Setup::new("contract-secrets").await?;
    setup.policies(&json!({"later": {"delays_ms": [0, 1_000]}}));
    let cluster = Cluster::start(setup).await?;
    cluster.receiver.behave("/failing", echoing());
    let extra = json!({
        "policy": "later",
        "authentication": {"type": "basic", "username": "name", "password": "hush-password"},
        "httpRequest": {"header": {"x-tenant": "hush-header {{eventId}}"}, "jsonBody": {"of": "{{eventId}}"}},
    });
    let hook = cluster.subscribe_with_key(ACME, KIND, "/failing", "hush-key-one", &extra).await?;
    let replaced = cluster.rest.replace_key(&hook, &json!({"signingKey": "hush-key-two"})).await?;
    ensure!(replaced.status == 201, "{}", replaced.text());
    cluster.upstream.send(&cluster.setup.flights(), &event("one", KIND).structured()).await?;
    let escalation = given_up::one(&cluster, &hook).await?;
    assert_eq!(escalation.attempts.len(), 3);
    for attempt in &escalation.attempts {
        let told = r#"{"authorization":"Basic [secret]","x-tenant":"[secret]","wrong":"[secret]"}"#;
        let (in_json, cut) = attempt.excerpt.rsplit_once(' ').context("no excerpt")?;
        assert_eq!((in_json.trim_end(), cut), (told, "[secret]"), "of attempt {}", attempt.number);
    }
    // They did arrive where they belong.
    let request = cluster.receiver.requests_on("/failing").pop().context("no request")?;
    assert_eq!(request.header("x-tenant"), Some("hush-header one"));
    assert_eq!(request.header("authorization"), Some("Basic bmFtZTpodXNoLXBhc3N3b3Jk"));

    for answer in [replaced, cluster.rest.get(&hook).await?] {
        assert_absent("an answer", answer.text().as_bytes());
    }
    for topic in [
        Topic::Commands,
        Topic::Subscriptions,
        Topic::Deliveries,
        Topic::Attempts,
        Topic::Pending,
        Topic::Escalations,
    ] {
        let records = topics::raw(&cluster.setup, topic).await?;
        assert!(!records.is_empty(), "{} is empty", topic.name());
        for record in records {
            assert_absent(topic.name(), record.payload().unwrap_or_default());
        }
    }
    for (name, log) in cluster.logs()? {
        assert_absent(&format!("the log of {name}"), log.as_bytes());
    }
    Ok(())
}
