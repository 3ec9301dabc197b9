//! A receiver is never asked for more than its limits say, whoever sends, also while there is no Redis; and a limit delays,
//! it drops nothing. What the receivers wrote down is looked at, in every ten seconds of it.

use crate::cluster::{Cluster, PATIENCE};
use crate::publish::{event, events, structured};
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::services::Service;
use aerogram_testkit::{Behaviour, Receiver, Request};
use aerogram_wire::Topic;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, Outcome};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const KIND: &str = "FLIGHT_CANCEL";
/// Of the subscription it is in one deliverer alone, also while there is no Redis; of the host's three in several.
const OF_SUBSCRIPTION: Limit = Limit { per_second: 20, deliverers: 1 };
const OF_HOST: Limit = Limit { per_second: 50, deliverers: DELIVERERS };
const DELIVERERS: usize = 2;
const WINDOW_S: usize = 10;
/// Three times what the subscription may get, and more than three times what the three of the host may.
const PUBLISHED_PER_SECOND: usize = 60;
/// With Redis, and without: longer than a window. More than one fits within either.
const PHASE: Duration = Duration::from_secs(16);
/// Until every deliverer has noticed that Redis is gone, or back.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);
/// What was sent apart may arrive together, at a receiver that gets no time from the machine.
const LATE_S: usize = 3;

struct Test {
    cluster: Cluster,
    redis: Arc<Service>,
    /// Whose host is limited; each limit has a receiver of its own.
    shared: Receiver,
    one: Subscription,
    three: Vec<Subscription>,
}

struct Limit {
    per_second: usize,
    /// How many may have it for themselves while Redis comes or goes.
    deliverers: usize,
}

/// When Redis was away, in milliseconds of the wall clock.
struct Outage {
    from_ms: u64,
    to_ms: u64,
}

impl Test {
    async fn start() -> Result<Self> {
        let mut setup = Setup::new("limits").await?;
        let redis = Arc::new(Service::redis(setup.rig.dir())?);
        up(&redis).await?;
        setup.set("REDIS__URL", redis.redis_url());
        // Each deliverer has one.
        setup.set("TOPICS__PARTITIONS", DELIVERERS.to_string());
        let shared = Receiver::start(&setup.ca).await?;
        let host = shared.address().to_string();
        let per_minute = 60 * OF_HOST.per_second;
        setup.set("HOSTS", json!({host: {"rate_per_minute": per_minute}}).to_string());
        let cluster = Cluster::start_with(setup, DELIVERERS).await?;
        let limits = json!({"limits": {"ratePerMinute": 60 * OF_SUBSCRIPTION.per_second}});
        let one = cluster.subscribe(ACME, KIND, "/one", &limits).await?;
        let mut test = Self { cluster, redis, shared, one, three: Vec::new() };
        while test.three.len() < 3 {
            test.subscribe_to_host().await?;
        }
        Ok(test)
    }

    /// One more of the three, which are not all in the same partition.
    async fn subscribe_to_host(&mut self) -> Result<()> {
        let path = format!("/three-{}", self.three.len());
        let extra = json!({"callbackUrl": self.shared.url(&path)});
        let made = self.cluster.subscribe(ACME, KIND, &path, &extra).await?;
        let all = self.three.iter().chain([&made]);
        let taken: BTreeSet<i32> = all.map(|one| one.partition(DELIVERERS as i32)).collect();
        if self.three.len() == 2 && taken.len() < 2 {
            let answer = self.cluster.rest.delete(&made).await?;
            ensure!(answer.status == 204, "deleting: {}", answer.status);
        } else {
            self.three.push(made);
        }
        Ok(())
    }

    fn of_one(&self) -> Vec<Arc<Request>> {
        self.cluster.receiver.requests_on(&self.one.path)
    }

