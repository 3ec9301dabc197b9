//! However the log is read, the rows are the same.

use std::path::Path;

use super::world::{PARTITIONS, TOPICS, World};
use super::{about, all, apply, issued, key, open, told};
use aerogram_domain::history::{Claims, Hour, Hours, Progress, Status, count};
use aerogram_projection::{Batch, DeliveryRow, OverviewQuery, Projection};
use aerogram_wire::Topic;
use aerogram_wire::v1::{LineKind, Outcome};
use proptest::prelude::*;

/// What whoever follows does next.
#[derive(Clone, Debug)]
enum Step {
    /// Reads so many entries of one partition.
    Read(usize, usize),
    /// Hands in what it has read last once more.
    Again,
    /// Goes on in another process.
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => (0..TOPICS.len() * PARTITIONS as usize, 1_usize..12).prop_map(|(which, n)| Step::Read(which, n)),
        3 => Just(Step::Again),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..60)
}

fn place(which: usize) -> (Topic, i32) {
    (TOPICS[which % TOPICS.len()], (which / TOPICS.len()) as i32)
}

async fn read(world: &World, projection: &Projection, which: usize, at_most: usize) -> Batch {
    let (topic, partition) = place(which);
    let from = projection.position(topic, partition).await.unwrap().unwrap_or(0);
    let claims = if topic == Topic::Attempts {
        projection.read_so_far(Topic::Attempts, partition).await.unwrap().claims
    } else {
        Default::default()
    };
    let batch = world.batch(topic, partition, from, claims, at_most);
    projection.apply(batch.clone()).await.unwrap();
    batch
}

/// The rows, and how far everything was read.
async fn read_to_the_end(world: &World, path: &Path, steps: &[Step]) -> Vec<DeliveryRow> {
    let mut projection = open(path).await;
    let mut last = None;
    for step in steps {
        match step {
            Step::Read(which, at_most) => last = Some(read(world, &projection, *which, *at_most).await),
            Step::Again => {
                if let Some(batch) = &last {
                    projection.apply(batch.clone()).await.unwrap();
                }
            }
            Step::Reopen => {
                projection.close().await.unwrap();
                projection = open(path).await;
            }
        }
    }
    for which in 0..TOPICS.len() * PARTITIONS as usize {
        read(world, &projection, which, usize::MAX).await;
        let (topic, partition) = place(which);
        let position = projection.position(topic, partition).await.unwrap();
        assert_eq!(position, Some(world.len(topic, partition)));
    }
    let rows = all(&projection).await;
    projection.close().await.unwrap();
    rows
}

/// Whatever was read first, and how often: the hours of a subscription have what its one run tells in the end.
async fn hours_are_those_of(path: &Path, rows: &[DeliveryRow]) {
    let projection = open(path).await;
    for row in rows {
        let query = OverviewQuery {
            partner: row.about.partner.clone(),
            operator: row.about.operator.clone(),
            subscription_id: row.about.subscription_id.clone(),
            now_ms: row.changed_at_ms,
            not_before_ms: 0,
        };
        let told = projection.overview(query).await.unwrap();
        let mut expected = Hours::new();
        let (status, changed_at_ms, attempts) = (row.status, row.changed_at_ms, row.attempts.clone());
        let progress = Progress { status, changed_at_ms, attempts, ..Progress::default() };
        count(&mut expected, row.key, &Progress::default(), &progress);
        let told: Hours = told.hours.into_iter().filter(|(_, hour)| *hour != Hour::default()).collect();
        assert_eq!(told, expected);
    }
    projection.close().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_rows_are_the_same_in_whatever_order_the_topics_are_read(
        actions in prop::collection::vec(any::<(u8, u8)>(), 0..120),
        steps in steps(),
    ) {
        let world = World::of(&actions);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (expected, rows) = runtime.block_on(async {
            let expected = read_to_the_end(&world, &dir.path().join("a.sqlite"), &[]).await;
            let path = dir.path().join("b.sqlite");
            let rows = read_to_the_end(&world, &path, &steps).await;
            hours_are_those_of(&path, &rows).await;
            (expected, rows)
        });
        prop_assert_eq!(expected.len(), 6);
        prop_assert_eq!(rows, expected);
    }
}

#[tokio::test]
async fn a_run_is_listed_once_it_is_known_whose_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    apply(&projection, Topic::Attempts, vec![told(1, LineKind::Delivered, 5_000)]).await;
    assert_eq!(all(&projection).await, []);
    assert_eq!(projection.delivery(key(1), 0).await.unwrap(), None);
    apply(&projection, Topic::Deliveries, vec![issued(1, 4_000), issued(2, 4_001)]).await;
    let rows = all(&projection).await;
    let told: Vec<_> = rows.iter().map(|row| (row.key, row.status, row.changed_at_ms)).collect();
    assert_eq!(told, [(key(1), Status::Delivered, 5_000), (key(2), Status::Pending, 4_001)]);
    let first = projection.delivery(key(1), 0).await.unwrap().unwrap();
    assert_eq!(first, rows[0]);
    assert_eq!(first.about, about(1, 4_000));
    assert_eq!((first.attempts_made, first.attempts[0].outcome()), (1, Outcome::Delivered));
    assert_eq!(first.due_at_ms, None);
}

#[tokio::test]
async fn what_makes_lines_void_is_known_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = open(&path).await;
    let claims = Claims { epoch: Some(5), nonce: Some(u64::MAX) };
    let first = vec![told(1, LineKind::Failed, 5_000), told(2, LineKind::Retry, 5_000)];
    let batch = Batch { claims, changes: first, ..Batch::new(Topic::Attempts, 0, 2) };
    projection.apply(batch).await.unwrap();
    apply(&projection, Topic::Deliveries, vec![issued(1, 4_000), issued(2, 4_000)]).await;
    let before = all(&projection).await;
    projection.close().await.unwrap();
    let again = open(&path).await;
    assert_eq!(again.read_so_far(Topic::Attempts, 0).await.unwrap().claims, claims);
    assert_eq!(again.read_so_far(Topic::Attempts, 1).await.unwrap().claims, Claims::default());
    // The same attempt once more, and a seq that is settled.
    let void = vec![told(1, LineKind::Failed, 6_000), told(2, LineKind::Delivered, 6_000)];
    apply(&again, Topic::Attempts, void).await;
    assert_eq!(all(&again).await, before);
    assert!(before.iter().all(|row| row.status == Status::Retrying && row.attempts.len() == 1));
}

#[tokio::test]
async fn what_will_be_tried_again_says_when() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    apply(&projection, Topic::Deliveries, vec![issued(1, 4_000)]).await;
    apply(&projection, Topic::Attempts, vec![told(1, LineKind::Retry, 5_000)]).await;
    let row = projection.delivery(key(1), 0).await.unwrap().unwrap();
    assert_eq!((row.status, row.due_at_ms), (Status::Retrying, Some(65_000)));
    assert_eq!((row.attempts_made, row.attempts[0].status), (1, 503));
}
