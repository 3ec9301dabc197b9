//! What the seeded world found, one by one.

mod payloads;

use super::reading::STALLED_PROBES_MAX;
use super::*;
use crate::ended::Ended;
use crate::store::{Change, Entry, Payload, Payloads, Picked, StoreOp, StoreReply};
use aerogram_wire::Message as _;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{Delivery, LineKind, PendingEntry, PendingKind};

const KEY: PendingKey = PendingKey { run: RunKey { delivery_id: [3; 16], run: 0 }, seq: 1 };

fn now(ms: i64) -> Now {
    Now { wall_ms: ms, mono_ms: ms }
}

fn entry() -> Bytes {
    let delivery = Delivery { delivery_id: Bytes::copy_from_slice(&[3; 16]), seq: 1, ..Delivery::default() };
    PendingEntry { delivery: Some(delivery), ..PendingEntry::default() }.encode_to_vec().into()
}

fn waits() -> Entry {
    Entry { due_at_ms: 0, offset: 0, payload: Payload::Here(entry()), lane: None, first: true }
}

fn put(offset: i64) -> Read {
    let change = Change::Put { key: KEY.encode(), entry: waits() };
    Read { offset, appended_ms: 0, change, ended: Ended::default() }
}

fn taken_over(as_of_ms: i64) -> StoreReply {
    StoreReply::TakenOver { applied: -1, as_of_ms, lanes: Vec::new(), outstanding: Vec::new() }
}

fn applied() -> StoreReply {
    StoreReply::Applied { pending: 1, payloads: Payloads::default(), lanes: Vec::new() }
}

/// An owner that has read up to the end, which is offset 1, with one entry in the store.
fn running() -> (Partition, Vec<Action>) {
    let mut out = Vec::new();
    let mut partition = Partition::new(Config::default(), 1, "layout".into(), now(0));
    partition.start(&mut out);
    partition.on_proved(now(0), true, &mut out);
    partition.on_store(now(0), taken_over(0), &mut out);
    partition.on_end(now(0), Some(1), 0, &mut out);
    partition.on_record(now(0), put(0));
    partition.on_log_end(now(0), &mut out);
    partition.on_store(now(0), applied(), &mut out);
    out.clear();
    (partition, out)
}

fn picked() -> StoreReply {
    StoreReply::Picked(vec![Picked { key: KEY.encode(), entry: waits() }])
}

fn marks(out: &[Action]) -> bool {
    out.iter().any(|action| matches!(action, Action::Store(StoreOp::MarkFired { .. })))
}

fn fires(out: &[Action]) -> bool {
    out.iter().any(|action| matches!(action, Action::Fire { .. }))
}

#[test]
fn an_entry_written_again_while_its_firing_is_under_way_is_not_marked_by_it() {
    let (mut partition, mut out) = running();
    partition.tick(now(1), &mut out);
    partition.on_store(now(1), picked(), &mut out);
    assert!(fires(&out));
    partition.on_record(now(1), put(5));
    partition.tick(now(100), &mut out);
    partition.on_store(now(100), applied(), &mut out);
    out.clear();
    partition.on_fired(now(101), &KEY, true, &mut out);
    assert!(!marks(&out), "{out:?}");
    partition.tick(now(200), &mut out);
    partition.on_store(now(200), picked(), &mut out);
    assert!(fires(&out), "it is fired again: {out:?}");
}

/// Parked for the subscription `s`.
fn parked_entry() -> Bytes {
    let delivery = Delivery {
        delivery_id: Bytes::copy_from_slice(&[3; 16]),
        seq: 1,
        subscription_id: "s".into(),
        ..Delivery::default()
    };
    let mut entry = PendingEntry { delivery: Some(delivery), due_at_ms: 7, ..PendingEntry::default() };
    entry.set_kind(aerogram_wire::v1::PendingKind::Parked);
    entry.encode_to_vec().into()
}

fn parked(offset: i64, appended_ms: i64) -> Read {
    read(offset, appended_ms, KEY.encode(), Some(parked_entry()), None).unwrap()
}

