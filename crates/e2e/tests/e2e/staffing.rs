//! The staffing platform's contract on the real clock: four attempts, at once, at once, a minute later, at once, and then
//! people. 410, `Retry-After`, silence and a connection that breaks change nothing of it. The seeded world's own test
//! (`crates/simulation/tests/world/staffing.rs`) has it exact for all failures there are.

use crate::cluster::{Cluster, QUIET};
use crate::given_up;
use crate::publish::event;
use crate::rest::{ACME, ACME_2, ACME_3, Subscription};
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::verify::verify_all;
use aerogram_testkit::{Behaviour, Receiver, Reply};
use aerogram_wire::v1::{Outcome, PendingEntry, Reason};
use aerogram_wire::{Message as _, Topic};
use anyhow::{Context, Result};
use rdkafka::message::Message as _;
use serde_json::json;
use std::time::Duration;

const KIND: &str = "FLIGHT_CREW_ASSIGNMENT";
const MINUTE: Duration = Duration::from_secs(60);
/// The wait of a minute, and whatever a machine under load takes for the rest.
const ALL_WITHIN: Duration = Duration::from_secs(240);

/// How a path fails, and what each of its attempts is called.
fn failing(receiver: &Receiver) -> Vec<(&'static str, Behaviour, Outcome, u32)> {
    let always = |status, name: &str, value: &str| Behaviour::Always(Reply::with_header(status, name, value));
    vec![
        ("/gone", Behaviour::status(410), Outcome::Http4xx, 410),
        ("/bad-request", Behaviour::status(400), Outcome::Http4xx, 400),
        ("/too-many", always(429, "retry-after", "5"), Outcome::Http429, 429),
        ("/unavailable", always(503, "retry-after", "3600"), Outcome::Http5xx, 503),
        ("/no-content", Behaviour::status(204), Outcome::HttpOther, 204),
        ("/moved", always(302, "location", &receiver.url("/trap")), Outcome::HttpOther, 302),
        ("/closing", Behaviour::close(), Outcome::Connect, 0),
        ("/silent", Behaviour::hang(), Outcome::Timeout, 0),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_attempts_at_0_0_60_0_whatever_the_failure() -> Result<()> {
    let mut setup = Setup::new("staffing").await?;
    setup.set("DELIVERER__REQUEST_TIMEOUT_MS", "2000");
    let cluster = Cluster::start(setup).await?;
    let receiver = &cluster.receiver;
    let wrong_name = Receiver::start_with(cluster.setup.ca.server_config(&["crew.example"])?, false).await?;
    // By its profile, which allows a customer one URL, or by its policy alone.
    let subscribe = async |path: &str, url: &str| -> Result<Subscription> {
        let by_profile = [("/gone", ACME), ("/too-many", ACME_2), ("/silent", ACME_3)];
        let owner = by_profile.iter().find(|(of, _)| *of == path).map(|(_, owner)| *owner);
        let mut extra = json!({
            "callbackUrl": url, "authentication": {"type": "payloadSignature", "secret": "shared"},
        });
        match owner {
            Some(_) => extra["profile"] = json!("staffing"),
            None => extra["policy"] = json!("staffing"),
        }
        cluster.subscribe(owner.unwrap_or(ACME), KIND, path, &extra).await
    };
    let failing = failing(receiver);
    let (mut hooks, mut names) = (Vec::new(), Vec::new());
    for (path, behaviour, outcome, status) in &failing {
        receiver.behave(path, behaviour.clone());
        hooks.push(subscribe(path, &receiver.url(path)).await?);
        names.push((*outcome, *status));
    }
    hooks.push(subscribe("/other-name", &wrong_name.url("/other-name")).await?);
    hooks.push(subscribe("/no-name", "https://receiver.invalid/no-name").await?);
    names.extend([(Outcome::Tls, 0), (Outcome::Dns, 0)]);
    receiver.behave("/recovering", Behaviour::fail_first(3, 410));
    let recovering = subscribe("/recovering", &receiver.url("/recovering")).await?;
    receiver.behave("/second", Behaviour::custom(|a| Reply::Status(if a.nth == 1 { 503 } else { 201 })));
    let second = subscribe("/second", &receiver.url("/second")).await?;

    cluster.upstream.send(&cluster.setup.flights(), &event("crew", KIND).structured()).await?;
    let all: Vec<&Subscription> = hooks.iter().collect();
    let escalations = given_up::all(&cluster, &all, ALL_WITHIN).await?;
    receiver.wait_for_count("/recovering", 4, ALL_WITHIN).await?;
    receiver.wait_until_quiet(QUIET * 4, ALL_WITHIN).await?;

    for (path, requests) in
        failing.iter().map(|(path, ..)| (*path, 4)).chain([("/recovering", 4), ("/second", 2)])
    {
        a_minute_between_the_second_and_the_third(receiver, path, requests)?;
    }
    assert_eq!(receiver.count_on("/trap"), 0);
    assert_eq!((wrong_name.count(), wrong_name.failed_handshakes()), (0, 4));
    for ((hook, escalation), name) in hooks.iter().zip(&escalations).zip(names) {
        let (path, attempts) = (&hook.path, &escalation.attempts);
        assert_eq!(
            (escalation.reason(), escalation.policy.as_str()),
            (Reason::Exhausted, "staffing"),
            "{path}"
        );
        let told: Vec<_> = attempts.iter().map(|a| (a.number, (a.outcome(), a.status))).collect();
        assert_eq!(told, [(1, name), (2, name), (3, name), (4, name)], "{path}");
        let waits = attempts
            .windows(2)
            .map(|pair| pair[1].started_at_ms - pair[0].started_at_ms - i64::from(pair[0].duration_ms));
        for (wait_ms, least_ms) in waits.zip([0, 60_000, 0]) {
            assert!(wait_ms >= least_ms, "{path}: {attempts:#?}");
        }
    }
    for hook in hooks.iter().chain([&recovering, &second]) {
        let answer = cluster.rest.get(hook).await?;
        assert_eq!(answer.json()["status"], "ACTIVE", "{}", answer.text());
        let requests = receiver.requests_on(&hook.path);
        if !requests.is_empty() {
            verify_all(&hook.key, &requests)?;
        }
    }
    // One wait each, for the minute: two that come at once never pass through the scheduler.
    let mut waited = Vec::new();
    for record in topics::raw(&cluster.setup, Topic::Pending).await? {
        let Some(payload) = record.payload() else { continue };
        let delivery = PendingEntry::decode(payload)?.delivery.context("an entry without a delivery")?;
        waited.push((delivery.subscription_id, delivery.attempts_made));
    }
    waited.sort();
    let mut expected: Vec<_> = hooks.iter().chain([&recovering]).map(|hook| (hook.id.clone(), 2)).collect();
    expected.sort();
    assert_eq!(waited, expected);
    Ok(())
}

/// By the receiver's own clock, and never early.
fn a_minute_between_the_second_and_the_third(receiver: &Receiver, path: &str, count: usize) -> Result<()> {
    let requests = receiver.requests_on(path);
    assert_eq!(requests.len(), count, "{path}");
    assert!(requests.iter().all(|request| request.webhook_id() == requests[0].webhook_id()), "{path}");
    if let [_, second, third, ..] = requests.as_slice() {
        // Who hangs up does so for the sender's sake, so that its end is heard of later than it was.
        let from = match second.reply.status() {
            Some(_) => second.ended().with_context(|| format!("{path}: the second has no end"))?,
            None => second.arrived,
        };
        let gap = third.arrived - from;
        assert!(gap >= MINUTE, "{path}: the third came {gap:?} after the second");
    }
    Ok(())
}
