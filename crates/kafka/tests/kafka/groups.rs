//! Groups.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aerogram_kafka::{
    Assignment, Cluster, CommitError, Committed, GroupConfig, GroupError, ReadError, Stopping, TaskEnd,
    run_group,
};
use aerogram_telemetry::Health;
use aerogram_wire::Topic;
use tokio_util::sync::CancellationToken;

use crate::proxy::Proxy;
use crate::rig::{self, Member, number, numbers_to_end, soon, stopping, write_numbers};

#[tokio::test]
async fn a_restart_goes_on_after_the_last_commit() {
    let (settings, cluster) = rig::cluster("resume").await;
    let events = cluster.topic(Topic::Events);
    for partition in 0..2 {
        write_numbers(&cluster.writer().unwrap(), Topic::Events, partition, 0..20).await;
    }
    let mut member = Member::join(&cluster, &settings.fanout.group, events.clone(), false);
    let mut ends = Vec::new();
    for _ in 0..2 {
        let (mut assignment, end) = member.next().await;
        assert_eq!(assignment.committed, Some(Committed { offset: 0, metadata: String::new() }));
        assert_eq!(numbers_to_end(&mut assignment.reader).await, (0..20).collect::<Vec<_>>());
        let metadata = format!("partition {}", assignment.partition);
        soon("a commit", assignment.committer.commit(10, &metadata)).await.unwrap();
        assert!(!assignment.stop.rebalancing());
        ends.push((assignment, end));
    }
    member.shutdown.cancel();
    for (mut assignment, end) in ends {
        assert!(matches!(stopping(&mut assignment).await, Stopping::Drain { .. }));
        assert!(assignment.stop.rebalancing());
        // Commits are answered while it drains.
        let metadata = format!("drained {}", assignment.partition);
        soon("a commit", assignment.committer.commit(15, &metadata)).await.unwrap();
        let _ = end.send(TaskEnd::Stopped);
    }
    member.ended().await.unwrap();

    let mut member = Member::join(&cluster, &settings.fanout.group, events, false);
    for _ in 0..2 {
        let (mut assignment, _) = member.next().await;
        let metadata = format!("drained {}", assignment.partition);
        assert_eq!(assignment.committed, Some(Committed { offset: 15, metadata }));
        assert_eq!(numbers_to_end(&mut assignment.reader).await, (15..20).collect::<Vec<_>>());
        assignment.reader.seek(3).await.unwrap();
        assert_eq!(number(&soon("reading", assignment.reader.next()).await.unwrap()), Some(3));
        let long = "x".repeat(5_000);
        assert_eq!(assignment.committer.commit(15, &long).await, Err(CommitError::MetadataTooLong(5_000)));
    }
    member.leave().await.unwrap();
}

/// What was done with each partition, by all members together.
type Done = Arc<Mutex<BTreeMap<i32, Vec<u32>>>>;

/// Works record by record, keeps a few in flight, commits what is finished; drains when asked.
async fn work(mut assignment: Assignment, done: Done) -> TaskEnd {
    let mut next = assignment.committed.as_ref().map_or(0, |committed| committed.offset);
    loop {
        let stop = tokio::select! {
            stop = assignment.stop.changed() => stop,
            item = assignment.reader.next() => match item {
                Ok(item) => {
                    if let Some(number) = number(&item) {
                        // In flight until it is finished; a drain must wait for it.
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        done.lock().unwrap().entry(assignment.partition).or_default().push(number);
                        next += 1;
                    }
                    continue;
                }
                Err(error) => return TaskEnd::Failed(Box::new(error)),
            },
        };
        return match stop {
            Stopping::No => continue,
            Stopping::Abandon => TaskEnd::Stopped,
            Stopping::Drain { .. } => match assignment.committer.commit(next, "drained").await {
                Ok(()) => TaskEnd::Stopped,
                Err(error) => TaskEnd::Failed(Box::new(error)),
            },
        };
    }
}

