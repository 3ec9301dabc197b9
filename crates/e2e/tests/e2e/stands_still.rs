//! What lies in one partition stops that partition, which says so, and no other.

use crate::cluster::{Cluster, PATIENCE};
use crate::publish::{event, structured};
use crate::rest::ACME;
use crate::setup::{PARTITIONS, Setup};
use aerogram_testkit::{Process, Record, UpstreamEvent};
use aerogram_wire::partitioner::partition_of;
use anyhow::{Context, Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_MOVEMENT_UPDATE";
const STUCK: i32 = 0;

fn partition(event: &UpstreamEvent) -> i32 {
    partition_of(event.subject.as_bytes(), PARTITIONS)
}

/// `/readyz` says that it stands still, and goes on saying so: the process lives.
async fn says_so(process: &mut Process, what: &str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = process.readyz().await;
        if let Ok((503, said)) = &answer
            && said.contains("stands still")
            && said.contains(what)
        {
            break;
        }
        ensure!(
            Instant::now() < until,
            "{} does not say that {what} stands still: {answer:?}",
            process.name()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(process.log()?.contains("the partition stands still"), "no line of the log says it");
    ensure!(process.exited()?.is_none(), "{} has ended", process.name());
    Ok(())
}

/// What a group has committed, when it has come to `wanted` or does not get there.
async fn committed(cluster: &Cluster, group: &str, topic: &str, partition: i32, wanted: i64) -> Result<i64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.setup.rig.brokers())
        .set("group.id", format!("{}-{group}", cluster.setup.rig.prefix()))
        .create()?;
    let until = Instant::now() + PATIENCE;
    loop {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, partition);
        let told = consumer.committed_offsets(asked, PATIENCE)?;
        let Some(Offset::Offset(offset)) = told.find_partition(topic, partition).map(|found| found.offset())
        else {
            anyhow::bail!("{group} has committed nothing for {topic} {partition}");
        };
        if offset >= wanted || Instant::now() >= until {
            return Ok(offset);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn arrive(cluster: &Cluster, path: &str, wanted: &BTreeSet<String>) -> Result<()> {
    cluster.receiver.wait_for_count(path, wanted.len(), PATIENCE).await?;
    cluster.receiver.wait_until_quiet(Duration::from_secs(1), PATIENCE).await?;
    let mut came = BTreeSet::new();
    for request in cluster.receiver.requests_on(path) {
        came.insert(request.json()?["id"].as_str().context("a body without id")?.to_owned());
    }
    ensure!(came == *wanted, "{came:?} came instead of {wanted:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_event_stops_its_partition_and_no_other() -> Result<()> {
    let mut cluster = Cluster::start(Setup::new("unreadable").await?).await?;
    cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    let events = cluster.setup.rig.topic("events");
    let all: Vec<UpstreamEvent> = (0..60).map(|n| event(&format!("e-{n}"), KIND)).collect();
    let (stuck, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|event| partition(event) == STUCK);
    ensure!(stuck.len() > 3 && !others.is_empty(), "the subjects do not suit the test");
    let (before, after) = stuck.split_at(2);
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(before)).await?;
    let mut wanted: BTreeSet<String> = before.iter().map(|event| event.id.clone()).collect();
    arrive(&cluster, "/hook", &wanted).await?;

    // As a version of tomorrow would write it.
    let garbage = Record::new("\u{7f}is no envelope").on_partition(STUCK);
    let (_, bad) = cluster.upstream.send(&events, &garbage).await?;
    says_so(cluster.process("fanout")?, "events partition 0").await?;
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(after)).await?;
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&others)).await?;
    wanted.extend(others.iter().map(|event| event.id.clone()));
    arrive(&cluster, "/hook", &wanted).await?;
    says_so(cluster.process("fanout")?, "events partition 0").await?;
    assert_eq!(committed(&cluster, "fanout", &events, STUCK, bad).await?, bad);

    // The next owner meets it again; nobody passes over it.
    cluster.terminate("fanout").await?;
    cluster.spawn("fanout")?;
    says_so(cluster.process("fanout")?, "events partition 0").await?;
    assert_eq!(committed(&cluster, "fanout", &events, STUCK, bad).await?, bad);
    arrive(&cluster, "/hook", &wanted).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_kafka_refuses_stops_its_upstream_partition_and_no_other() -> Result<()> {
    let mut cluster = Cluster::start(Setup::new("refused").await?).await?;
    cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    let (events, flights) = (cluster.setup.rig.topic("events"), cluster.setup.flights());
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", cluster.setup.rig.brokers()).create()?;
    let small = AlterConfig::new(ResourceSpecifier::Topic(&events)).set("max.message.bytes", "4000");
    for result in admin.alter_configs([&small], &AdminOptions::new()).await? {
        result.map_err(|(_, code)| code)?;
    }
    let on = |partition: i32, event: &UpstreamEvent| event.structured().on_partition(partition);
    let (_, offset) = cluster.upstream.send(&flights, &on(0, &event("first", KIND))).await?;
    let mut wanted = BTreeSet::from(["first".to_owned()]);
    arrive(&cluster, "/hook", &wanted).await?;

    let mut large = event("large", KIND);
    // No compression makes it small enough.
    let noise: String = (0..500).map(|n: u32| format!("{:?}", Sha256::digest(n.to_be_bytes()))).collect();
    large.data = json!({"noise": noise});
    cluster.upstream.send(&flights, &on(0, &large)).await?;
    says_so(cluster.process("ingest")?, &format!("{flights} partition 0")).await?;
    for n in 0..20 {
        cluster.upstream.send(&flights, &on(1, &event(&format!("other-{n}"), KIND))).await?;
        cluster.upstream.send(&flights, &on(0, &event(&format!("behind-{n}"), KIND))).await?;
        wanted.insert(format!("other-{n}"));
    }
    arrive(&cluster, "/hook", &wanted).await?;
    assert_eq!(committed(&cluster, "ingest", &flights, 0, offset + 1).await?, offset + 1);
    says_so(cluster.process("ingest")?, &format!("{flights} partition 0")).await
}
