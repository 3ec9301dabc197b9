//! Kafka as it is, past all of the product's code.

use std::collections::HashSet;
use std::time::Duration;

use aerogram_testkit::Rig;
use aerogram_wire::Topic;
use aerogram_wire::partitioner::partition_of;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use crate::world::eventually;

const CALL: Duration = Duration::from_secs(20);

fn client(rig: &Rig) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", rig.brokers()).set("group.id", format!("{}-raw", rig.prefix()));
    config
}

/// Keys, values and headers of all records of a topic, uncommitted ones included, each as one piece of bytes.
pub fn everything_in(rig: &Rig, topic: &str) -> Vec<Vec<u8>> {
    let consumer: BaseConsumer = client(rig)
        .set("isolation.level", "read_uncommitted")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let topic = rig.topic(topic);
    let metadata = consumer.fetch_metadata(Some(&topic), CALL).unwrap();
    let mut assignment = TopicPartitionList::new();
    let mut open = HashSet::new();
    for partition in metadata.topics()[0].partitions() {
        assignment.add_partition_offset(&topic, partition.id(), Offset::Beginning).unwrap();
        open.insert(partition.id());
    }
    consumer.assign(&assignment).unwrap();
    let mut found = Vec::new();
    while !open.is_empty() {
        match consumer.poll(CALL).expect("a record or an end") {
            Ok(message) => {
                let headers = message.headers().map(|headers| {
                    use rdkafka::message::Headers as _;
                    headers.iter().flat_map(|h| h.value.unwrap_or_default().to_vec()).collect::<Vec<u8>>()
                });
                let parts = [message.key(), message.payload(), headers.as_deref()];
                found.push(parts.map(Option::unwrap_or_default).concat());
            }
            Err(KafkaError::PartitionEOF(partition)) => drop(open.remove(&partition)),
            Err(error) => panic!("{error}"),
        }
    }
    found
}

/// Where a group stands in a partition, and where the partition ends.
pub fn committed_and_end(rig: &Rig, group: &str, topic: &str, partition: i32) -> (i64, i64) {
    let consumer: BaseConsumer = client(rig).set("group.id", group).create().unwrap();
    let topic = rig.topic(topic);
    let mut asked = TopicPartitionList::new();
    asked.add_partition(&topic, partition);
    let committed = consumer.committed_offsets(asked, CALL).unwrap();
    let committed = committed.find_partition(&topic, partition).unwrap().offset().to_raw().unwrap();
    let (_, end) = consumer.fetch_watermarks(&topic, partition, CALL).unwrap();
    (committed, end)
}

/// Says that fanout has dealt with what stands before this offset of `events`, which has one partition; as it would commit.
pub async fn fanout_has_done(rig: &Rig, offset: i64) {
    let consumer: BaseConsumer =
        client(rig).set("group.id", format!("{}-fanout", rig.prefix())).create().unwrap();
    let mut done = TopicPartitionList::new();
    done.add_partition_offset(&rig.topic(Topic::Events.name()), 0, Offset::Offset(offset)).unwrap();
    let commit = move || consumer.commit(&done, CommitMode::Sync);
    tokio::task::spawn_blocking(commit).await.unwrap().unwrap();
}

/// The same of everything that stands there now.
pub async fn fanout_has_done_all(rig: &Rig) {
    let (_, end) = committed_and_end(rig, &format!("{}-fanout", rig.prefix()), Topic::Events.name(), 0);
    fanout_has_done(rig, end).await;
}

/// Makes a topic anew, with nothing in it.
pub async fn make_anew(rig: &Rig, topic: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> = client(rig).create().unwrap();
    let (name, options) = (rig.topic(topic), AdminOptions::new().operation_timeout(Some(CALL)));
    for deleted in admin.delete_topics(&[&name], &options).await.unwrap() {
        deleted.unwrap();
    }
    eventually("it may be made again", async || {
        let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let made = admin.create_topics([&new], &options).await.unwrap();
        made.iter().all(Result::is_ok).then_some(())
    })
    .await;
}

/// Deletes what stands before the offset, as retention would.
pub async fn delete_before(rig: &Rig, topic: &str, partition: i32, offset: i64) {
    let admin: AdminClient<DefaultClientContext> = client(rig).create().unwrap();
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&rig.topic(topic), partition, Offset::Offset(offset)).unwrap();
    let options = AdminOptions::new().operation_timeout(Some(CALL));
    let deleted = admin.delete_records(&before, &options).await.unwrap();
    deleted.elements().iter().for_each(|element| element.error().unwrap());
}

/// A record to be written to the partition of its key.
pub struct Written {
    pub topic: Topic,
    pub key: String,
    pub payload: Vec<u8>,
}

/// A transaction that stays open until somebody ends it.
pub struct Open(FutureProducer);

impl Open {
    /// Begins a transaction and writes these records.
    pub async fn begin(rig: &Rig, records: &[Written]) -> Self {
        let producer: FutureProducer = client(rig)
            .set("transactional.id", format!("{}-another-owner", rig.prefix()))
            .set("transaction.timeout.ms", "60000")
            .create()
            .unwrap();
        let open = Self(producer);
        open.call(|producer| producer.init_transactions(CALL)).await;
        open.call(|producer| producer.begin_transaction()).await;
        for Written { topic, key, payload } in records {
            let topic = rig.topic(topic.name());
            let partitions =
                open.0.client().fetch_metadata(Some(&topic), CALL).unwrap().topics()[0].partitions().len();
            let partition = partition_of(key.as_bytes(), i32::try_from(partitions).unwrap());
            let record = FutureRecord::to(&topic).partition(partition).key(key).payload(payload);
            open.0.send(record, CALL).await.map_err(|(error, _)| error).unwrap();
        }
        open
    }

    pub async fn commit(self) {
        self.call(|producer| producer.commit_transaction(CALL)).await;
    }

    pub async fn abort(self) {
        self.call(|producer| producer.abort_transaction(CALL)).await;
    }

    async fn call(&self, call: impl FnOnce(&FutureProducer) -> Result<(), KafkaError> + Send + 'static) {
        let producer = self.0.clone();
        tokio::task::spawn_blocking(move || call(&producer)).await.unwrap().unwrap();
    }
}
