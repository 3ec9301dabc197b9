//! A receiver that fails gets its retries: never early, never more than the policy allows, and then people are told.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{event, events, structured};
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::verify::verify_all;
use aerogram_testkit::{Behaviour, Reply, Request};
use aerogram_wire::Topic;
use aerogram_wire::v1::{Escalation, Reason};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn policies() -> Value {
    json!({
        "quick": {"delays_ms": [1000, 2000, 1000], "jitter_percent": 20, "retry_after_cap_ms": 4000},
        "four": {"success": [200, 201], "delays_ms": [0, 2000, 0]},
    })
}

/// The waits between the requests, each from arrival to arrival.
fn gaps_ms(requests: &[Arc<Request>]) -> Vec<u128> {
    requests.windows(2).map(|pair| (pair[1].arrived - pair[0].arrived).as_millis()).collect()
}

fn assert_not_early(requests: &[Arc<Request>], least_ms: &[u128]) {
    let gaps = gaps_ms(requests);
    assert_eq!(gaps.len(), least_ms.len(), "attempts: {requests:#?}");
    assert!(gaps.iter().zip(least_ms).all(|(gap, least)| gap >= least), "{gaps:?} but at least {least_ms:?}");
}

async fn start(test: &str) -> Result<Cluster> {
    let mut setup = Setup::new(test).await?;
    setup.policies(&policies());
    // All of them fail at once, and each on its own schedule.
    setup.set("DELIVERER__LANE_FAILURES_MAX", "1000");
    Cluster::start(setup).await
}