fn tombstone(offset: i64, ended: LineKind) -> Read {
    let text = (ended as i32).to_string();
    read(offset, 0, KEY.encode(), None, Some(text.as_bytes())).unwrap()
}

/// What the partition asks the store to apply, and what a real store answers.
fn apply(
    partition: &mut Partition,
    store: &mut Option<crate::store::StoreState>,
    ms: i64,
    out: &mut Vec<Action>,
) {
    for _ in 0..20 {
        partition.tick(now(ms), out);
        while let Some(index) = out.iter().position(|action| matches!(action, Action::Store(_))) {
            let Action::Store(op) = out.remove(index) else { return };
            let reply = crate::store::execute(store, op);
            partition.on_store(now(ms), reply, out);
        }
    }
}

/// An owner for long enough to know what was removed, with a store of its own.
fn long_running() -> (Partition, Option<crate::store::StoreState>) {
    let (mut out, mut store) = (Vec::new(), None);
    let mut partition = Partition::new(Config::default(), 1, "layout".into(), now(0));
    partition.start(&mut out);
    partition.on_proved(now(0), true, &mut out);
    apply(&mut partition, &mut store, 0, &mut out);
    let later = Config::default().rewrite_max_ms + 1;
    partition.on_end(now(later), Some(0), later, &mut out);
    partition.on_log_end(now(later), &mut out);
    apply(&mut partition, &mut store, later, &mut out);
    (partition, store)
}

