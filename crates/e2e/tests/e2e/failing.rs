//! A receiver that fails for long is noted, then its subscription is given up; what waits for it goes to people, and from
//! there to the receiver when it is well again. Days are seconds here.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{event, events, structured};
use crate::rest::{ACME, ACME_2, Subscription};
use crate::setup::{ADMIN, Setup};
use crate::topics;
use aerogram_testkit::{Behaviour, Reply};
use aerogram_wire::Topic;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, Escalation, LineKind, Reason};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_CANCEL";
const EVENTS: usize = 60;
const NOTED_AFTER_MS: u64 = 1_000;
const GIVE_UP_AFTER_MS: u64 = 6_000;
/// Longer than a deliverer lives.
const LATER_MS: u64 = 15_000;

async fn start(test: &str, give_up_after_ms: u64) -> Result<Cluster> {
    let mut setup = Setup::new(test).await?;
    setup.policies(&json!({"patient": {"delays_ms": vec![1_000; 60], "jitter_percent": 0}}));
    setup.set("DELIVERER__FAILING_NOTED_AFTER_MS", NOTED_AFTER_MS.to_string());
    setup.set("DELIVERER__GIVE_UP_AFTER_MS", give_up_after_ms.to_string());
    setup.set("DELIVERER__LANE_FAILING_MIN_MS", "0");
    setup.set("SCHEDULER__PROBE_WAIT_MIN_MS", "200");
    setup.set("SCHEDULER__PROBE_WAIT_MAX_MS", "1000");
    Cluster::start(setup).await
}

