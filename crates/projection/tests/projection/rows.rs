//! What records do.

use crate::log::{
    Entry, all, batch, dismissed, escalated, events, key, open, options, position, record, redelivered,
};
use aerogram_domain::escalations::{Fault, State};
use aerogram_projection::{Open, Options, Projection};
use aerogram_wire::v1::{Attempt, Outcome, Reason};

#[tokio::test]
async fn rows_and_position_change_together_and_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = open(&path).await;
    assert_eq!(position(&projection).await, None);
    let applied = projection.apply(batch(0, &[escalated(1), escalated(2)])).await.unwrap();
    assert_eq!(applied.open, Open { receiver: 2, platform: 0 });
    let before = all(&projection).await;
    assert_eq!(events(&before), ["e-2", "e-1"]);
    let row = &before[1];
    assert_eq!((row.key, row.offset, row.escalated_at_ms), (key(1), 0, 1_000));
    assert_eq!((row.partner.as_str(), row.operator.as_str()), ("app-1", "acme"));
    assert_eq!((row.reason, row.last_outcome), (Reason::Exhausted, Some(Outcome::Http5xx)));
    assert_eq!((row.last_status, row.attempts, row.state()), (503, 2, State::Open));
    projection.close().await.unwrap();
    let again = open(&path).await;
    assert_eq!((all(&again).await, position(&again).await), (before, Some(2)));
    assert_eq!(again.escalation(key(1)).await.unwrap().unwrap().event_id, "e-1");
    assert_eq!(again.escalation(key(9)).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_repeated_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    projection.apply(batch(0, &[escalated(1), dismissed(1, "known")])).await.unwrap();
    let before = all(&projection).await;
    let mut repeated = record(1);
    repeated.callback_url = "https://elsewhere.example.com".into();
    repeated.escalated_at_ms = 99;
    let repetition = Entry::Escalated(key(1), Box::new(repeated));
    let applied = projection.apply(batch(2, &[repetition])).await.unwrap();
    assert_eq!(all(&projection).await, before);
    assert_eq!((applied.open, position(&projection).await), (Open::default(), Some(3)));
}

#[tokio::test]
async fn the_last_resolution_counts_and_a_redelivery_is_never_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let resolved = async |entries: &[Entry]| {
        let from = position(&projection).await.unwrap_or(0);
        let open = projection.apply(batch(from, entries)).await.unwrap().open.receiver;
        let row = projection.escalation(key(1)).await.unwrap();
        row.map(|row| {
            let resolution = row.resolution.clone().unwrap_or_default();
            (row.state(), resolution.why, resolution.run, open)
        })
    };
    assert_eq!(resolved(&[dismissed(1, "before there is anything")]).await, None);
    assert_eq!(resolved(&[escalated(1)]).await, Some((State::Open, String::new(), 0, 1)));
    assert_eq!(resolved(&[dismissed(1, "a")]).await, Some((State::Dismissed, "a".into(), 0, 0)));
    assert_eq!(resolved(&[dismissed(1, "b")]).await, Some((State::Dismissed, "b".into(), 0, 0)));
    let last = Some((State::Redelivered, "fixed".to_owned(), u64::MAX - 7, 0));
    assert_eq!(resolved(&[redelivered(1)]).await, last);
    assert_eq!(resolved(&[dismissed(1, "c"), redelivered(1)]).await, last);
}

#[tokio::test]
async fn our_own_faults_are_counted_apart() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let (mut given_up, mut failed_here, mut untried) = (record(1), record(2), record(3));
    given_up.reason = Reason::Platform.into();
    failed_here.attempts.push(Attempt {
        number: 70,
        outcome: Outcome::PlatformError.into(),
        ..Attempt::default()
    });
    untried.attempts.clear();
    let entries = [(1, given_up), (2, failed_here), (3, untried)]
        .map(|(number, record)| Entry::Escalated(key(number), Box::new(record)));
    let applied = projection.apply(batch(0, &entries)).await.unwrap();
    assert_eq!(applied.open, Open { receiver: 1, platform: 2 });
    let rows = all(&projection).await;
    let told: Vec<_> = rows.iter().map(|row| (row.fault(), row.attempts, row.last_outcome)).collect();
    assert_eq!(
        told,
        [
            (Fault::Receiver, 0, None),
            (Fault::Platform, 70, Some(Outcome::PlatformError)),
            (Fault::Platform, 2, Some(Outcome::Http5xx)),
        ]
    );
}

#[tokio::test]
async fn what_the_log_does_not_hold_any_more_goes() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    projection.apply(batch(0, &[1, 2, 3].map(escalated))).await.unwrap();
    let mut later = batch(7, &[escalated(4)]);
    later.begins_at = 2;
    let applied = projection.apply(later).await.unwrap();
    assert_eq!(events(&all(&projection).await), ["e-4", "e-3"]);
    assert_eq!((applied.open.receiver, position(&projection).await), (2, Some(8)));
}

#[tokio::test]
async fn beyond_the_cap_what_was_dealt_with_goes_first_and_then_the_oldest() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { escalations_max: 4, ..options(&dir.path().join("p.sqlite")) };
    let projection = Projection::open(options).await.unwrap();
    let first =
        [escalated(1), escalated(2), escalated(3), escalated(4), dismissed(3, "x"), dismissed(2, "x")];
    projection.apply(batch(0, &first)).await.unwrap();
    assert_eq!(events(&all(&projection).await), ["e-4", "e-3", "e-2", "e-1"]);
    projection.apply(batch(6, &[escalated(5)])).await.unwrap();
    assert_eq!(events(&all(&projection).await), ["e-5", "e-4", "e-3", "e-1"]);
    let applied = projection.apply(batch(7, &[escalated(6), escalated(7)])).await.unwrap();
    assert_eq!(events(&all(&projection).await), ["e-7", "e-6", "e-5", "e-4"]);
    assert_eq!((applied.open.receiver, position(&projection).await), (4, Some(9)));
}
