//! More is parked than Redis has room for: what is parked stands in the log, so nothing is lost, and all of it arrives.

use crate::cluster::Cluster;
use crate::ledger::{all_succeed, metric, once_each, parked_once_each, wait_parked};
use crate::publish::{event, structured};
use crate::rest::ACME;
use crate::scale::{patience, scaled};
use crate::setup::Setup;
use aerogram_testkit::services::Service;
use aerogram_testkit::{Behaviour, Receiver, UpstreamEvent};
use anyhow::{Result, ensure};
use serde_json::json;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_CANCEL";
const RECEIVERS: usize = 10;
const PAYLOAD_BYTES: usize = 2_000;
/// Those that shut a lane, and as many as may be open when it is shut.
const TRIED_MAX: usize = 64 + 8;
const MIB: u64 = 1 << 20;

struct Test {
    cluster: Cluster,
    redis: Arc<Service>,
    /// Keeps no bodies.
    receiver: Receiver,
    paths: Vec<String>,
}

impl Test {
    /// Dead receivers, and a Redis that may hold so many bytes besides what an empty one takes.
    async fn start(test: &str, room_bytes: u64) -> Result<Self> {
        let mut setup = Setup::new(test).await?;
        setup.policies(&json!({"patient": {"delays_ms": vec![1_000; 100]}}));
        setup.set("DELIVERER__LANE_FAILING_MIN_MS", "0");
        setup.set("SCHEDULER__PROBE_WAIT_MIN_MS", "200");
        setup.set("SCHEDULER__PROBE_WAIT_MAX_MS", "1000");
        let redis = Arc::new(Service::redis(setup.rig.dir())?.with_max_memory_bytes(64 * MIB));
        let starting = redis.clone();
        tokio::task::spawn_blocking(move || starting.up()).await??;
        setup.set("REDIS__URL", redis.redis_url());
        let cluster = Cluster::start(setup).await?;
        // Ready, they have their scripts and their connections there.
        let empty = redis.told("used_memory").await?;
        redis.configure("maxmemory", &(empty + room_bytes).to_string()).await?;
        let receiver = Receiver::start_lean(&cluster.setup.ca).await?;
        receiver.behave_otherwise(Behaviour::status(503));
        let paths: Vec<String> = (1..=RECEIVERS).map(|n| format!("/dead-{n}")).collect();
        for path in &paths {
            let extra = json!({"policy": "patient", "callbackUrl": receiver.url(path)});
            cluster.subscribe(ACME, KIND, path, &extra).await?;
        }
        Ok(Self { cluster, redis, receiver, paths })
    }

    async fn publish(&self, count: usize) -> Result<()> {
        let flights = self.cluster.setup.flights();
        let numbers: Vec<usize> = (0..count).collect();
        for some in numbers.chunks(1_000) {
            let events: Vec<UpstreamEvent> = some.iter().map(|number| large(*number)).collect();
            self.cluster.upstream.send_all(&flights, &structured(&events)).await?;
        }
        Ok(())
    }

    async fn all_are_parked(&self, count: usize) -> Result<()> {
        let all = RECEIVERS * count;
        let parked = wait_parked(&self.cluster.setup, all - RECEIVERS * TRIED_MAX, patience(all)).await?;
        println!("{parked} of {all} are parked");
        Ok(())
    }

    async fn print(&mut self) -> Result<()> {
        let [used, most, limit] =
            ["used_memory", "used_memory_peak", "maxmemory"].map(|name| (name, &self.redis));
        for (name, redis) in [used, most, limit] {
            println!("Redis {name}: {:.1} MiB", redis.told(name).await? as f64 / MIB as f64);
        }
        let scheduler = self.cluster.process("scheduler")?;
        println!("the scheduler has had {} MiB", scheduler.peak_memory_bytes()? / MIB);
        for line in scheduler.metrics().await?.lines().filter(|line| line.starts_with("aerogram_pending")) {
            println!("{line}");
        }
        Ok(())
    }

    async fn all_arrive(&self, count: usize) -> Result<()> {
        self.receiver.behave_otherwise(Behaviour::ok());
        let within = patience(RECEIVERS * count);
        for path in &self.paths {
            all_succeed(&self.receiver, path, count, within).await?;
        }
        // Nothing of it comes again.
        self.receiver.wait_until_quiet(Duration::from_secs(2), within).await?;
        self.paths.iter().try_for_each(|path| once_each(&self.receiver, path, count))
    }
}

/// An event whose data is of that size, and does not become smaller by compression to speak of.
fn large(number: usize) -> UpstreamEvent {
    let mut event = event(&format!("e-{number}"), KIND);
    let (mut noise, mut state) = (String::with_capacity(PAYLOAD_BYTES + 16), number as u64 + 1);
    while noise.len() < PAYLOAD_BYTES {
        // The steps of xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Writing to a String does not fail.
        let _ = write!(noise, "{state:016x}");
    }
    event.data = json!({"noise": noise});
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_payload_is_parked_than_redis_may_hold_and_all_of_it_arrives() -> Result<()> {
    let count = scaled(200_000) / RECEIVERS;
    let mut test = Test::start("bounded", u64::try_from(scaled(64))? * MIB).await?;
    test.publish(count).await?;
    test.all_are_parked(count).await?;
    // What was parked last is applied a moment later.
    let until = Instant::now() + patience(0);
    let in_log = loop {
        let metrics = test.cluster.process("scheduler")?.metrics().await?;
        let in_log = metric(&metrics, IN_LOG.0, IN_LOG.1).unwrap_or_default();
        if in_log > 0.0 || Instant::now() >= until {
            break in_log;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    test.print().await?;
    ensure!(in_log > 0.0, "Redis held all of it, so this shows nothing");
    test.all_arrive(count).await?;
    parked_once_each(&test.cluster.setup).await
}

/// The gauge of entries whose payload is read back from the log.
const IN_LOG: (&str, &str) = ("aerogram_pending_payloads", "where=\"log\"");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_too_small_for_the_positions_says_so_and_loses_nothing() -> Result<()> {
    let count = scaled(50_000) / RECEIVERS;
    let mut test = Test::start("full-redis", u64::try_from(scaled(2_000))? * 1024).await?;
    test.publish(count).await?;
    test.all_are_parked(count).await?;
    let until = Instant::now() + patience(0);
    loop {
        let (status, text) = test.cluster.process("scheduler")?.readyz().await?;
        if text.contains("no room for what waits") {
            break;
        }
        ensure!(Instant::now() < until, "nothing says that Redis is full: {status} {text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    test.print().await?;
    test.redis.configure("maxmemory", &(64 * MIB).to_string()).await?;
    test.all_arrive(count).await
}
