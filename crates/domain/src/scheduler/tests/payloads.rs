//! Payloads that the store does not keep, and a store without room.

use super::*;

type Store = Option<crate::store::StoreState>;

fn key(n: u8) -> PendingKey {
    PendingKey { run: RunKey { delivery_id: [n; 16], run: 0 }, seq: 1 }
}

fn value(n: u8, kind: PendingKind) -> Bytes {
    let delivery = Delivery {
        delivery_id: Bytes::copy_from_slice(&[n; 16]),
        seq: 1,
        subscription_id: "s".into(),
        ..Delivery::default()
    };
    let mut entry = PendingEntry { delivery: Some(delivery), ..PendingEntry::default() };
    entry.set_kind(kind);
    entry.encode_to_vec().into()
}

fn written(offset: i64, n: u8, kind: PendingKind) -> Read {
    read(offset, 0, key(n).encode(), Some(value(n, kind)), None).unwrap()
}

/// An owner with these entries, one an offset, in a store that keeps no payload; what it asks for then.
fn with(kind: PendingKind, ns: &[u8]) -> (Partition, Store, Vec<Action>) {
    let (mut out, mut store) = (Vec::new(), None);
    let config = Config { payload_bytes_max: 0, ..Config::default() };
    let mut partition = Partition::new(config, 1, "layout".into(), now(0));
    partition.start(&mut out);
    partition.on_proved(now(0), true, &mut out);
    apply(&mut partition, &mut store, 0, &mut out);
    partition.on_end(now(0), Some(ns.len() as i64), 0, &mut out);
    for (offset, n) in (0..).zip(ns) {
        partition.on_record(now(0), written(offset, *n, kind));
    }
    partition.on_log_end(now(0), &mut out);
    apply(&mut partition, &mut store, 0, &mut out);
    out.retain(|action| matches!(action, Action::ReadBack { .. }));
    (partition, store, out)
}

/// What is asked for.
fn asked(out: &mut Vec<Action>) -> Option<(u64, Vec<i64>)> {
    let index = out.iter().position(|action| matches!(action, Action::ReadBack { .. }))?;
    match out.remove(index) {
        Action::ReadBack { number, offsets } => Some((number, offsets)),
        other => panic!("{other:?}"),
    }
}

fn stands(offset: i64, n: u8, kind: PendingKind) -> ReadBack {
    let found = Found { key: key(n).encode(), value: Some(value(n, kind)) };
    ReadBack { offset, found: Some(found) }
}

fn gone(offset: i64) -> ReadBack {
    ReadBack { offset, found: None }
}

fn ids(out: &mut Vec<Action>) -> Vec<u8> {
    fired(out).iter().map(|delivery| delivery.delivery_id[0]).collect()
}

#[test]
fn what_is_due_and_only_in_the_log_is_read_and_then_fired() {
    let (mut partition, mut store, mut out) = with(PendingKind::Retry, &[3, 4]);
    let (number, offsets) = asked(&mut out).unwrap();
    assert_eq!(offsets, [0, 1]);
    assert!(!fires(&out));
    apply(&mut partition, &mut store, 200, &mut out);
    assert_eq!(asked(&mut out), None, "once");
    let both = vec![stands(0, 3, PendingKind::Retry), stands(1, 4, PendingKind::Retry)];
    partition.on_read_back(now(201), number + 1, both.clone(), &mut out);
    assert!(!fires(&out), "the answer to another question");
    partition.on_read_back(now(201), number, both, &mut out);
    assert_eq!(ids(&mut out), [3, 4]);
}

