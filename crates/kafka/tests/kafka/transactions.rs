//! Transactions.

use aerogram_kafka::{Cluster, From, OwnedOut, TransactionError, TransactionalWriter};
use aerogram_wire::Topic;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use crate::rig::{self, Member, numbers_to_end, soon, write_numbers};

pub fn record(topic: Topic, partition: i32, number: u32) -> OwnedOut {
    OwnedOut {
        topic,
        partition,
        key: Some("key".into()),
        payload: Some(number.to_string().into()),
        headers: vec![("h".to_owned(), "v".into())],
    }
}

/// A producer of another process.
async fn other_producer(transactional_id: &str) -> FutureProducer {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", rig::brokers())
        .set("transactional.id", transactional_id)
        .create()
        .unwrap();
    let initialised = producer.clone();
    tokio::task::spawn_blocking(move || initialised.init_transactions(rig::PATIENCE)).await.unwrap().unwrap();
    producer
}

/// Leaves a transaction open with one record.
async fn leave_open(cluster: &Cluster, producer: &FutureProducer, topic: Topic, number: u32) {
    producer.begin_transaction().unwrap();
    let (topic, payload) = (cluster.topic(topic), number.to_string());
    let record = FutureRecord::to(&topic).partition(0).key("key").payload(&payload);
    producer.send(record, rig::PATIENCE).await.unwrap();
}

async fn abort(producer: &FutureProducer) {
    let producer = producer.clone();
    tokio::task::spawn_blocking(move || producer.abort_transaction(rig::PATIENCE)).await.unwrap().unwrap();
}

async fn subscriptions(cluster: &Cluster) -> Vec<u32> {
    let companions = cluster.companions().unwrap();
    let mut reader = companions.read(Topic::Subscriptions, 0, From::Beginning).await.unwrap();
    numbers_to_end(&mut reader).await
}

#[tokio::test]
async fn records_and_offsets_are_committed_together_or_not_at_all() {
    let (settings, cluster) = rig::cluster("transact").await;
    let commands = cluster.topic(Topic::Commands);
    write_numbers(&cluster.writer().unwrap(), Topic::Commands, 0, 0..3).await;
    let mut member = Member::join(&cluster, &settings.api.group, commands.clone(), false);
    let held = [member.next().await, member.next().await, member.next().await];
    let committer = &held[0].0.committer;
    let id = format!("{}-one", settings.kafka.topic_prefix);
    let writer = soon("init", TransactionalWriter::init(&cluster, &id, 10_000)).await.unwrap();

    let records = vec![record(Topic::Subscriptions, 0, 1), record(Topic::Commands, 0, 2)];
    let offsets = vec![(commands.clone(), 0, 2)];
    let written = soon("a transaction", writer.transact(records, offsets, committer)).await.unwrap();
    assert_eq!(written.iter().map(|w| w.offset).collect::<Vec<_>>(), vec![0, 3]);
    assert_eq!(subscriptions(&cluster).await, vec![1]);

    // The second record can't be written, so the first and the offsets are not either.
    let large =
        OwnedOut { payload: Some(vec![0; 64 * 1024 * 1024].into()), ..record(Topic::Subscriptions, 0, 0) };
    let records = vec![record(Topic::Subscriptions, 0, 7), large];
    let error = soon("an abort", writer.transact(records, vec![(commands.clone(), 0, 3)], committer))
        .await
        .unwrap_err();
    assert!(matches!(error, TransactionError::Aborted { .. }), "{error}");
    assert_eq!(subscriptions(&cluster).await, vec![1]);

    let records = vec![record(Topic::Subscriptions, 0, 8)];
    soon("the next", writer.transact(records, Vec::new(), committer)).await.unwrap();
    assert_eq!(subscriptions(&cluster).await, vec![1, 8]);
    drop(held);
    member.leave().await.unwrap();

    let mut member = Member::join(&cluster, &settings.api.group, commands, false);
    for _ in 0..3 {
        let (assignment, _end) = member.next().await;
        let expected = if assignment.partition == 0 { 2 } else { 0 };
        assert_eq!(assignment.committed.as_ref().map(|c| c.offset), Some(expected));
    }
    member.leave().await.unwrap();
}

