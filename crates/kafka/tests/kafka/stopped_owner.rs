//! A process that is stopped for longer than its session lasts, and then goes on.

use std::process::Stdio;

use aerogram_kafka::{Cluster, Stopping, TransactionError, TransactionalWriter, topics};
use aerogram_wire::Topic;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::rig::{self, Member, soon};
use crate::transactions::record;

const PREFIX: &str = "AEROGRAM_TEST_STOPPED_OWNER";

/// The other process; only the test below starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of another test"]
async fn owner() {
    let Ok(prefix) = std::env::var(PREFIX) else { return };
    let settings = rig::settings_of(&prefix);
    let cluster = Cluster::connect(&settings, &CancellationToken::new()).await.unwrap();
    let writer = TransactionalWriter::init(&cluster, &format!("{prefix}-stopped"), 30_000).await.unwrap();
    let commands = cluster.topic(Topic::Commands);
    let mut member = Member::join(&cluster, &settings.api.group, commands.clone(), false);
    let (mut assignment, end) = member.next().await;
    let others = (member.next().await, member.next().await);
    let membership = assignment.committer.group_metadata().unwrap();
    println!("owner: assigned");
    while assignment.stop.now() != Stopping::Abandon {
        assignment.stop.changed().await;
    }
    println!("owner: abandoned");
    let offsets = || vec![(commands.clone(), assignment.partition, 0)];
    let commit = assignment.committer.commit(0, "late").await;
    let records = || vec![record(Topic::Subscriptions, 0, 66)];
    let current = writer.transact(records(), offsets(), &assignment.committer).await;
    let remembered = writer.transact_as(records(), offsets(), membership).await;
    let fenced = |result: &Result<_, _>| matches!(result, Err(TransactionError::Fenced { .. }));
    println!("owner: refused {} {} {}", commit.is_err(), fenced(&current), fenced(&remembered));
    drop((assignment, end, others));
    member.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_was_stopped_changes_nothing_afterwards() {
    let settings = rig::settings("stopped");
    topics::create(&settings).await.unwrap();
    let cluster = Cluster::connect(&settings, &CancellationToken::new()).await.unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stopped_owner::owner", "--ignored", "--nocapture", "--test-threads=1"])
        .env(PREFIX, &settings.kafka.topic_prefix)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = owner.id().unwrap().to_string();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let mut wait_for = async |what: &str| {
        soon(what, async {
            loop {
                let line = lines.next_line().await.unwrap().expect("the owner ended");
                if let Some(said) = line.split("owner: ").nth(1).filter(|said| said.starts_with(what)) {
                    return said.to_owned();
                }
            }
        })
        .await
    };
    wait_for("assigned").await;
    signal("-STOP", &pid).await;

    // Once its session has timed out the partitions are ours.
    let mut member = Member::join(&cluster, &settings.api.group, cluster.topic(Topic::Commands), false);
    let mut held = Vec::new();
    for _ in 0..3 {
        let (assignment, end) = member.next().await;
        soon("a commit", assignment.committer.commit(0, "new owner")).await.unwrap();
        held.push((assignment, end));
    }
    signal("-CONT", &pid).await;
    wait_for("abandoned").await;
    assert_eq!(wait_for("refused").await, "refused true true true");
    drop(held);
    assert!(soon("the owner's end", owner.wait()).await.unwrap().success());
    member.leave().await.unwrap();

    let companions = cluster.companions().unwrap();
    let mut reader = companions.read(Topic::Subscriptions, 0, aerogram_kafka::From::Beginning).await.unwrap();
    assert_eq!(rig::numbers_to_end(&mut reader).await, Vec::<u32>::new());
    let mut member = Member::join(&cluster, &settings.api.group, cluster.topic(Topic::Commands), false);
    let (assignment, _end) = member.next().await;
    assert_eq!(assignment.committed.as_ref().map(|c| c.metadata.as_str()), Some("new owner"));
    drop((assignment, _end));
    member.leave().await.unwrap();
}

async fn signal(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().await.unwrap().success());
}
