//! `aerogram top`: each receiver in its state, as the processes that send and hold know it.

use crate::apply::aerogram;
use crate::cluster::{Cluster, PATIENCE};
use crate::publish::{events, structured};
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use aerogram_testkit::ports::free_port;
use aerogram_testkit::{Behaviour, Reply};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_CANCEL";
/// Of the one that asks for patience: more than one at once would look like failing for long.
const KIND_OF_ONE: &str = "FLIGHT_CREATE";
/// More than the slow one gets through while anything is looked at, so that some of them are parked.
const EVENTS: usize = 400;

/// Whether a row is as it should be.
type Good<'a> = &'a dyn Fn(&Value) -> bool;

struct Watched {
    cluster: Cluster,
    /// Where the deliverer and the scheduler are asked.
    from: [String; 2],
}

impl Watched {
    async fn start() -> Result<Self> {
        let mut setup = Setup::new("top").await?;
        setup.policies(&json!({"patient": {"delays_ms": vec![1_000; 60], "retry_after_cap_ms": 600_000}}));
        setup.set("TOPICS__PARTITIONS", "1");
        setup.set("DELIVERER__REQUEST_TIMEOUT_MS", "15000");
        setup.set("DELIVERER__LANE_FAILING_MIN_MS", "0");
        setup.set("SCHEDULER__PROBE_WAIT_MIN_MS", "1000");
        setup.set("SCHEDULER__PROBE_WAIT_MAX_MS", "2000");
        let mut cluster = Cluster::start(setup).await?;
        let mut admin = |name: &str| -> Result<String> {
            let url = cluster.process(name)?.admin_url("");
            Ok(url.trim_start_matches("http://").to_owned())
        };
        let from = [admin("deliverer-1")?, admin("scheduler")?];
        Ok(Self { cluster, from })
    }

    async fn subscribe(
        &self,
        name: &str,
        kind: &str,
        behaviour: Behaviour,
        extra: Value,
    ) -> Result<Subscription> {
        let path = format!("/secret-path-of-{name}");
        self.cluster.receiver.behave(&path, behaviour);
        let mut all = json!({"policy": "patient", "name": name});
        for (field, value) in extra.as_object().into_iter().flatten() {
            all[field] = value.clone();
        }
        self.cluster.subscribe(ACME, kind, &path, &all).await
    }

    /// What the command prints, asked at these places.
    async fn printed(&self, from: &[&str], more: &[&str]) -> Result<(Option<i32>, String)> {
        let mut args = vec!["top", "--once"];
        for one in from {
            args.extend(["--from", one]);
        }
        args.extend(more);
        let finished = aerogram(&self.cluster, &args).await?;
        Ok((finished.status.code(), finished.stdout))
    }

    async fn picture(&self) -> Result<(String, Value)> {
        let [deliverer, scheduler] = &self.from;
        let (status, text) = self.printed(&[deliverer, scheduler], &["--json"]).await?;
        ensure!(status == Some(0), "{status:?}: {text}");
        let picture = serde_json::from_str(&text).with_context(|| text.clone())?;
        Ok((text, picture))
    }