#[test]
fn a_lane_stays_in_order_when_some_could_not_be_read_in_time() {
    let (mut partition, mut store, mut out) = with(PendingKind::Parked, &[3, 4, 5]);
    partition.lanes.can_take(&"s".into(), 8);
    let (number, offsets) = asked(&mut out).unwrap();
    assert_eq!(offsets, [0], "one probe");
    partition.on_read_back(now(100), number, vec![], &mut out);
    apply(&mut partition, &mut store, 200, &mut out);
    let (number, _) = asked(&mut out).unwrap();
    partition.on_read_back(now(200), number, vec![stands(0, 3, PendingKind::Parked)], &mut out);
    assert_eq!(ids(&mut out), [3]);
    partition.on_fired(now(200), &key(3), true, &mut out);
    partition.on_record(now(201), {
        let ended = (LineKind::Cancelled as i32).to_string();
        read(3, 0, key(3).encode(), None, Some(ended.as_bytes())).unwrap()
    });
    apply(&mut partition, &mut store, 300, &mut out);
    let (number, offsets) = asked(&mut out).unwrap();
    assert_eq!(offsets, [1, 2], "what ended without an attempt opened the lane");
    partition.on_read_back(now(300), number, vec![stands(2, 5, PendingKind::Parked)], &mut out);
    assert_eq!(ids(&mut out), [0; 0], "the first one was not read");
    apply(&mut partition, &mut store, 400, &mut out);
    let (number, offsets) = asked(&mut out).unwrap();
    assert_eq!(offsets, [1, 2]);
    let both = vec![stands(1, 4, PendingKind::Parked), stands(2, 5, PendingKind::Parked)];
    partition.on_read_back(now(400), number, both, &mut out);
    assert_eq!(ids(&mut out), [4, 5]);
}

#[test]
fn what_was_superseded_while_it_was_read_is_not_fired() {
    let (mut partition, mut store, mut out) = with(PendingKind::Retry, &[3]);
    let (number, _) = asked(&mut out).unwrap();
    partition.on_record(now(101), read(1, 0, key(3).encode(), None, None).unwrap());
    apply(&mut partition, &mut store, 150, &mut out);
    partition.on_read_back(now(151), number, vec![stands(0, 3, PendingKind::Retry)], &mut out);
    assert!(!fires(&out), "{out:?}");
}

#[test]
fn an_entry_whose_record_is_gone_waits_for_what_superseded_it() {
    let (mut partition, mut store, mut out) = with(PendingKind::Retry, &[3]);
    let (number, _) = asked(&mut out).unwrap();
    partition.on_read_back(now(101), number, vec![gone(0)], &mut out);
    apply(&mut partition, &mut store, 200, &mut out);
    assert_eq!(asked(&mut out), None, "nothing new is known of it");
    partition.tick(now(2_000), &mut out);
    partition.on_end(now(2_000), Some(6), 2_000, &mut out);
    partition.on_record(now(2_001), written(5, 3, PendingKind::Retry));
    apply(&mut partition, &mut store, 2_100, &mut out);
    let (number, offsets) = asked(&mut out).unwrap();
    assert_eq!(offsets, [5]);
    partition.on_read_back(now(2_101), number, vec![stands(5, 3, PendingKind::Retry)], &mut out);
    assert_eq!(ids(&mut out), [3]);
}

#[test]
fn a_store_whose_entries_are_not_in_the_log_is_folded_again() {
    for found in [gone(0), stands(0, 9, PendingKind::Retry)] {
        let (mut partition, mut store, mut out) = with(PendingKind::Retry, &[3]);
        // Asked for before it was missed, an end proves nothing.
        let (number, _) = asked(&mut out).unwrap();
        apply(&mut partition, &mut store, 1_100, &mut out);
        partition.on_read_back(now(1_101), number, vec![found], &mut out);
        partition.on_end(now(1_102), Some(1), 1_100, &mut out);
        apply(&mut partition, &mut store, 1_200, &mut out);
        assert!(!out.iter().any(|action| matches!(action, Action::Prove)), "{out:?}");
        partition.tick(now(2_200), &mut out);
        partition.on_end(now(2_201), Some(1), 2_200, &mut out);
        apply(&mut partition, &mut store, 2_201, &mut out);
        assert!(out.iter().any(|action| matches!(action, Action::Prove)), "{out:?}");
        out.clear();
        partition.on_proved(now(2_202), true, &mut out);
        assert!(matches!(out[..], [Action::Store(StoreOp::TakeOver { reset: true, .. })]), "{out:?}");
    }
}