    async fn all_arrive(&self, count: usize) -> Result<()> {
        let until = Instant::now() + 3 * PATIENCE;
        let lacking = || {
            let of_host = self.three.iter().map(|of| (&self.shared, &of.path));
            let all = of_host.chain([(&self.cluster.receiver, &self.one.path)]);
            all.filter(|(receiver, path)| receiver.by_webhook_id(path).len() < count)
                .map(|(receiver, path)| (path.clone(), receiver.by_webhook_id(path).len()))
                .collect::<Vec<_>>()
        };
        while !lacking().is_empty() {
            ensure!(Instant::now() < until, "of {count} there are only: {:?}", lacking());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Tokens are leased by both deliverers, and where there is no Redis both go on by themselves.
    async fn both_lease(&mut self) -> Result<()> {
        for number in 1..=DELIVERERS {
            let metrics = self.cluster.process(&format!("deliverer-{number}"))?.metrics().await?;
            for result in ["granted", "failed"] {
                let name = format!("aerogram_leases_total{{result=\"{result}\"}}");
                let count =
                    metrics.lines().find_map(|line| line.strip_prefix(&name)?.trim().parse::<f64>().ok());
                assert!(count.is_some_and(|count| count > 0.0), "deliverer-{number}: {name} is {count:?}");
            }
        }
        Ok(())
    }
}

async fn up(redis: &Arc<Service>) -> Result<()> {
    let redis = redis.clone();
    tokio::task::spawn_blocking(move || redis.up()).await?
}

async fn down(redis: &Arc<Service>) -> Result<()> {
    let redis = redis.clone();
    tokio::task::spawn_blocking(move || redis.down()).await?
}

/// So many more events, at three times the limits; how many there are then.
async fn publish(cluster: &Cluster, before: usize, count: usize) -> Result<usize> {
    const CHUNK: usize = 6;
    let (topic, all) = (cluster.setup.flights(), before + count);
    let mut tick = tokio::time::interval(Duration::from_secs(1) / (PUBLISHED_PER_SECOND / CHUNK) as u32);
    let some: Vec<_> = (before..all).map(|number| event(&format!("e-{number}"), KIND)).collect();
    for chunk in structured(&some).chunks(CHUNK) {
        tick.tick().await;
        cluster.upstream.send_all(&topic, chunk).await?;
    }
    Ok(all)
}

impl Limit {
    /// In no window of ten seconds there is more than the rate, a burst, and a lease of each deliverer; where Redis comes or
    /// goes within it, of each deliverer by itself. Burst and lease are a tenth of a second's worth. The most there were.
    fn assert_holds(&self, times_ms: &[u64], outage: &Outage, late_s: usize) -> usize {
        let tenth = self.per_second / 10;
        let allowed = self.per_second * (WINDOW_S + late_s) + tenth + tenth * DELIVERERS;
        let mut most = 0;
        for (index, from_ms) in times_ms.iter().enumerate() {
            let to_ms = from_ms + 1_000 * WINDOW_S as u64;
            let count = times_ms[index..].partition_point(|at_ms| *at_ms < to_ms);
            let allowed = if outage.changes(*from_ms, to_ms) { allowed * self.deliverers } else { allowed };
            assert!(
                count <= allowed,
                "{count} requests within {WINDOW_S} s, and at most {allowed} are allowed"
            );
            most = most.max(count);
        }
        most
    }

    /// Strictly by when each was sent, as it says itself; and with some patience by when it arrived.
    fn assert_kept(&self, requests: &[Arc<Request>], outage: &Outage) -> Result<usize> {
        let arrived = sorted(requests.iter().map(|request| Ok(request.arrived_unix_ms)))?;
        let sent = sorted(requests.iter().map(sent_ms))?;
        self.assert_holds(&arrived, outage, LATE_S);
        Ok(self.assert_holds(&sent, outage, 0))
    }
}

impl Outage {
    /// Whether there is a moment in it at which some deliverers lease, and some go on alone.
    fn changes(&self, from_ms: u64, to_ms: u64) -> bool {
        let noticed_ms = NOTICED_WITHIN.as_millis() as u64;
        [self.from_ms, self.to_ms].iter().any(|at_ms| from_ms <= at_ms + noticed_ms && *at_ms <= to_ms)
    }

    fn had(&self, requests: &[Arc<Request>]) -> bool {
        requests.iter().any(|request| {
            self.from_ms + 1_000 < request.arrived_unix_ms && request.arrived_unix_ms < self.to_ms
        })
    }
}

/// Whole seconds: ten seconds of them are a window.
fn sent_ms(request: &Arc<Request>) -> Result<u64> {
    let stamp = request.header("webhook-timestamp").context("a request without its time")?;
    Ok(1_000 * stamp.parse::<u64>()?)
}

fn sorted(times: impl Iterator<Item = Result<u64>>) -> Result<Vec<u64>> {
    let mut times: Vec<u64> = times.collect::<Result<_>>()?;
    times.sort_unstable();
    Ok(times)
}

fn now_ms() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ten_seconds_see_more_than_a_limit_allows_also_while_redis_is_away() -> Result<()> {
    let mut test = Test::start().await?;
    let for_a_phase = PUBLISHED_PER_SECOND * PHASE.as_secs() as usize;
    let began = Instant::now();
    // Enough of it to last until Redis goes.
    let count = publish(&test.cluster, 0, for_a_phase / 2).await?;
    tokio::time::sleep_until((began + PHASE).into()).await;
    let from_ms = now_ms()?;
    down(&test.redis).await?;
    // What is parked waits for Redis; this is what goes on without, and what is parked of it comes when Redis is back.
    let count = publish(&test.cluster, count, for_a_phase).await?;
    let outage = Outage { from_ms, to_ms: now_ms()? };
    up(&test.redis).await?;
    test.all_arrive(count).await?;

    let (of_one, of_host) = (test.of_one(), test.shared.requests());
    let most = OF_SUBSCRIPTION.assert_kept(&of_one, &outage)?;
    let most_of_host = OF_HOST.assert_kept(&of_host, &outage)?;
    println!("{count} events; at most {most} and {most_of_host} within {WINDOW_S} s");
    assert!(outage.had(&of_one) && outage.had(&of_host), "deliveries go on without Redis");
    test.both_lease().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_has_its_own_concurrency_and_its_own_time_for_a_request() -> Result<()> {
    const EVENTS: usize = 12;
    let cluster = Cluster::start(Setup::new("own-limits").await?).await?;
    cluster.receiver.behave("/few", Behaviour::slow(Duration::from_millis(150)));
    cluster.subscribe(ACME, KIND, "/few", &json!({"limits": {"concurrency": 2}})).await?;
    cluster.receiver.behave("/hasty", Behaviour::hang());
    let hasty = cluster.subscribe(ACME, KIND, "/hasty", &json!({"limits": {"timeoutMs": 600}})).await?;
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&events("e", KIND, EVENTS))).await?;
    cluster.receiver.wait_for_count("/few", EVENTS, PATIENCE).await?;
    let few = cluster.receiver.requests_on("/few");
    let open_at = |at: Instant| {
        let open = |r: &&Arc<Request>| r.arrived <= at && r.ended().is_none_or(|ended| ended > at);
        few.iter().filter(open).count()
    };
    let most = few.iter().map(|request| open_at(request.arrived)).max();
    assert!(most <= Some(2), "{most:?} were open at once");

    let timeouts = |records: &[AttemptsRecord]| -> Vec<u32> {
        let batches = records.iter().filter_map(|record| match &record.body {
            Some(Body::Batch(batch)) => Some(batch),
            _ => None,
        });
        let attempts = batches.flat_map(|batch| &batch.lines).filter_map(|line| line.attempt.as_ref());
        attempts.filter(|a| a.outcome() == Outcome::Timeout).map(|a| a.duration_ms).collect()
    };
    let there = |records: &[AttemptsRecord]| !timeouts(records).is_empty();
    let records = topics::wait_for(&cluster.setup, Topic::Attempts, PATIENCE, there).await?;
    let took_ms = timeouts(&records);
    // The installation would allow ten seconds.
    assert!(took_ms.iter().all(|ms| (600..10_000).contains(ms)), "{took_ms:?} of {}", hasty.id);
    Ok(())
}
