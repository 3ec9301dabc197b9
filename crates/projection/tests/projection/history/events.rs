//! Questions about one event.

use std::collections::BTreeSet;

use super::{apply, issued, open, open_with, told};
use aerogram_domain::identity::Position;
use aerogram_projection::{Batch, Change, EventQuery, EventsById, Projection, RejectedName, Unmatched};
use aerogram_wire::Topic;
use aerogram_wire::v1::{EventName, EventReceipt, LineKind, Position as Place};

fn receipt(offset: i64, matches: u32, repeats: Option<i64>) -> EventReceipt {
    let name = EventName {
        id: "e-1".into(),
        source: "/ops".into(),
        scope: "scope".into(),
        r#type: "FLIGHT_CREATE".into(),
        operator: "op-1".into(),
        contract: "c".into(),
        environment: "production".into(),
        subject: "AB1".into(),
        accepted_at_ms: 1_000 + offset,
        words: vec!["abc123".into()],
    };
    let duplicate_of = repeats.map(|offset| Place { partition: 4, offset });
    EventReceipt { offset, matches, duplicate_of, name: (matches == 0).then_some(name) }
}

fn unmatched(receipt: &EventReceipt) -> Change {
    Change::Unmatched(Box::new(Unmatched::of(4, receipt, 900).unwrap()))
}

fn rejected(offset: i64, event_id: &str) -> Change {
    Change::Rejected(Box::new(RejectedName {
        offset,
        event_id: event_id.into(),
        rejected_at_ms: 1_000 + offset,
        reason: "unknown_type".into(),
        scope: "scope".into(),
        settled: false,
    }))
}

async fn ask(projection: &Projection, query: EventQuery) -> EventsById {
    projection.events_by_id(EventQuery { event_id: "e-1".into(), limit: 100, ..query }).await.unwrap()
}

#[tokio::test]
async fn everything_there_is_of_an_event_is_found_by_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    // 4 to 7 are of e-1.
    apply(&projection, Topic::Deliveries, (0..40).map(|number| issued(number, 1_000)).collect()).await;
    apply(&projection, Topic::Attempts, vec![told(4, LineKind::Delivered, 1_100)]).await;
    let receipts = [receipt(7, 0, None), receipt(8, 0, Some(7)), receipt(8, 0, None), receipt(9, 0, Some(9))];
    apply(&projection, Topic::Matches, receipts.iter().map(unmatched).collect()).await;
    let rejections = vec![rejected(3, "e-1"), rejected(4, "e-2"), rejected(5, "e-1"), rejected(3, "e-9")];
    apply(&projection, Topic::Rejected, rejections).await;
    let settled = [5, 77].map(|offset| Change::RejectedSettled { offset });
    apply(&projection, Topic::Rejected, settled.to_vec()).await;

    let found = ask(&projection, EventQuery::default()).await;
    assert_eq!(found.deliveries.len(), 4);
    let seen: Vec<_> = found.unmatched.iter().map(|event| (event.position.offset, event.repeats)).collect();
    // The first receipt of a position counts, and nothing repeats itself.
    assert_eq!(seen, [(7, None), (8, Some(Position { partition: 4, offset: 7 })), (9, None)]);
    let first = &found.unmatched[0];
    assert_eq!(
        (first.source.as_str(), first.scope.as_str(), first.contract.as_str()),
        ("/ops", "scope", "c")
    );
    assert_eq!((first.event_type.as_str(), first.operator.as_str()), ("FLIGHT_CREATE", "op-1"));
    assert_eq!((first.environment.as_str(), first.subject.as_str()), ("production", "AB1"));
    assert_eq!(first.accepted_at_ms, 1_007);
    let rejections: Vec<_> = found.rejected.iter().map(|event| (event.offset, event.settled)).collect();
    assert_eq!(rejections, [(3, false), (5, true)]);

    let of = EventQuery { operator: Some("op-0".into()), ..EventQuery::default() };
    let found = ask(&projection, of).await;
    assert_eq!((found.deliveries.len(), found.unmatched.len(), found.rejected.len()), (2, 0, 2));
    let late = EventQuery { not_before_ms: 1_008, ..EventQuery::default() };
    let found = ask(&projection, late).await;
    assert_eq!((found.deliveries.len(), found.unmatched.len(), found.rejected.len()), (3, 2, 0));

    let at = |partition, offset| projection.is_repeat(Position { partition, offset });
    assert_eq!(
        (at(4, 8).await.unwrap(), at(4, 7).await.unwrap(), at(0, 8).await.unwrap()),
        (true, false, false)
    );

    let subscriptions = || (0..12).map(|number| format!("s-{number}")).collect();
    let got = async |event_id: &str, offset| {
        let at = Position { partition: 1, offset };
        let without = projection.without_delivery(event_id.to_owned(), at, subscriptions()).await.unwrap();
        &subscriptions() - &without
    };
    assert_eq!(got("e-1", 5).await, BTreeSet::from(["s-5".to_owned()]));
    // Of another event that was called the same, or of another one.
    assert!(got("e-1", 8).await.is_empty() && got("e-2", 5).await.is_empty());

    projection.keep(2_000_000 + 1_008).await.unwrap();
    let found = ask(&projection, EventQuery::default()).await;
    assert_eq!((found.unmatched.len(), found.rejected.len()), (2, 0));
}

