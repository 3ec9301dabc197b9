//! What the operations mean, one by one.

use super::*;
use bytes::Bytes;

const KEY: Bytes = Bytes::from_static(b"k");
const LANE: Bytes = Bytes::from_static(b"lane");

fn under(applied: i64) -> Under {
    Under { guard: Guard { owner: 1, applied }, now_ms: 5, age_max_ms: 100 }
}

fn put(key: &'static str, due_at_ms: i64, lane: Option<Bytes>) -> Change {
    let payload = Payload::Here(Bytes::from_static(b"value"));
    let entry = Entry { due_at_ms, offset: 0, payload, lane, first: true };
    Change::Put { key: key.into(), entry }
}

const ALL: Keep = Keep { bytes_max: 1 << 40, high_water_percent: 50, drop_max: 2 };

fn apply(slot: &mut Option<StoreState>, applied: i64, upto: i64, changes: Vec<Change>) -> StoreReply {
    execute(slot, StoreOp::Apply { under: under(applied), upto, changes, as_of_ms: None, keep: ALL })
}

/// Up to the same offset again, keeping other payloads; where they are now.
fn keeping(slot: &mut Option<StoreState>, applied: i64, bytes_max: u64, changes: Vec<Change>) -> Payloads {
    let keep = Keep { bytes_max, ..ALL };
    let under = under(applied);
    match execute(slot, StoreOp::Apply { under, upto: applied, changes, as_of_ms: None, keep }) {
        StoreReply::Applied { payloads, .. } => payloads,
        other => panic!("{other:?}"),
    }
}

/// How many entries there are, and how many wait in which lanes.
fn counts(reply: StoreReply) -> (usize, Vec<Waiting>) {
    match reply {
        StoreReply::Applied { pending, lanes, .. } => (pending, lanes),
        other => panic!("{other:?}"),
    }
}

fn taken() -> Option<StoreState> {
    let mut slot = None;
    let take =
        StoreOp::TakeOver { owner: 1, layout_id: "l".into(), now_ms: 5, age_max_ms: 100, reset: false };
    execute(&mut slot, take);
    slot
}

fn keys(reply: StoreReply) -> Vec<Bytes> {
    match reply {
        StoreReply::Picked(picked) | StoreReply::Parked(picked) => {
            picked.into_iter().map(|p| p.key).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn due(slot: &mut Option<StoreState>, applied: i64) -> Vec<Bytes> {
    keys(execute(slot, StoreOp::Pick { under: under(applied), limit: 9, bytes_max: 99 }))
}

fn parked(slot: &mut Option<StoreState>, applied: i64, n: usize) -> Vec<Bytes> {
    let wants = vec![(LANE, n)];
    keys(execute(slot, StoreOp::PickParked { under: under(applied), wants, bytes_max: 99 }))
}

/// The tombstone that would have ended the mark may have been compacted away between the two.
#[test]
fn an_entry_written_again_is_due_again() {
    let mut slot = taken();
    apply(&mut slot, -1, 0, vec![put("k", 1, None)]);
    execute(&mut slot, StoreOp::MarkFired { under: under(0), keys: vec![(KEY, None)] });
    assert!(due(&mut slot, 0).is_empty());
    apply(&mut slot, 0, 7, vec![put("k", 1, None)]);
    assert_eq!(due(&mut slot, 7), [KEY]);
}

#[test]
fn lanes_give_out_their_oldest_first_and_know_how_many_wait() {
    let mut slot = taken();
    let changes = vec![
        put("b", 2, Some(LANE)),
        put("a", 1, Some(LANE)),
        put("z", 0, Some("other".into())),
        put("k", 3, None),
    ];
    let lanes = vec![(LANE, 2), ("other".into(), 1)];
    assert_eq!(counts(apply(&mut slot, -1, 3, changes)), (4, lanes));
    assert_eq!(parked(&mut slot, 3, 1), ["a"]);
    assert_eq!(due(&mut slot, 3), [KEY], "what is parked is never due");
    let held = execute(&mut slot, StoreOp::Hold { under: under(3), keys: vec![(KEY, LANE)] });
    assert_eq!(held, StoreReply::Held { lanes: vec![(LANE, 3)] });
    assert_eq!(parked(&mut slot, 3, 9), ["a", "b", "k"]);
    let fired = vec![("a".into(), Some(LANE)), ("none".into(), Some(LANE))];
    let marked = execute(&mut slot, StoreOp::MarkFired { under: under(3), keys: fired });
    assert_eq!(marked, StoreReply::Marked { lanes: vec![(LANE, 2)] });
    let removed = vec![Change::Remove { key: "a".into() }, Change::Remove { key: "b".into() }];
    let lanes = vec![(LANE, 1)];
    assert_eq!(counts(apply(&mut slot, 3, 5, removed)), (2, lanes));
}

#[test]
fn who_takes_over_is_told_what_waits_and_what_is_outstanding() {
    let mut slot = taken();
    apply(&mut slot, -1, 1, vec![put("a", 1, Some(LANE)), put("b", 1, Some(LANE)), put("k", 1, None)]);
    let fired = vec![("a".into(), Some(LANE)), (KEY, None)];
    execute(&mut slot, StoreOp::MarkFired { under: under(1), keys: fired });
    let take =
        StoreOp::TakeOver { owner: 2, layout_id: "l".into(), now_ms: 5, age_max_ms: 100, reset: false };
    let (lanes, outstanding) = (vec![(LANE, 1)], vec![("a".into(), LANE)]);
    let expected = StoreReply::TakenOver { applied: 1, as_of_ms: 5, lanes, outstanding };
    assert_eq!(execute(&mut slot, take), expected);
}

#[test]
fn payloads_are_kept_while_there_is_room_and_let_go_of_a_few_at_a_time() {
    let mut slot = taken();
    let places = |kept, in_log, room_bytes| Payloads { kept, in_log, room_bytes };
    apply(&mut slot, -1, 0, vec![]);
    let four = ["a", "b", "c", "d"].map(|key| put(key, 1, None)).to_vec();
    assert_eq!(keeping(&mut slot, 0, 19, four.clone()), places(3, 1, 4));
    assert_eq!(keeping(&mut slot, 0, 19, four), places(3, 1, 4), "the same again takes no more");
    assert_eq!(keeping(&mut slot, 0, 0, vec![]), places(1, 3, 0), "two at a time");
    assert_eq!(keeping(&mut slot, 0, 0, vec![]), places(0, 4, 0));
    let picked = execute(&mut slot, StoreOp::Pick { under: under(0), limit: 9, bytes_max: 12 });
    let StoreReply::Picked(picked) = picked else { panic!("{picked:?}") };
    assert_eq!(picked.len(), 2, "what is in the log counts for what it has there");
    assert!(picked.iter().all(|p| p.entry.payload == Payload::InLog { bytes: 5 }));
    assert_eq!(keeping(&mut slot, 0, 5, vec![put("b", 1, None)]), places(1, 3, 0));
    execute(&mut slot, StoreOp::MarkFired { under: under(0), keys: vec![("b".into(), None)] });
    assert_eq!(keeping(&mut slot, 0, 5, vec![]), places(0, 3, 5), "what was fired needs none");
}