fn fired(out: &mut Vec<Action>) -> Vec<Delivery> {
    let fired = out.extract_if(.., |action| matches!(action, Action::Fire { .. }));
    fired
        .map(|action| match action {
            Action::Fire { delivery, .. } => *delivery,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// What was parked at that time is fired by its first credit, and acknowledged.
fn probed() -> (Partition, Option<crate::store::StoreState>, i64, Vec<Action>) {
    let (mut partition, mut store) = long_running();
    let (mut out, at) = (Vec::new(), Config::default().rewrite_max_ms + 1_000);
    partition.on_record(now(at), parked(0, at));
    apply(&mut partition, &mut store, at, &mut out);
    assert_eq!(fired(&mut out).len(), 1);
    partition.on_fired(now(at), &KEY, true, &mut out);
    (partition, store, at, out)
}

#[test]
fn what_is_parked_is_fired_by_one_credit_and_says_when_that_was() {
    let (mut partition, mut store) = long_running();
    let (mut out, at) = (Vec::new(), Config::default().rewrite_max_ms + 1_000);
    partition.on_record(now(at), parked(0, at));
    apply(&mut partition, &mut store, at, &mut out);
    let probe = fired(&mut out);
    assert_eq!(probe.len(), 1);
    assert!(probe[0].by_credit && probe[0].from_pending);
    assert_eq!(probe[0].due_at_ms, at, "no line about it is older than its firing");
    partition.on_fired(now(at), &KEY, true, &mut out);
    apply(&mut partition, &mut store, at + 900, &mut out);
    assert!(fired(&mut out).is_empty(), "it is on its way");
}

#[test]
fn what_is_written_again_frees_its_credit_and_is_as_old_as_it_says() {
    let (mut partition, mut store, at, mut out) = probed();
    apply(&mut partition, &mut store, at, &mut out);
    // Its tombstone was compacted away, and would be the only one to give the credit back.
    let later = at + Config::default().probe_wait_min_ms;
    partition.on_record(now(later), parked(5, later));
    apply(&mut partition, &mut store, later, &mut out);
    let again = fired(&mut out);
    assert_eq!((again.len(), again[0].due_at_ms), (1, 7));
}

#[test]
fn what_is_written_again_after_its_tombstone_does_not_wait_for_a_credit() {
    let (mut partition, mut store, at, mut out) = probed();
    partition.on_record(now(at), tombstone(1, LineKind::Retry));
    partition.on_record(now(at + 1), parked(2, at + 1));
    apply(&mut partition, &mut store, at + 200, &mut out);
    apply(&mut partition, &mut store, at + 300, &mut out);
    let again = fired(&mut out);
    assert_eq!(again.len(), 1, "though its lane is shut");
    assert!(!again[0].by_credit && again[0].due_at_ms == 7);
}

/// A task that sends again what has ended may be taken up long after, and a part of it done once more.
#[test]
fn the_first_record_of_a_run_that_was_asked_for_long_ago_is_as_old_as_it_says() {
    let lately_ms = Config::default().rewrite_max_ms - 10_000;
    for (age_ms, is_new) in [(0, true), (lately_ms, true), (lately_ms + 1, false)] {
        let (mut partition, mut store) = long_running();
        let (mut out, at) = (Vec::new(), Config::default().rewrite_max_ms + 1_000);
        let key = PendingKey { run: RunKey { run: 7, ..KEY.run }, seq: 0 };
        let delivery_id = Bytes::copy_from_slice(&key.run.delivery_id);
        let delivery = Delivery { delivery_id, run: 7, subscription_id: "s".into(), ..Delivery::default() };
        let (delivery, due_at_ms) = (Some(delivery), at - age_ms);
        let kind = PendingKind::Parked.into();
        let entry = PendingEntry { kind, due_at_ms, delivery, ..PendingEntry::default() };
        let value = Some(entry.encode_to_vec().into());
        partition.on_record(now(at), read(0, at, key.encode(), value, None).unwrap());
        apply(&mut partition, &mut store, at, &mut out);
        let sent: Vec<_> = fired(&mut out).iter().map(|delivery| delivery.due_at_ms).collect();
        assert_eq!(sent, [if is_new { at } else { due_at_ms }], "{age_ms}");
    }
}

#[test]
fn what_falls_due_while_its_lane_is_shut_waits_there() {
    let (mut partition, mut store, at, mut out) = probed();
    partition.on_record(now(at), tombstone(1, LineKind::Retry));
    apply(&mut partition, &mut store, at, &mut out);
    fired(&mut out);
    let key = PendingKey { seq: 2, ..KEY };
    let delivery = Delivery {
        delivery_id: Bytes::copy_from_slice(&[3; 16]),
        seq: 2,
        subscription_id: "s".into(),
        ..Delivery::default()
    };
    let retry = PendingEntry { delivery: Some(delivery), due_at_ms: at, ..PendingEntry::default() };
    let retry = read(2, at, key.encode(), Some(retry.encode_to_vec().into()), None).unwrap();
    partition.on_record(now(at + 10), retry);
    apply(&mut partition, &mut store, at + 100, &mut out);
    assert!(fired(&mut out).is_empty(), "it is due, and waits for the probe");
    apply(&mut partition, &mut store, at + 5_000, &mut out);
    let probe = fired(&mut out);
    assert!(probe.len() == 1 && probe[0].by_credit, "{probe:?}");
}

#[test]
fn what_was_picked_before_the_position_grew_stale_is_not_fired() {
    let (mut partition, mut out) = running();
    partition.tick(now(1), &mut out);
    partition.on_store(now(Config::default().staleness_max_ms + 1), picked(), &mut out);
    assert!(!fires(&out), "{out:?}");
}

#[test]
fn marks_that_met_another_store_do_not_block_their_entries() {
    let (mut partition, mut out) = running();
    partition.tick(now(1), &mut out);
    partition.on_store(now(1), picked(), &mut out);
    partition.on_fired(now(1), &KEY, true, &mut out);
    assert!(marks(&out));
    partition.on_store(now(2), StoreReply::Mismatch, &mut out);
    partition.on_proved(now(2), true, &mut out);
    partition.on_store(now(2), taken_over(2), &mut out);
    partition.on_end(now(2), Some(1), 2, &mut out);
    partition.on_record(now(0), put(0));
    partition.on_log_end(now(2), &mut out);
    partition.on_store(now(2), StoreReply::Marked { lanes: Vec::new() }, &mut out);
    partition.on_store(now(2), applied(), &mut out);
    out.clear();
    partition.tick(now(100), &mut out);
    partition.on_store(now(100), picked(), &mut out);
    assert!(fires(&out), "{out:?}");
}

#[test]
fn a_tail_that_was_compacted_away_makes_it_read_anew() {
    let (mut partition, mut out) = running();
    for probe in 0..=STALLED_PROBES_MAX {
        assert!(!out.iter().any(|action| matches!(action, Action::ReadFrom { .. })), "at probe {probe}");
        partition.on_end(now(i64::from(probe)), Some(9), 0, &mut out);
    }
    assert!(out.iter().any(|action| matches!(action, Action::ReadFrom { offset: 1 })), "{out:?}");
    partition.on_log_end(now(9), &mut out);
    partition.on_end(now(9), Some(9), 9, &mut out);
    assert!(
        out.iter().any(|action| matches!(action, Action::Store(StoreOp::Apply { as_of_ms: Some(9), .. })))
    );
}

#[test]
fn an_end_that_was_asked_for_before_the_takeover_is_not_its_target() {
    let (mut partition, mut out) = running();
    partition.tick(now(2_000), &mut out);
    assert!(out.iter().any(|action| matches!(action, Action::ProbeEnd)), "{out:?}");
    partition.on_store(now(2_000), StoreReply::Mismatch, &mut out);
    partition.on_proved(now(2_000), true, &mut out);
    partition.on_store(now(9_000), taken_over(9_000), &mut out);
    out.clear();
    partition.on_end(now(9_000), Some(1), 2_000, &mut out);
    assert!(matches!(out[..], [Action::ProbeEnd]), "{out:?}");
    partition.on_end(now(9_000), Some(4), 9_000, &mut out);
    assert!(out.iter().any(|action| matches!(action, Action::ReadFrom { offset: 0 })), "{out:?}");
}

#[test]
fn while_the_store_may_lose_entries_nothing_is_fired() {
    let (mut partition, mut out) = running();
    partition.hold(true);
    partition.tick(now(1), &mut out);
    assert!(!out.iter().any(|action| matches!(action, Action::Store(StoreOp::Pick { .. }))), "{out:?}");
    partition.hold(false);
    partition.tick(now(100), &mut out);
    partition.hold(true);
    partition.on_store(now(100), picked(), &mut out);
    assert!(!fires(&out), "picked before: {out:?}");
    partition.hold(false);
    partition.tick(now(200), &mut out);
    partition.on_store(now(200), picked(), &mut out);
    assert!(fires(&out), "{out:?}");
}

#[test]
fn after_the_clock_was_set_back_nothing_is_fired_until_the_end_was_seen_again() {
    let (mut partition, mut out) = running();
    partition.tick(now(1), &mut out);
    let back = Now { wall_ms: -3_600_000, mono_ms: 2 };
    partition.on_store(back, picked(), &mut out);
    assert!(!fires(&out), "{out:?}");
    assert!(!partition.is_ready(back));
    let later = Now { wall_ms: -3_599_000, mono_ms: 1_002 };
    partition.on_end(later, Some(1), later.wall_ms, &mut out);
    assert!(partition.is_ready(later), "as of the end that was asked for since");
}

#[test]
fn no_more_is_picked_while_what_is_being_fired_is_large() {
    let (mut partition, mut out) = running();
    partition.config.fire_bytes_max = 10;
    partition.tick(now(1), &mut out);
    partition.on_store(now(1), picked(), &mut out);
    assert!(fires(&out));
    out.clear();
    partition.tick(now(100), &mut out);
    assert!(!out.iter().any(|action| matches!(action, Action::Store(StoreOp::Pick { .. }))), "{out:?}");
    partition.on_fired(now(101), &KEY, true, &mut out);
    partition.on_store(now(101), StoreReply::Marked { lanes: Vec::new() }, &mut out);
    partition.tick(now(200), &mut out);
    let bytes_max = out.iter().find_map(|action| match action {
        Action::Store(StoreOp::Pick { bytes_max, .. }) => Some(*bytes_max),
        _ => None,
    });
    assert_eq!(bytes_max, Some(10), "{out:?}");
}
