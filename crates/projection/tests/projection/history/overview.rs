//! How a subscription does, in figures that can be counted by hand.

use aerogram_domain::history::{Failure, HOUR_MS, Hour, Success};
use aerogram_projection::{Batch, Change, Counted, Options, Overview, OverviewQuery, Projection, Waiting};
use aerogram_wire::Topic;
use aerogram_wire::v1::{LineKind, Outcome};

use crate::log::options;

use super::{apply, issued, key, open, told};

const HOUR: i64 = 500_000;
const NOW_MS: i64 = HOUR * HOUR_MS + HOUR_MS / 2;

fn query(now_ms: i64) -> OverviewQuery {
    OverviewQuery {
        partner: "app-0".into(),
        operator: "op-0".into(),
        subscription_id: "s-0".into(),
        now_ms,
        not_before_ms: 0,
    }
}

async fn overview(projection: &Projection) -> Overview {
    projection.overview(query(NOW_MS)).await.unwrap()
}

/// Each twelfth is of the subscription.
fn of_it(number: u64) -> u64 {
    number * 12
}

/// In the middle of an hour so long ago.
fn ago(hours: i64) -> i64 {
    NOW_MS - hours * HOUR_MS
}

/// Runs of all sorts, and what became of them.
fn world() -> (Vec<Change>, Vec<Change>) {
    let ends = [
        (1, LineKind::Delivered, 2),
        (2, LineKind::Delivered, 2),
        (3, LineKind::Retry, 1),
        (4, LineKind::Escalated, 0),
        (5, LineKind::Cancelled, 0),
        (6, LineKind::Parked, 3),
        (8, LineKind::Delivered, 23),
        (9, LineKind::Delivered, 24),
        (10, LineKind::Escalated, 90),
    ];
    let mut issues: Vec<_> = ends.iter().map(|(number, _, _)| issued(of_it(*number), ago(100))).collect();
    // One that nothing was done about, and one of another subscription.
    issues.extend([issued(of_it(7), ago(1)), issued(1, ago(1))]);
    let tell = |(number, kind, hours): &(u64, LineKind, i64)| told(of_it(*number), *kind, ago(*hours));
    let mut lines: Vec<_> = ends.iter().map(tell).collect();
    lines.push(told(1, LineKind::Delivered, ago(1)));
    (issues, lines)
}

fn counted(rows: u64) -> Counted {
    Counted { rows, is_at_least: false }
}

#[tokio::test]
async fn hours_have_what_happened_in_them_whatever_was_read_first() {
    let (issues, lines) = world();
    let mut told_alike = Vec::new();
    for is_lines_first in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let projection = open(&dir.path().join("p.sqlite")).await;
        let (issues, lines) = (issues.clone(), lines.clone());
        let parts = [(Topic::Deliveries, issues), (Topic::Attempts, lines)];
        let order = if is_lines_first { [1, 0] } else { [0, 1] };
        for part in order {
            let (topic, changes) = parts[part].clone();
            // A repetition counts nothing.
            for _ in 0..2 {
                let [head, tail] = [&changes[..3], &changes[3..]].map(<[Change]>::to_vec);
                apply(&projection, topic, head).await;
                apply(&projection, topic, tail).await;
            }
        }
        told_alike.push(overview(&projection).await);
    }
    assert_eq!(told_alike[0], told_alike[1]);
    let told = told_alike.remove(0);
    let hours: Vec<i64> = told.hours.iter().map(|(hour, _)| *hour).collect();
    assert_eq!(hours, (HOUR - 23..=HOUR).collect::<Vec<_>>());
    let figures = |hours_ago: usize| {
        let (_, hour) = &told.hours[23 - hours_ago];
        [hour.delivered, hour.escalated, hour.other, hour.failed_attempts, hour.answers.total()]
    };
    assert_eq!(figures(0), [0, 1, 1, 1, 1]);
    assert_eq!(figures(1), [0, 0, 0, 1, 1]);
    assert_eq!(figures(2), [2, 0, 0, 0, 2]);
    assert_eq!(figures(23), [1, 0, 0, 0, 1]);
    assert_eq!(told.hours[21].1.answers.percentile(50), Some(5));
    let nothing = told.hours.iter().filter(|(_, hour)| *hour == Hour::default()).count();
    assert_eq!(nothing, 20);

    let waiting =
        Waiting { pending: counted(1), retrying: counted(1), parked: counted(1), ..Waiting::default() };
    assert_eq!(told.waiting, waiting);
    assert!(!told.waiting.is_at_least());
    assert_eq!(told.next_attempt_at_ms, Some(ago(1) + 60_000));
    assert_eq!(told.last_success, Some(Success { at_ms: ago(2) - 7, key: key(of_it(1)).max(key(of_it(2))) }));
    let last = Failure { at_ms: ago(0) - 7, key: key(of_it(4)), outcome: Outcome::Http5xx, status: 503 };
    assert_eq!(told.last_failure, Some((last, String::new())));
}