async fn escalation(cluster: &Cluster, event_id: &str) -> Result<Escalation> {
    let is_it =
        |e: &Escalation| e.delivery.as_ref().and_then(|d| d.event.as_ref()).is_some_and(|e| e.id == event_id);
    let there = |found: &[Escalation]| found.iter().any(is_it);
    let found: Vec<Escalation> =
        topics::wait_for(&cluster.setup, Topic::Escalations, PATIENCE, there).await?;
    let mut of_it: Vec<Escalation> = found.into_iter().filter(is_it).collect();
    assert_eq!(of_it.len(), 1, "{of_it:#?}");
    of_it.pop().context("no escalation")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_failures_are_two_retries_and_none_is_early() -> Result<()> {
    let mut setup = Setup::new("retries").await?;
    setup.policies(&policies());
    setup.set("DELIVERER__LANE_FAILURES_MAX", "1000");
    // Longer than anyone asks for: nothing is parked, where it would go back one by one.
    setup.set("DELIVERER__LANE_WAIT_MAX_MS", "30000");
    let cluster = Cluster::start(setup).await?;
    let receiver = &cluster.receiver;
    let kind = "FLIGHT_CANCEL";
    let subscribed = async |path: &str, behaviour: Behaviour| -> Result<Subscription> {
        receiver.behave(path, behaviour);
        cluster.subscribe(ACME, kind, path, &json!({"policy": "quick"})).await
    };
    let failing = subscribed("/failing", Behaviour::fail_first(2, 500)).await?;
    let closing = subscribed(
        "/closing",
        Behaviour::custom(|a| if a.nth == 1 { Reply::Close } else { Reply::Status(204) }),
    )
    .await?;
    let asking = subscribed(
        "/asking",
        Behaviour::custom(|a| match a.nth {
            1 => Reply::with_header(503, "retry-after", "3"),
            2 => Reply::with_header(429, "retry-after", "3600"),
            _ => Reply::Status(200),
        }),
    )
    .await?;
    let healthy = subscribed("/healthy", Behaviour::ok()).await?;

    const EVENTS: usize = 25;
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&events("e", kind, EVENTS))).await?;
    for (subscription, attempts) in [(&failing, 3), (&closing, 2), (&asking, 3), (&healthy, 1)] {
        receiver.wait_for_count(&subscription.path, attempts * EVENTS, PATIENCE).await?;
    }
    receiver.wait_until_quiet(Duration::from_secs(3), PATIENCE).await?;
    // Asked for an hour, the receiver gets the cap of the policy.
    let least: [(&Subscription, &[u128]); 4] =
        [(&failing, &[1000, 2000]), (&closing, &[1000]), (&asking, &[3000, 4000]), (&healthy, &[])];
    for (subscription, least_ms) in least {
        let by_id = receiver.by_webhook_id(&subscription.path);
        assert_eq!(by_id.len(), EVENTS, "deliveries to {}", subscription.path);
        for requests in by_id.values() {
            assert_not_early(requests, least_ms);
            verify_all(&subscription.key, requests)?;
            let bodies: Vec<_> = requests.iter().map(|request| &request.body).collect();
            assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "the body changed between attempts");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_attempts_then_people_are_told() -> Result<()> {
    let cluster = start("escalated").await?;
    let receiver = &cluster.receiver;
    let statuses = [500, 410, 204, 429];
    // Neither 410 nor Retry-After changes anything under a policy that does not say so, and 204 is no success.
    let answers = Behaviour::custom(move |arrival| {
        Reply::with_header(statuses[(arrival.nth as usize - 1) % 4], "retry-after", "30")
    });
    receiver.behave("/four", answers);
    let hook = cluster
        .subscribe(ACME, "FLIGHT_CREW_ASSIGNMENT", "/four", &json!({
            "profile": "staffing", "policy": "four", "authentication": {"type": "apiKey", "key": "crew-key"},
        }))
        .await?;
    let begun = jiff::Timestamp::now().as_millisecond();
    cluster
        .upstream
        .send(&cluster.setup.flights(), &event("crew", "FLIGHT_CREW_ASSIGNMENT").structured())
        .await?;
    let escalated = escalation(&cluster, "crew").await?;
    receiver.wait_until_quiet(Duration::from_secs(3), PATIENCE).await?;

    let requests = receiver.requests_on("/four");
    assert_not_early(&requests, &[0, 2000, 0]);
    verify_all(&hook.key, &requests)?;
    assert!(requests.iter().all(|request| request.webhook_id() == requests[0].webhook_id()));
    assert_eq!(escalated.reason(), Reason::Exhausted);
    assert_eq!(escalated.callback_url, receiver.url("/four"));
    assert_eq!(escalated.policy, "four");
    let history: Vec<(u32, u32)> = escalated.attempts.iter().map(|a| (a.number, a.status)).collect();
    assert_eq!(history, [(1, 500), (2, 410), (3, 204), (4, 429)]);
    let times: Vec<i64> = escalated.attempts.iter().map(|attempt| attempt.started_at_ms).collect();
    assert!(begun <= times[0] && times.is_sorted() && times[2] - times[1] >= 2000, "{times:?}");
    let answer = cluster.rest.get(&hook).await?;
    assert_eq!(answer.json()["status"], "ACTIVE", "{}", answer.text());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_under_standard_deactivates_the_subscription() -> Result<()> {
    let cluster = start("gone").await?;
    let (receiver, flights) = (&cluster.receiver, cluster.setup.flights());
    let kind = "FLIGHT_HOTEL_ASSIGNMENT";
    receiver.behave("/gone", Behaviour::status(410));
    let gone = cluster.subscribe(ACME, kind, "/gone", &json!({})).await?;
    let other = cluster.subscribe(ACME, kind, "/other", &json!({})).await?;
    cluster.upstream.send(&flights, &event("first", kind).structured()).await?;
    let escalated = escalation(&cluster, "first").await?;
    assert_eq!(escalated.reason(), Reason::Gone);
    let until = Instant::now() + PATIENCE;
    loop {
        let status = cluster.rest.get(&gone).await?.json()["status"].clone();
        if status == "INACTIVE" {
            break;
        }
        assert!(Instant::now() < until, "still {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    cluster.upstream.send_all(&flights, &structured(&events("later", kind, 10))).await?;
    receiver.wait_for_count(&other.path, 11, PATIENCE).await?;
    receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    assert_eq!(receiver.count_on("/gone"), 1);
    assert_eq!(cluster.rest.get(&other).await?.json()["status"], "ACTIVE");
    Ok(())
}
