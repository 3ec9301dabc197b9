//! A receiver is never asked for more than its limits say, whoever sends, also while there is no Redis; and a limit delays,
//! it drops nothing. What the receivers wrote down is looked at, in every ten seconds of it.

use crate::cluster::{Cluster, PATIENCE};
use crate::publish::{event, events, structured};
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::services::Service;
use aerogram_testkit::{Behaviour, Receiver, Request, Upstream};
use aerogram_wire::Topic;
use aerogram_wire::partitioner::partition_of;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, Outcome};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const KIND: &str = "FLIGHT_CANCEL";
const OF_SUBSCRIPTION_PER_SECOND: usize = 20;
const OF_HOST_PER_SECOND: usize = 50;
const DELIVERERS: usize = 2;
const WINDOW: Duration = Duration::from_secs(10);
/// More than either limit lets through: 25 for the subscription, 75 for the three of the host.
const PUBLISHED_PER_SECOND: u64 = 25;
/// With Redis, without, and with it again.
const PHASE: Duration = Duration::from_secs(11);
/// Until every deliverer has noticed that Redis is back.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);

struct Test {
    cluster: Cluster,
    redis: Arc<Service>,
    /// Whose host is limited; each limit has a receiver of its own.
    shared: Receiver,
    one: Subscription,
    three: Vec<Subscription>,
}

/// When Redis was away, as far as the deliverers know.
struct Outage {
    from: Instant,
    to: Instant,
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
        let per_minute = 60 * OF_HOST_PER_SECOND;
        setup.set("HOSTS", json!({host: {"rate_per_minute": per_minute}}).to_string());
        let cluster = Cluster::start_with(setup, DELIVERERS).await?;
        let limits = json!({"limits": {"ratePerMinute": 60 * OF_SUBSCRIPTION_PER_SECOND}});
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
        let partition = |of: &Subscription| partition_of(of.id.as_bytes(), DELIVERERS as i32);
        let taken: BTreeSet<i32> = self.three.iter().chain([&made]).map(partition).collect();
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

fn publish(cluster: &Cluster, for_long: Duration) -> Result<JoinHandle<Result<usize>>> {
    let (upstream, topic): (Upstream, _) = (cluster.setup.rig.upstream()?, cluster.setup.flights());
    Ok(tokio::spawn(async move {
        let (begun, mut count) = (Instant::now(), 0);
        let mut tick = tokio::time::interval(Duration::from_millis(1_000 / PUBLISHED_PER_SECOND));
        while begun.elapsed() < for_long {
            tick.tick().await;
            let records = [event(&format!("e-{count}"), KIND).structured()];
            upstream.send_all(&topic, &records).await?;
            count += 1;
        }
        Ok(count)
    }))
}

/// In no window of ten seconds there is more than the rate, a burst, and a lease of each deliverer; and where there was no
/// Redis, no more than that of each deliverer by itself. Burst and lease are a tenth of a second's worth.
fn assert_within(requests: &[Arc<Request>], per_second: usize, outage: &Outage) -> usize {
    let mut arrived: Vec<Instant> = requests.iter().map(|request| request.arrived).collect();
    arrived.sort_unstable();
    let tenth = per_second / 10;
    let allowed = per_second * WINDOW.as_secs() as usize + tenth + tenth * DELIVERERS;
    let mut most = 0;
    for (index, from) in arrived.iter().enumerate() {
        let to = *from + WINDOW;
        let count = arrived[index..].iter().take_while(|at| **at < to).count();
        let alone = *from < outage.to && outage.from < to;
        let allowed = if alone { allowed * DELIVERERS } else { allowed };
        assert!(count <= allowed, "{count} requests within {WINDOW:?}, and at most {allowed} are allowed");
        most = most.max(count);
    }
    most
}

fn during(requests: &[Arc<Request>], outage: &Outage) -> usize {
    requests.iter().filter(|r| outage.from < r.arrived && r.arrived < outage.to).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ten_seconds_see_more_than_a_limit_allows_also_while_redis_is_away() -> Result<()> {
    let mut test = Test::start().await?;
    let publishing = publish(&test.cluster, 3 * PHASE)?;
    tokio::time::sleep(PHASE).await;
    down(&test.redis).await?;
    let from = Instant::now();
    tokio::time::sleep(PHASE).await;
    let away = Outage { from: from + Duration::from_secs(1), to: Instant::now() };
    up(&test.redis).await?;
    let outage = Outage {
        from: from.checked_sub(Duration::from_secs(1)).context("no time")?,
        to: Instant::now() + NOTICED_WITHIN,
    };
    let count = publishing.await??;
    test.all_arrive(count).await?;

    let (of_one, of_host) = (test.of_one(), test.shared.requests());
    let most = assert_within(&of_one, OF_SUBSCRIPTION_PER_SECOND, &outage);
    let most_of_host = assert_within(&of_host, OF_HOST_PER_SECOND, &outage);
    println!("{count} events; at most {most} and {most_of_host} within {WINDOW:?}");
    // Twice as much was there to be sent.
    assert!(during(&of_one, &away) > 0 && during(&of_host, &away) > 0, "deliveries go on without Redis");
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