#[tokio::test]
async fn history_that_is_made_anew_counts_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let (issues, lines) = world();
    apply(&projection, Topic::Deliveries, issues.clone()).await;
    apply(&projection, Topic::Attempts, lines.clone()).await;
    let before = overview(&projection).await;
    projection.make_anew(0).await.unwrap();
    for (topic, changes) in [(Topic::Deliveries, issues), (Topic::Attempts, lines)] {
        let batch = Batch::new(topic, 0, changes.len() as i64);
        projection.apply(Batch { changes, generation: 1, ..batch }).await.unwrap();
    }
    projection.whole_again(1);
    assert_eq!(overview(&projection).await, before);
}

#[tokio::test]
async fn the_last_attempts_are_found_also_when_they_are_long_past() {
    let dir = tempfile::tempdir().unwrap();
    let month_ms = 720 * HOUR_MS as u64;
    let options = options(&dir.path().join("p.sqlite"));
    let options = Options { history_retention_ms: month_ms, log_retention_ms: month_ms, ..options };
    let projection = Projection::open(options).await.unwrap();
    assert_eq!(overview(&projection).await.last_success, None);
    apply(&projection, Topic::Deliveries, (1..=3).map(|number| issued(of_it(number), ago(90))).collect())
        .await;
    let lines = [(1, LineKind::Delivered, 60), (2, LineKind::Delivered, 70), (3, LineKind::Escalated, 50)];
    let tell = |(number, kind, hours): (u64, LineKind, i64)| {
        let Change::Line { key, mut line, appended_at_ms } = told(of_it(number), kind, ago(hours)) else {
            panic!()
        };
        line.attempt.as_mut().unwrap().excerpt = "no room".into();
        Change::Line { key, line, appended_at_ms }
    };
    apply(&projection, Topic::Attempts, lines.map(tell).to_vec()).await;
    let told = overview(&projection).await;
    assert!(told.hours.iter().all(|(_, hour)| *hour == Hour::default()));
    assert_eq!(told.last_success.map(|success| success.key), Some(key(of_it(1))));
    let (failure, excerpt) = told.last_failure.unwrap();
    assert_eq!((failure.key, failure.at_ms, excerpt.as_str()), (key(of_it(3)), ago(50) - 7, "no room"));
    // And so they are when their hours are not kept any more.
    let query = query(ago(55));
    let counted = async || {
        let told = projection.overview(query.clone()).await.unwrap();
        (
            told.hours.iter().map(|(_, hour)| hour.delivered).sum::<u64>(),
            told.last_success.map(|last| last.key),
        )
    };
    assert_eq!(counted().await, (2, Some(key(of_it(1)))));
    projection.keep(NOW_MS).await.unwrap();
    assert_eq!(counted().await, (0, Some(key(of_it(1)))));
}

#[tokio::test]
async fn of_very_much_that_waits_it_is_told_that_there_is_more() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let issue = |number: u64| issued(of_it(number), ago(5) + number.cast_signed());
    apply(&projection, Topic::Deliveries, (0..10_000).map(issue).collect()).await;
    assert_eq!(overview(&projection).await.waiting.pending, counted(10_000));
    apply(&projection, Topic::Deliveries, (10_000..10_001).map(issue).collect()).await;
    let told = overview(&projection).await;
    assert_eq!(told.waiting.pending, Counted { rows: 10_000, is_at_least: true });
    assert!(told.waiting.is_at_least());
    // Another pair's are not its own.
    let other =
        projection.overview(OverviewQuery { operator: "op-1".into(), ..query(NOW_MS) }).await.unwrap();
    assert_eq!(other.waiting, Waiting::default());
}