#[tokio::test]
async fn an_open_transaction_holds_back_the_stable_end_and_an_aborted_one_leaves_only_its_marker() {
    let (settings, cluster) = rig::cluster("open").await;
    let ends = cluster.ends().unwrap();
    write_numbers(&cluster.writer().unwrap(), Topic::Subscriptions, 0, 0..2).await;
    let producer = other_producer(&format!("{}-open", settings.kafka.topic_prefix)).await;
    leave_open(&cluster, &producer, Topic::Subscriptions, 9).await;
    write_numbers(&cluster.writer().unwrap(), Topic::Subscriptions, 0, 2..3).await;
    assert_eq!(ends.last_stable(Topic::Subscriptions, &[0]).await.unwrap(), vec![2]);
    assert_eq!(ends.high_watermarks(Topic::Subscriptions, &[0]).await.unwrap(), vec![4]);
    assert_eq!(subscriptions(&cluster).await, vec![0, 1]);

    abort(&producer).await;
    // Two records before it, its own, one after it, its marker.
    soon("the marker", async {
        while ends.last_stable(Topic::Subscriptions, &[0]).await.unwrap() != vec![5] {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(subscriptions(&cluster).await, vec![0, 1, 2]);
}

#[tokio::test]
async fn a_new_producer_ends_the_open_transaction_of_the_one_before() {
    let (settings, cluster) = rig::cluster("takeover").await;
    let id = format!("{}-same", settings.kafka.topic_prefix);
    let former = other_producer(&id).await;
    leave_open(&cluster, &former, Topic::Subscriptions, 9).await;
    let first = soon("init", TransactionalWriter::init(&cluster, &id, 10_000)).await.unwrap();
    let mut member = Member::join(&cluster, &settings.api.group, cluster.topic(Topic::Commands), false);
    let (assignment, _end) = member.next().await;
    let transact = |writer: TransactionalWriter, number| {
        let committer = assignment.committer.clone();
        async move {
            let records = vec![record(Topic::Subscriptions, 0, number)];
            (soon("a transaction", writer.transact(records, Vec::new(), &committer)).await, writer)
        }
    };
    let (done, first) = transact(first, 1).await;
    done.unwrap();
    assert_eq!(subscriptions(&cluster).await, vec![1]);
    assert!(former.commit_transaction(std::time::Duration::from_secs(10)).is_err());

    let second = soon("init", TransactionalWriter::init(&cluster, &id, 10_000)).await.unwrap();
    let (refused, _first) = transact(first, 2).await;
    assert!(matches!(refused, Err(TransactionError::Fenced { .. })), "{refused:?}");
    let (done, _second) = transact(second, 3).await;
    done.unwrap();
    assert_eq!(subscriptions(&cluster).await, vec![1, 3]);
    drop((assignment, _end));
    member.leave().await.unwrap();
}

#[tokio::test]
async fn a_transaction_under_an_old_generation_is_refused() {
    let (settings, cluster) = rig::cluster("generation").await;
    let (group, commands) = (&settings.api.group, cluster.topic(Topic::Commands));
    let mut first = Member::join(&cluster, group, commands.clone(), false);
    let mut held = vec![first.next().await, first.next().await, first.next().await];
    let old = held[0].0.committer.group_metadata().unwrap();
    let mut second = Member::join(&cluster, group, commands.clone(), false);
    // The first gives up what it is asked for; then the second has it.
    let taken = soon("a revocation", async {
        loop {
            if let Some(index) = held.iter().position(|(assignment, _)| assignment.stop.rebalancing()) {
                return index;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    let (taken, end) = held.remove(taken);
    let _ = end.send(aerogram_kafka::TaskEnd::Stopped);
    let (given, _given_end) = second.next().await;
    assert_eq!(given.partition, taken.partition);

    let id = format!("{}-old", settings.kafka.topic_prefix);
    let writer = soon("init", TransactionalWriter::init(&cluster, &id, 10_000)).await.unwrap();
    let records = || vec![record(Topic::Subscriptions, 0, 1)];
    let offsets = |partition| vec![(commands.clone(), partition, 0)];
    let refused = soon("a refusal", writer.transact_as(records(), offsets(taken.partition), old)).await;
    assert!(matches!(refused, Err(TransactionError::Fenced { .. })), "{refused:?}");
    let refused =
        soon("a refusal", writer.transact(records(), offsets(taken.partition), &taken.committer)).await;
    assert!(matches!(refused, Err(TransactionError::Fenced { .. })), "{refused:?}");
    assert_eq!(subscriptions(&cluster).await, Vec::<u32>::new());

    let kept = &held[0].0;
    soon("a transaction", writer.transact(records(), offsets(kept.partition), &kept.committer))
        .await
        .unwrap();
    assert_eq!(subscriptions(&cluster).await, vec![1]);
    drop((held, given, _given_end));
    first.leave().await.unwrap();
    second.leave().await.unwrap();
}

/// Who follows a topic of transactions knows that it is at the end without being told so: markers take offsets, too.
#[tokio::test]
async fn the_position_of_a_reader_counts_the_markers_it_has_read() {
    let (settings, cluster) = rig::cluster("position").await;
    let mut member = Member::join(&cluster, &settings.api.group, cluster.topic(Topic::Commands), false);
    let held = [member.next().await, member.next().await, member.next().await];
    let committer = &held[0].0.committer;
    let id = format!("{}-one", settings.kafka.topic_prefix);
    let writer = soon("init", TransactionalWriter::init(&cluster, &id, 10_000)).await.unwrap();
    let companions = cluster.companions().unwrap();
    let mut reader = companions.read(Topic::Subscriptions, 0, From::Beginning).await.unwrap();
    assert_eq!(numbers_to_end(&mut reader).await, Vec::<u32>::new());
    assert_eq!(reader.position(), 0);
    for number in 0..3 {
        let records = vec![record(Topic::Subscriptions, 0, number)];
        soon("a transaction", writer.transact(records, Vec::new(), committer)).await.unwrap();
        // A record and a marker.
        let end = 2 * i64::from(number) + 2;
        soon("the end", async {
            while reader.position() < end {
                reader.ready().await;
                while reader.try_next().unwrap().is_some() {}
            }
        })
        .await;
        assert_eq!(reader.position(), end);
    }
    reader.seek(2).await.unwrap();
    assert_eq!(reader.position(), 2);
    assert_eq!(numbers_to_end(&mut reader).await, vec![1, 2]);
    assert_eq!(reader.position(), 6);
}
