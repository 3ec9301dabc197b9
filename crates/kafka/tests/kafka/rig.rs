//! What tests share.

use std::future::Future;
use std::time::Duration;

use aerogram_kafka::{
    Assignment, Cluster, GroupConfig, GroupError, Item, Out, PartitionReader, Stopping, TaskEnd, Writer,
    run_group, topics,
};
use aerogram_settings::Settings;
use aerogram_telemetry::Condition;
use aerogram_wire::Topic;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything takes; only a hang reaches it.
pub const PATIENCE: Duration = Duration::from_secs(45);

pub fn brokers() -> String {
    std::env::var("AEROGRAM_TEST_KAFKA").expect(
        "AEROGRAM_TEST_KAFKA must name a Kafka for tests: run `make test`, or `make kafka-up` and set it to 127.0.0.1:9092",
    )
}

/// Settings of a test's own.
pub fn settings(test: &str) -> Settings {
    settings_of(&format!("test-{test}-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]))
}

pub fn settings_of(prefix: &str) -> Settings {
    let mut settings = Settings::default();
    settings.kafka.brokers = brokers();
    settings.kafka.topic_prefix = prefix.to_owned();
    // The shortest the broker's default allows.
    settings.kafka.session_timeout_ms = 6_000;
    settings.kafka.startup_timeout_ms = 30_000;
    settings.topics.partitions = 3;
    settings.topics.event_partitions = 2;
    settings.fanout.group = format!("{prefix}-fanout");
    settings.deliverer.group = format!("{prefix}-deliverer");
    settings.scheduler.group = format!("{prefix}-scheduler");
    settings.api.group = format!("{prefix}-commands");
    settings
}

/// Topics and a connection for a test.
pub async fn cluster(test: &str) -> (Settings, Cluster) {
    let settings = settings(test);
    let report = topics::create(&settings).await.unwrap();
    assert!(report.is_good(), "{report}");
    let cluster = Cluster::connect(&settings, &CancellationToken::new()).await.unwrap();
    (settings, cluster)
}

pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: nothing for {PATIENCE:?}"))
}

pub fn out<'a>(topic: Topic, partition: i32, payload: &'a [u8]) -> Out<'a> {
    Out { topic, partition, key: Some(b"key"), payload: Some(payload), headers: &[] }
}

/// Writes `count` records with their numbers as payloads.
pub async fn write_numbers(writer: &Writer, topic: Topic, partition: i32, numbers: std::ops::Range<u32>) {
    let mut acks = Vec::new();
    for number in numbers {
        acks.push(writer.enqueue(out(topic, partition, number.to_string().as_bytes())).await.unwrap());
    }
    for ack in acks {
        ack.await.unwrap();
    }
}

pub fn number(item: &Item) -> Option<u32> {
    let Item::Record(record) = item else { return None };
    Some(std::str::from_utf8(record.payload.as_deref()?).unwrap().parse().unwrap())
}

/// Reads numbers until the end is said.
pub async fn numbers_to_end(reader: &mut PartitionReader) -> Vec<u32> {
    let mut numbers = Vec::new();
    loop {
        match soon("reading", reader.next()).await.unwrap() {
            Item::End => return numbers,
            item => numbers.extend(number(&item)),
        }
    }
}

/// A member of a group whose assignments the test takes one by one. A task ends as the test says; when the test dropped
/// what says it, as soon as it is asked to.
pub struct Member {
    pub assigned: mpsc::Receiver<(Assignment, oneshot::Sender<TaskEnd>)>,
    pub shutdown: CancellationToken,
    pub running: JoinHandle<Result<(), GroupError>>,
}

impl Member {
    pub fn join(cluster: &Cluster, group: &str, topic: String, external: bool) -> Self {
        Self::join_saying(cluster, group, topic, external, None)
    }

    /// As [`Self::join`]; what it has is told to a condition.
    pub fn join_saying(
        cluster: &Cluster,
        group: &str,
        topic: String,
        external: bool,
        assigned: Option<Condition>,
    ) -> Self {
        let config = GroupConfig {
            group: group.to_owned(),
            topics: vec![topic],
            external,
            drain: Duration::from_secs(10),
            assigned,
        };
        let (sender, assigned) = mpsc::channel(64);
        let shutdown = CancellationToken::new();
        let (cluster, stopped) = (cluster.clone(), shutdown.clone());
        let running = tokio::spawn(async move {
            run_group(&cluster, config, stopped, move |assignment| {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let (end, ended) = oneshot::channel();
                    let mut stop = assignment.stop.clone();
                    // A test that is about to leave takes no more.
                    let _ = sender.send((assignment, end)).await;
                    if let Ok(end) = ended.await {
                        return end;
                    }
                    while stop.now() == Stopping::No {
                        stop.changed().await;
                    }
                    TaskEnd::Stopped
                })
            })
            .await
        });
        Self { assigned, shutdown, running }
    }

    /// The next assignment, and what ends its task.
    pub async fn next(&mut self) -> (Assignment, oneshot::Sender<TaskEnd>) {
        soon("an assignment", self.assigned.recv()).await.expect("the group ended")
    }

    pub async fn leave(self) -> Result<(), GroupError> {
        self.shutdown.cancel();
        self.ended().await
    }

    pub async fn ended(self) -> Result<(), GroupError> {
        let Self { assigned, running, .. } = self;
        drop(assigned);
        soon("leaving", running).await.unwrap()
    }
}

/// Waits until the task is asked to stop.
pub async fn stopping(assignment: &mut Assignment) -> Stopping {
    while assignment.stop.now() == Stopping::No {
        soon("being asked to stop", assignment.stop.changed()).await;
    }
    assignment.stop.now()
}
