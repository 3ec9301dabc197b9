//! Batches that wait are applied together, and each is answered for itself.

use crate::log::{all, dismissed, escalated, events, open, options};
use aerogram_projection::{Batch, Change, Projection, Row};
use aerogram_wire::Topic;

/// One escalation in a partition of its own.
fn batch(partition: i32) -> Batch {
    let number = u8::try_from(partition).unwrap();
    let mut batch = crate::log::batch(0, &[escalated(number), dismissed(number, "x")]);
    batch.partition = partition;
    for change in &mut batch.changes {
        if let Change::Escalated(row) = change {
            **row = Row { partition, ..(**row).clone() };
        }
    }
    batch
}

async fn apply_all(projection: &Projection, partitions: i32) -> Vec<bool> {
    let applied: Vec<_> = (0..partitions)
        .map(|partition| {
            let projection = projection.clone();
            tokio::spawn(async move { projection.apply(batch(partition)).await.is_ok() })
        })
        .collect();
    let mut answers = Vec::new();
    for applied in applied {
        answers.push(applied.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_batch_is_applied_and_answered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = open(&path).await;
    assert_eq!(apply_all(&projection, 100).await, vec![true; 100]);
    assert_eq!(all(&projection).await.len(), 100);
    for partition in 0..100 {
        assert_eq!(projection.position(Topic::Escalations, partition).await.unwrap(), Some(2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_that_cannot_be_applied_keeps_back_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = Projection::open(options(&path)).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER failing BEFORE INSERT ON escalations WHEN new.event_id IN ('e-7', 'e-30')
             BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let answers = apply_all(&projection, 40).await;
    let failed: Vec<usize> =
        answers.iter().enumerate().filter(|(_, applied)| !**applied).map(|(number, _)| number).collect();
    assert_eq!(failed, [7, 30]);
    let rows = all(&projection).await;
    assert!(rows.len() == 38 && !events(&rows).contains(&"e-7"));
    assert_eq!(projection.position(Topic::Escalations, 7).await.unwrap(), None);
    assert_eq!(projection.position(Topic::Escalations, 8).await.unwrap(), Some(2));
}