#[test]
fn what_the_store_keeps_is_fired_while_the_rest_is_read() {
    let (mut partition, mut store, mut out) = with(PendingKind::Retry, &[3]);
    let (number, _) = asked(&mut out).unwrap();
    partition.config.payload_bytes_max = 1 << 20;
    // Without room so far, nothing was sent; the answer says that there is now.
    partition.on_end(now(150), Some(1), 150, &mut out);
    apply(&mut partition, &mut store, 150, &mut out);
    partition.on_record(now(160), written(1, 4, PendingKind::Retry));
    partition.on_record(now(160), written(2, 5, PendingKind::Retry));
    apply(&mut partition, &mut store, 200, &mut out);
    apply(&mut partition, &mut store, 300, &mut out);
    assert_eq!(ids(&mut out), [4, 5]);
    partition.on_read_back(now(301), number, vec![stands(0, 3, PendingKind::Retry)], &mut out);
    assert_eq!(ids(&mut out), [3]);
}

#[test]
fn while_the_store_is_full_nothing_is_read_and_what_is_there_goes_on() {
    let (mut partition, mut out) = running();
    partition.on_record(now(10), written(1, 4, PendingKind::Retry));
    partition.on_log_end(now(10), &mut out);
    let applies = |out: &[Action]| {
        let upto = |action: &Action| match action {
            Action::Store(StoreOp::Apply { upto, .. }) => Some(*upto),
            _ => None,
        };
        out.iter().filter_map(upto).collect::<Vec<_>>()
    };
    assert_eq!(applies(&out), [1]);
    out.clear();
    partition.on_store(now(11), StoreReply::Full, &mut out);
    let room = |out: &[Action]| {
        out.iter().rev().find_map(|action| match action {
            Action::Show(backlog) => Some(backlog.room),
            _ => None,
        })
    };
    assert_eq!(room(&out), Some(Room::Full));
    assert!(!partition.wants_more() && applies(&out).is_empty());
    partition.tick(now(100), &mut out);
    partition.on_store(now(100), picked(), &mut out);
    assert!(fires(&out), "what is there is fired: {out:?}");
    partition.on_fired(now(101), &KEY, true, &mut out);
    assert!(marks(&out), "and marked: {out:?}");
    partition.on_store(now(102), StoreReply::Marked { lanes: vec![] }, &mut out);
    assert_eq!(applies(&out), [0; 0]);
    out.clear();
    let again = 11 + Config::default().store_retry_ms;
    while applies(&out).is_empty() {
        partition.tick(now(again), &mut out);
        let picks =
            out.extract_if(.., |action| matches!(action, Action::Store(StoreOp::Pick { .. }))).count();
        if picks > 0 {
            partition.on_store(now(again), StoreReply::Picked(vec![]), &mut out);
        }
    }
    assert_eq!(applies(&out), [1], "the same again");
    partition.on_store(now(again), applied(), &mut out);
    assert_eq!((room(&out), partition.wants_more()), (Some(Room::Enough), true));
}

#[test]
fn a_store_that_was_full_when_it_was_wiped_is_read_into_again() {
    let (mut partition, mut out) = running();
    partition.on_record(now(10), written(1, 4, PendingKind::Retry));
    partition.on_log_end(now(10), &mut out);
    partition.on_store(now(11), StoreReply::Full, &mut out);
    partition.tick(now(100), &mut out);
    partition.on_store(now(100), StoreReply::Mismatch, &mut out);
    partition.on_proved(now(101), true, &mut out);
    partition.on_store(now(102), taken_over(102), &mut out);
    partition.on_end(now(103), Some(2), 103, &mut out);
    assert!(partition.wants_more());
}
