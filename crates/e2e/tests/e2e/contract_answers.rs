//! Answers that never end, drip, break off or are larger than they look, from real TLS receivers: each attempt ends, is
//! called by its name, and frees its place for the next delivery.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::given_up;
use crate::publish::{event, events, structured};
use crate::rest::ACME;
use crate::setup::Setup;
use aerogram_testkit::{Behaviour, Reply};
use aerogram_wire::v1::{Escalation, Outcome};
use anyhow::Result;
use serde_json::json;

const KIND: &str = "FLIGHT_CREATE";
const TIMEOUT_MS: u32 = 1_500;
/// Deliveries to each receiver, one at a time.
const EVENTS: usize = 3;

fn outcomes(escalation: &Escalation) -> Vec<(Outcome, u32)> {
    escalation.attempts.iter().map(|attempt| (attempt.outcome(), attempt.status)).collect()
}

/// The head of a gzip file of much nothing, as an answer that would be large were it decompressed.
fn bomb(status: u16) -> Reply {
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    body.extend([0xec; 4_000]);
    let headers = [("content-encoding", "gzip"), ("content-type", "application/json")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Reply::Full { status, headers, body: body.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_holds_a_place_longer_than_the_time_limit() -> Result<()> {
    let mut setup = Setup::new("contract-answers").await?;
    setup.policies(&json!({"twice": {"delays_ms": [0]}}));
    setup.set("DELIVERER__REQUEST_TIMEOUT_MS", TIMEOUT_MS.to_string());
    setup.set("DELIVERER__LANE_CONCURRENCY", "1");
    let cluster = Cluster::start(setup).await?;
    let receiver = &cluster.receiver;
    // Path, answer, and how its attempts end; what is read up to the cap counts by its status.
    let cases = [
        ("/hang", Reply::Hang, Some((Outcome::Timeout, 0))),
        ("/dripping-200", Reply::Dripping(200), Some((Outcome::Timeout, 0))),
        ("/dripping-500", Reply::Dripping(500), Some((Outcome::Timeout, 0))),
        ("/cut-short", Reply::CutShort(200), Some((Outcome::Connect, 0))),
        ("/endless-500", Reply::Endless(500), Some((Outcome::Http5xx, 500))),
        ("/bomb-400", bomb(400), Some((Outcome::Http4xx, 400))),
        ("/endless-200", Reply::Endless(200), None),
        ("/bomb-200", bomb(200), None),
        ("/healthy", Reply::Status(200), None),
    ];
    let mut hooks = Vec::new();
    for (path, reply, _) in &cases {
        receiver.behave(path, Behaviour::Always(reply.clone()));
        hooks.push(cluster.subscribe(ACME, KIND, path, &json!({"policy": "twice"})).await?);
    }
    let flights = cluster.setup.flights();
    cluster.upstream.send(&flights, &event("first", KIND).structured()).await?;
    for (hook, (path, _, failure)) in hooks.iter().zip(&cases) {
        let Some(failure) = failure else { continue };
        let escalation = given_up::one(&cluster, hook).await?;
        assert_eq!(outcomes(&escalation), [*failure; 2], "{path}");
        for attempt in &escalation.attempts {
            let timed_out = failure.0 == Outcome::Timeout;
            assert!(!timed_out || attempt.duration_ms >= TIMEOUT_MS, "{path}: {attempt:?}");
            // What stands there is text, whatever came.
            let printable = attempt.excerpt.chars().all(|c| !c.is_control());
            assert!(printable && attempt.excerpt.len() <= 1_024, "{path}: {attempt:?}");
        }
        if *path == "/bomb-400" {
            assert_eq!(escalation.attempts[0].excerpt, "(compressed)");
        }
    }
    cluster.upstream.send_all(&flights, &structured(&events("later", KIND, EVENTS - 1))).await?;
    for (path, _, failure) in &cases {
        let requests = if failure.is_some() { 2 * EVENTS } else { EVENTS };
        receiver.wait_for_count(path, requests, PATIENCE).await?;
    }
    receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    for (path, _, failure) in &cases {
        let requests = if failure.is_some() { 2 * EVENTS } else { EVENTS };
        assert_eq!(receiver.count_on(path), requests, "{path}");
        assert_eq!(receiver.by_webhook_id(path).len(), EVENTS, "{path}");
    }
    Ok(())
}