fn worker(
    cluster: &Cluster,
    group: &str,
    done: &Done,
) -> (CancellationToken, tokio::task::JoinHandle<Result<(), GroupError>>) {
    let config = GroupConfig {
        group: group.to_owned(),
        topics: vec![cluster.topic(Topic::Deliveries)],
        external: false,
        drain: Duration::from_secs(10),
        assigned: None,
    };
    let shutdown = CancellationToken::new();
    let (cluster, stopped, done) = (cluster.clone(), shutdown.clone(), Arc::clone(done));
    let running = tokio::spawn(async move {
        run_group(&cluster, config, stopped, move |assignment| {
            tokio::spawn(work(assignment, Arc::clone(&done)))
        })
        .await
    });
    (shutdown, running)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_move_between_members_without_loss_or_repetition() {
    const RECORDS: u32 = 1_500;
    let (settings, cluster) = rig::cluster("move").await;
    let group = &settings.deliverer.group;
    let done = Done::default();
    for partition in 0..3 {
        write_numbers(&cluster.writer().unwrap(), Topic::Deliveries, partition, 0..RECORDS).await;
    }
    let done_by_now = || done.lock().unwrap().values().map(Vec::len).sum::<usize>();
    let until = |count: usize| async move {
        soon("progress", async {
            while done_by_now() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    };
    let (first_stop, first) = worker(&cluster, group, &done);
    until(100).await;
    let (second_stop, second) = worker(&cluster, group, &done);
    until(1_500).await;
    // The second goes on with what the first has drained.
    first_stop.cancel();
    soon("the first", first).await.unwrap().unwrap();
    let (third_stop, third) = worker(&cluster, group, &done);
    until(3 * RECORDS as usize).await;
    second_stop.cancel();
    third_stop.cancel();
    soon("the second", second).await.unwrap().unwrap();
    soon("the third", third).await.unwrap().unwrap();

    for (partition, numbers) in done.lock().unwrap().iter() {
        assert_eq!(*numbers, (0..RECORDS).collect::<Vec<_>>(), "partition {partition}");
    }
    let mut member = Member::join(&cluster, group, cluster.topic(Topic::Deliveries), false);
    for _ in 0..3 {
        let (assignment, _) = member.next().await;
        let all = Committed { offset: i64::from(RECORDS), metadata: "drained".to_owned() };
        assert_eq!(assignment.committed, Some(all), "partition {}", assignment.partition);
    }
    member.leave().await.unwrap();
}

#[tokio::test]
async fn without_a_commit_internal_topics_are_refused_and_external_ones_read_from_the_beginning() {
    let (settings, cluster) = rig::cluster("uncommitted").await;
    write_numbers(&cluster.writer().unwrap(), Topic::Rejected, 0, 0..3).await;
    let group = format!("{}-other", settings.kafka.topic_prefix);
    let error =
        Member::join(&cluster, &group, cluster.topic(Topic::Rejected), false).ended().await.unwrap_err();
    assert!(matches!(error, GroupError::MissingCommit { partition: 0, .. }), "{error}");

    let mut member = Member::join(&cluster, &group, cluster.topic(Topic::Rejected), true);
    let (mut assignment, end) = member.next().await;
    assert_eq!(assignment.committed, None);
    assert_eq!(numbers_to_end(&mut assignment.reader).await, vec![0, 1, 2]);
    // A task that ends unasked is a failure as well.
    let _ = end.send(TaskEnd::Stopped);
    let error = member.ended().await.unwrap_err();
    assert!(matches!(error, GroupError::Unasked { .. }), "{error}");
}

#[tokio::test]
async fn a_failed_task_ends_the_group_after_the_others_have_drained() {
    let (settings, cluster) = rig::cluster("failed").await;
    let mut member = Member::join(&cluster, &settings.api.group, cluster.topic(Topic::Commands), false);
    let (failing, fail) = member.next().await;
    let (mut second, end_second) = member.next().await;
    let (mut third, end_third) = member.next().await;
    let _ = fail.send(TaskEnd::Failed("it is broken".into()));
    assert!(matches!(stopping(&mut second).await, Stopping::Drain { .. }));
    assert!(matches!(stopping(&mut third).await, Stopping::Drain { .. }));
    soon("a commit", second.committer.commit(0, "saved")).await.unwrap();
    let _ = end_second.send(TaskEnd::Stopped);
    let _ = end_third.send(TaskEnd::Stopped);
    let error = member.ended().await.unwrap_err();
    let GroupError::Task { partition, source, .. } = error else { panic!("{error}") };
    assert_eq!((partition, source.to_string().as_str()), (failing.partition, "it is broken"));
    // What was taken away says so, to whoever still holds it.
    assert_eq!(third.committer.commit(0, "late").await, Err(CommitError::Revoked));
    assert!(matches!(third.reader.try_next(), Err(ReadError::Client { .. })));
    assert_eq!(third.stop.now(), Stopping::Abandon);
}

#[tokio::test]
async fn a_committed_offset_that_does_not_exist_stops_the_partition() {
    let (settings, cluster) = rig::cluster("beyond").await;
    let join = || Member::join(&cluster, &settings.scheduler.group, cluster.topic(Topic::Events), false);
    let mut member = join();
    let (assignment, _) = member.next().await;
    let (_other, _) = member.next().await;
    soon("a commit", assignment.committer.commit(1_000, "")).await.unwrap();
    let partition = assignment.partition;
    member.leave().await.unwrap();
    let mut member = join();
    for _ in 0..2 {
        let (mut assignment, _) = member.next().await;
        if assignment.partition == partition {
            let error = soon("the error", assignment.reader.next()).await.unwrap_err();
            assert!(matches!(error, ReadError::OffsetOutOfRange { offset: 1_000, .. }), "{error}");
        }
    }
    member.leave().await.unwrap();
}

#[tokio::test]
async fn a_task_that_does_not_drain_is_left_behind_at_the_deadline() {
    let (mut settings, _) = rig::cluster("deadline").await;
    // A third of it is the longest drain.
    settings.kafka.max_poll_interval_ms = 6_000;
    let cluster = Cluster::connect(&settings, &CancellationToken::new()).await.unwrap();
    let mut member = Member::join(&cluster, &settings.fanout.group, cluster.topic(Topic::Events), false);
    let (mut stuck, _end) = member.next().await;
    let (mut other, other_end) = member.next().await;
    member.shutdown.cancel();
    let Stopping::Drain { deadline } = stopping(&mut stuck).await else { panic!("no drain") };
    // Each is told in its turn; one that ends before that would have ended unasked.
    assert!(matches!(stopping(&mut other).await, Stopping::Drain { .. }));
    assert!(deadline <= tokio::time::Instant::now() + Duration::from_secs(2));
    let _ = other_end.send(TaskEnd::Stopped);
    member.ended().await.unwrap();
    assert_eq!(stuck.stop.now(), Stopping::Abandon);
    assert_eq!(stuck.committer.commit(1, "late").await, Err(CommitError::Revoked));
}

#[tokio::test]
async fn in_an_outage_nothing_hangs_and_afterwards_it_goes_on() {
    let (mut settings, _) = rig::cluster("outage").await;
    let way = Proxy::start().await;
    settings.kafka.brokers = way.address.clone();
    let cluster = Cluster::connect(&settings, &CancellationToken::new()).await.unwrap();
    let mut member = Member::join(&cluster, &settings.fanout.group, cluster.topic(Topic::Events), false);
    let (mut first, _) = member.next().await;
    let (_second, _) = member.next().await;
    soon("a commit", first.committer.commit(0, "before")).await.unwrap();

    way.hold();
    let failed = soon("a failed commit", first.committer.commit(0, "during")).await.unwrap_err();
    assert!(
        matches!(failed, CommitError::TimedOut | CommitError::Revoked | CommitError::Refused(_)),
        "{failed}"
    );
    while stopping(&mut first).await != Stopping::Abandon {
        soon("losing the partition", first.stop.changed()).await;
    }
    assert_eq!(first.committer.commit(0, "after").await, Err(CommitError::Revoked));
    way.release();

    let (again, _) = member.next().await;
    let (_other, _) = member.next().await;
    soon("a commit", again.committer.commit(0, "afterwards")).await.unwrap();
    // Leaving does not need an answer of the broker.
    way.hold();
    member.leave().await.unwrap();
}

/// What `/readyz` says of a process that has one condition.
async fn ready(health: &Health) -> String {
    soon("being ready", async {
        while !health.is_ready() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    health.report()["conditions"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_member_that_gets_no_partition_is_ready_once_the_group_has_settled() {
    let (settings, cluster) = rig::cluster("without").await;
    let join = |topic: Topic| {
        let health = Health::new();
        let assigned = Some(health.condition("partitions assigned"));
        let (group, topic) = (&settings.fanout.group, cluster.topic(topic));
        (Member::join_saying(&cluster, group, topic, false, assigned), health)
    };
    let (mut first, having) = join(Topic::Events);
    let _held = [first.next().await, first.next().await];
    let said = ready(&having).await;
    assert!(said.contains(".events/0") && said.contains(".events/1"), "{said}");
    let (second, others) = join(Topic::Events);
    let (mut third, without) = join(Topic::Events);
    drop(_held);
    for health in [&having, &others, &without] {
        ready(health).await;
    }
    let has_none =
        |health: &Health| health.report()["conditions"][0]["text"] == "no partitions: others have them";
    soon("one that has none", async {
        while ![&having, &others, &without].into_iter().any(has_none) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    // When the others leave it gets what they had.
    first.leave().await.unwrap();
    second.leave().await.unwrap();
    let _held = [third.next().await, third.next().await];
    third.leave().await.unwrap();
}

#[tokio::test]
async fn a_topic_of_others_that_does_not_exist_makes_nobody_ready() {
    let (settings, cluster) = rig::cluster("absent").await;
    let topic = format!("{}-upstream", settings.kafka.topic_prefix);
    let health = Health::new();
    let assigned = health.condition("partitions assigned");
    let member = Member::join_saying(&cluster, &settings.fanout.group, topic, true, Some(assigned));
    // Twice as long as a member without partitions takes to be ready where the topic exists.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(!health.is_ready(), "{}", health.report());
    assert!(health.report().to_string().contains("does not exist is waited for"));
    member.leave().await.unwrap();
}