    /// Waits until the row of each is as it should be; the whole picture, and the rows.
    async fn wait_for(&self, expected: &[(&Subscription, Good<'_>)]) -> Result<(String, Vec<Value>)> {
        let until = Instant::now() + PATIENCE;
        loop {
            let (text, picture) = self.picture().await?;
            let found = |of: &Subscription| {
                let rows = picture["subscriptions"].as_array();
                rows.into_iter().flatten().find(|row| row["subscriptionId"] == of.id.as_str()).cloned()
            };
            let rows: Vec<Value> =
                expected.iter().filter_map(|(of, good)| found(of).filter(|row| good(row))).collect();
            if rows.len() == expected.len() {
                return Ok((text, rows));
            }
            ensure!(Instant::now() < until, "{text}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn is(row: &Value, state: &str) -> bool {
    row["state"] == state
}

fn is_parked(row: &Value) -> bool {
    row["parked"].as_u64().is_some_and(|parked| parked > 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_dead_slow_limited_or_asks_for_patience_is_seen_as_such() -> Result<()> {
    let watched = Watched::start().await?;
    let dead = watched.subscribe("dead", KIND, Behaviour::status(500), json!({})).await?;
    let slow = watched.subscribe("slow", KIND, Behaviour::slow(Duration::from_secs(10)), json!({})).await?;
    let limits = json!({"limits": {"ratePerMinute": 60}});
    let limited = watched.subscribe("limited", KIND, Behaviour::ok(), limits).await?;
    let later = Behaviour::Always(Reply::with_header(429, "retry-after", "600"));
    let patient = watched.subscribe("patient", KIND_OF_ONE, later, json!({})).await?;
    let healthy = watched.subscribe("healthy", KIND, Behaviour::ok(), json!({})).await?;
    let cluster = &watched.cluster;
    let mut all = events("e", KIND, EVENTS);
    all.extend(events("one", KIND_OF_ONE, 1));
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&all)).await?;
    cluster.receiver.wait_for_count(&healthy.path, EVENTS, PATIENCE).await?;

    let (text, rows) = watched
        .wait_for(&[
            (&dead, &|row| is(row, "shut") && is_parked(row) && row["nextProbeInMs"].is_u64()),
            (&slow, &|row| is(row, "slow") && is_parked(row)),
            (&limited, &|row| is(row, "limited") && is_parked(row)),
            (&patient, &|row| is(row, "paused") && row["resumesInMs"].as_u64() > Some(0)),
        ])
        .await?;
    for (row, name) in rows.iter().zip(["dead", "slow", "limited", "patient"]) {
        let host = watched.cluster.receiver.address().to_string();
        assert_eq!(
            (&row["name"], &row["operator"], &row["host"]),
            (&json!(name), &json!("acme"), &json!(host))
        );
    }
    assert!(rows[0]["failuresInRow"].as_u64() >= Some(8) && rows[0]["failingSince"].is_string(), "{text}");
    assert!(rows[1]["open"].as_u64() >= Some(1), "{text}");
    assert!(rows[2]["failuresInRow"] == 0 && rows[2]["failingSince"].is_null(), "{text}");
    assert!(!text.contains("secret-path") && !text.contains("key of"), "only hosts are shown: {text}");
    assert!(!is_seen_as_bad(&text, &healthy)?, "{text}");

    as_people_see_it(&watched, &dead).await?;
    what_is_not_reached_is_said(&watched).await?;

    watched.cluster.receiver.behave(&dead.path, Behaviour::ok());
    watched.cluster.receiver.wait_for_count(&dead.path, EVENTS, PATIENCE).await?;
    let until = Instant::now() + PATIENCE;
    while is_seen_as_bad(&watched.picture().await?.0, &dead)? {
        ensure!(Instant::now() < until, "{}", watched.picture().await?.0);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Whether it is there, and neither well nor on its way to that.
fn is_seen_as_bad(text: &str, subscription: &Subscription) -> Result<bool> {
    let picture: Value = serde_json::from_str(text)?;
    let rows = picture["subscriptions"].as_array().context("no rows")?;
    let found = rows.iter().find(|row| row["subscriptionId"] == subscription.id.as_str());
    Ok(found.is_some_and(|row| !is(row, "well") && !is(row, "paced")))
}

/// A table, the worst first, with what its words mean.
async fn as_people_see_it(watched: &Watched, dead: &Subscription) -> Result<()> {
    let [deliverer, scheduler] = &watched.from;
    let meant = ["\nshut    ", "\nslow    ", "\nlimited ", "\npaused  "];
    let until = Instant::now() + PATIENCE;
    loop {
        let (status, text) = watched.printed(&[deliverer, scheduler], &[]).await?;
        assert_eq!(status, Some(0), "{text}");
        assert!(!text.contains('\u{1b}'), "this is no terminal: {text}");
        let lines: Vec<&str> = text.lines().collect();
        // A receiver's state is that of the moment: a limited one is well between two of its requests.
        let headline = lines[0].contains("1 shut") && lines[0].contains("(2 processes asked)");
        let worst = lines.iter().skip_while(|line| !line.starts_with("STATE")).nth(1);
        let is_first = worst.is_some_and(|row| row.starts_with("shut") && row.contains(&dead.id));
        if headline && is_first && meant.iter().all(|meaning| text.contains(meaning)) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn what_is_not_reached_is_said(watched: &Watched) -> Result<()> {
    let [deliverer, _] = &watched.from;
    let nobody = format!("127.0.0.1:{}", free_port()?);
    let (status, text) = watched.printed(&[deliverer, &nobody], &[]).await?;
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains(&format!("not reached: {nobody}: ")), "{text}");
    assert!(text.contains("nothing is known of what is parked"), "{text}");
    let (status, text) = watched.printed(&[&nobody], &["--json"]).await?;
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("no deliverer and no scheduler answers"), "{text}");
    Ok(())
}