/// Asks for the subscription until `is` holds.
async fn seen(
    cluster: &Cluster,
    subscription: &Subscription,
    what: &str,
    is: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let state = cluster.rest.get(subscription).await?.json();
        if is(&state) {
            return Ok(state);
        }
        ensure!(Instant::now() < until, "{} should be {what}: {state}", subscription.path);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_failing(state: &Value) -> bool {
    state["failingSince"].is_string()
}

fn is_inactive(state: &Value) -> bool {
    state["status"] == "INACTIVE"
}

fn millis(time: &Value) -> Result<i64> {
    let time: jiff::Timestamp = time.as_str().context("no time")?.parse()?;
    Ok(time.as_millisecond())
}

/// The events that were given up for a subscription, once there are so many.
async fn given_up(cluster: &Cluster, subscription: &Subscription, count: usize) -> Result<Vec<Escalation>> {
    let own = |e: &Escalation| e.delivery.as_ref().is_some_and(|d| d.subscription_id == subscription.id);
    let enough = |all: &[Escalation]| all.iter().filter(|e| own(e)).count() >= count;
    let mut all: Vec<Escalation> =
        topics::wait_for(&cluster.setup, Topic::Escalations, PATIENCE, enough).await?;
    all.retain(own);
    Ok(all)
}

async fn lines_of(cluster: &Cluster, kind: LineKind) -> Result<usize> {
    let records: Vec<AttemptsRecord> = topics::decoded(&cluster.setup, Topic::Attempts).await?;
    let batches = records.into_iter().filter_map(|record| match record.body {
        Some(Body::Batch(batch)) => Some(batch.lines),
        _ => None,
    });
    Ok(batches.flatten().filter(|line| line.kind() == kind).count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fails_for_days_is_given_up_and_nothing_is_lost() -> Result<()> {
    let cluster = start("failing", GIVE_UP_AFTER_MS).await?;
    let patient = json!({"policy": "patient"});
    cluster.receiver.behave("/dead", Behaviour::status(503));
    let dead = cluster.subscribe(ACME, KIND, "/dead", &patient).await?;
    let well = cluster.subscribe(ACME_2, KIND, "/well", &patient).await?;
    let created = cluster.rest.get(&dead).await?;
    let published = jiff::Timestamp::now().as_millisecond();
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&events("e", KIND, EVENTS))).await?;

    let noted = seen(&cluster, &dead, "failing", is_failing).await?;
    assert_eq!(noted["status"], "ACTIVE", "{noted}");
    assert!(millis(&noted["failingSince"])? >= published, "{noted}");
    // Nobody's `If-Match` stumbles over a note.
    assert_eq!(noted["updatedAtDateTime"], created.json()["updatedAtDateTime"]);
    let given_up_at = seen(&cluster, &dead, "given up", is_inactive).await?;
    assert_eq!(given_up_at["failingSince"], noted["failingSince"]);
    let reason = given_up_at["statusReason"].as_str().context("no reason")?;
    let since = noted["failingSince"].as_str().context("no time")?;
    assert!(reason.contains(since) && reason.contains("status 503") && reason.contains("ACTIVE"), "{reason}");
    let lived = jiff::Timestamp::now().as_millisecond() - millis(&noted["failingSince"])?;
    assert!(lived >= i64::try_from(GIVE_UP_AFTER_MS)?, "given up after {lived} ms");

    // What waits, and what was parked, is for people now: each once, with what was tried.
    let told = given_up(&cluster, &dead, EVENTS).await?;
    let ids: BTreeSet<_> =
        told.iter().filter_map(|e| Some(e.delivery.as_ref()?.event.as_ref()?.id.clone())).collect();
    assert_eq!((told.len(), ids.len()), (EVENTS, EVENTS));
    assert!(told.iter().all(|e| e.reason() == Reason::SubscriptionGaveUp), "{told:#?}");
    let url = cluster.receiver.url("/dead");
    assert!(told.iter().all(|e| e.callback_url == url && e.escalated_at_ms >= published), "{told:#?}");
    assert!(told.iter().any(|e| !e.attempts.is_empty()));
    assert_eq!(lines_of(&cluster, LineKind::Cancelled).await?, 0);
    cluster.receiver.wait_for_count("/well", EVENTS, PATIENCE).await?;
    assert!(!is_failing(&cluster.rest.get(&well).await?.json()));

    // Well again, it is made active, and gets what it missed.
    cluster.receiver.behave("/dead", Behaviour::ok());
    let asked = cluster.receiver.count_on("/dead");
    let patched = cluster.rest.patch(&dead, &json!({"status": "ACTIVE"})).await?;
    assert_eq!(patched.status, 200, "{}", patched.text());
    let back = patched.json();
    assert!(back["failingSince"].is_null() && back["statusReason"].is_null(), "{back}");
    let redeliver =
        ["escalations", "redeliver", "--all", "--subscription", &dead.id, "--reason", "gave_up", "--yes"];
    let role = cluster.setup.role("aerogram").env("AEROGRAM_TOKEN", ADMIN);
    let done = redeliver.iter().fold(role, |role, arg| role.arg(*arg)).run(PATIENCE).await?;
    ensure!(done.status.success(), "{done:?}");
    cluster.receiver.wait_for_count("/dead", asked + EVENTS, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let requests = cluster.receiver.requests_on("/dead");
    let arrived: BTreeSet<_> = requests[asked..].iter().filter_map(|request| request.webhook_id()).collect();
    assert_eq!((arrived.len(), requests.len()), (EVENTS, asked + EVENTS), "each came once");
    let state = cluster.rest.get(&dead).await?.json();
    assert_eq!((state["status"].as_str(), is_failing(&state)), (Some("ACTIVE"), false), "{state}");
    Ok(())
}

/// One deliverer after the other: none lives for as long as the receiver fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_noted_outlives_deliverers_and_one_success_takes_it_back() -> Result<()> {
    let mut cluster = start("failing-taken-over", LATER_MS).await?;
    let patient = json!({"policy": "patient"});
    cluster.receiver.behave("/dead", Behaviour::status(500));
    // One event is poison to it, all others are fine.
    let poisoned = Behaviour::custom(|arrival| {
        let is_poison = String::from_utf8_lossy(arrival.body).contains("poison");
        Reply::Status(if is_poison { 400 } else { 200 })
    });
    cluster.receiver.behave("/mixed", poisoned);
    let dead = cluster.subscribe(ACME, KIND, "/dead", &patient).await?;
    let mixed = cluster.subscribe(ACME_2, KIND, "/mixed", &patient).await?;
    let flights = cluster.setup.flights();
    cluster.upstream.send(&flights, &event("poison", KIND).structured()).await?;
    let noted = seen(&cluster, &dead, "failing", is_failing).await?;
    // It has only had the one: as far as anybody knows it fails as well.
    let both = seen(&cluster, &mixed, "failing", is_failing).await?;
    assert!(!is_inactive(&both), "{both}");
    cluster.upstream.send(&flights, &event("fine-0", KIND).structured()).await?;
    seen(&cluster, &mixed, "well", |state| !is_failing(state)).await?;
    cluster.kill9("deliverer-1").await?;
    cluster.start_role("deliverer-1").await?;
    let begun = Instant::now();
    let mut sent = 0;
    let given_up = loop {
        // Successes among the failures.
        sent += 1;
        cluster.upstream.send(&flights, &event(&format!("fine-{sent}"), KIND).structured()).await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let state = cluster.rest.get(&dead).await?.json();
        if is_inactive(&state) {
            break state;
        }
        ensure!(begun.elapsed() < PATIENCE, "{state}");
    };
    assert_eq!(given_up["failingSince"], noted["failingSince"], "since before the deliverer was killed");
    // Long enough for the other to be given up, had it not done well in between.
    let until = begun + Duration::from_millis(LATER_MS + 2 * NOTED_AFTER_MS);
    while Instant::now() < until {
        sent += 1;
        cluster.upstream.send(&flights, &event(&format!("fine-{sent}"), KIND).structured()).await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let state = cluster.rest.get(&mixed).await?.json();
        assert!(!is_inactive(&state), "{state}");
    }
    let poison = |request: &std::sync::Arc<aerogram_testkit::Request>| {
        request.json().is_ok_and(|body| body["id"] == "poison")
    };
    assert!(cluster.receiver.requests_on("/mixed").iter().filter(|r| poison(r)).count() > 5);
    assert_eq!(lines_of(&cluster, LineKind::Cancelled).await?, 0);
    Ok(())
}