/// Whoever replays them asks, for as long as the log holds them.
#[tokio::test]
async fn those_that_repeat_another_one_make_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open_with(&dir.path().join("p.sqlite"), 1).await;
    let receipts = [receipt(7, 0, None), receipt(8, 0, Some(7)), receipt(9_000, 0, None)];
    apply(&projection, Topic::Matches, receipts.iter().map(unmatched).collect()).await;
    apply(&projection, Topic::Rejected, vec![rejected(3, "e-1"), rejected(8_000, "e-1")]).await;
    let mut kept = Vec::new();
    for delivered in [false, true, true] {
        if delivered {
            apply(&projection, Topic::Deliveries, vec![issued(90, 5_000)]).await;
            apply(&projection, Topic::Attempts, vec![told(90, LineKind::Delivered, 5_100)]).await;
        }
        kept.push((projection.keep(600_000).await.unwrap().dropped, projection.whole_since_ms()));
    }
    // Without a run that has ended nothing says what is old, and what comes late of one that is gone tells nothing.
    assert_eq!(kept, [(0, 0), (3, 5_001), (0, 5_001)]);
    let found = ask(&projection, EventQuery::default()).await;
    let offsets: Vec<_> = found.unmatched.iter().map(|event| event.position.offset).collect();
    assert_eq!((offsets, found.rejected.len()), (vec![8, 9_000], 1));
    assert!(projection.is_repeat(Position { partition: 4, offset: 8 }).await.unwrap());
    projection.keep(2_000_000 + 1_009).await.unwrap();
    assert!(!projection.is_repeat(Position { partition: 4, offset: 8 }).await.unwrap());
}

/// Offsets of a log that was here before would hide those of the new one.
#[tokio::test]
async fn of_a_log_that_was_here_before_nothing_stays() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let receipts = [receipt(7, 0, None), receipt(8, 0, Some(7))];
    apply(&projection, Topic::Matches, receipts.iter().map(unmatched).collect()).await;
    apply(&projection, Topic::Rejected, vec![rejected(3, "e-1")]).await;
    let left = async || {
        let found = ask(&projection, EventQuery::default()).await;
        (found.unmatched.len(), found.rejected.len())
    };
    let anew = |topic, partition| Batch { begins_at: i64::MAX, ..Batch::new(topic, partition, 0) };
    for (batch, expected) in [
        (anew(Topic::Matches, 0), (2, 1)),
        (anew(Topic::Matches, 4), (0, 1)),
        (anew(Topic::Rejected, 0), (0, 0)),
    ] {
        projection.apply(batch).await.unwrap();
        assert_eq!(left().await, expected);
    }
}

#[test]
fn of_an_event_that_matched_deliveries_tell() {
    assert_eq!(Unmatched::of(4, &receipt(7, 2, None), 900), None);
    let bare = EventReceipt { name: None, ..receipt(7, 0, None) };
    let event = Unmatched::of(4, &bare, 900).unwrap();
    assert_eq!((event.event_id.as_str(), event.accepted_at_ms), ("", 900));
}
