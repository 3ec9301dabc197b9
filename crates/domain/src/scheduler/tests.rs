//! What the seeded world found, one by one.

use super::*;
use crate::store::{Entry, Picked};
use aerogram_wire::Message as _;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Delivery, PendingEntry};

const KEY: PendingKey = PendingKey { run: RunKey { delivery_id: [3; 16], run: 0 }, seq: 1 };

fn now(ms: i64) -> Now {
    Now { wall_ms: ms, mono_ms: ms }
}

fn entry() -> Bytes {
    let delivery = Delivery { delivery_id: Bytes::copy_from_slice(&[3; 16]), seq: 1, ..Delivery::default() };
    PendingEntry { delivery: Some(delivery), ..PendingEntry::default() }.encode_to_vec().into()
}

fn waits() -> Entry {
    Entry { due_at_ms: 0, value: entry(), lane: None, first: true }
}

fn put(offset: i64) -> Read {
    let change = Change::Put { key: KEY.encode(), entry: waits() };
    Read { offset, appended_ms: 0, change, ended: None }
}

fn taken_over(as_of_ms: i64) -> StoreReply {
    StoreReply::TakenOver { applied: -1, as_of_ms, lanes: Vec::new(), outstanding: Vec::new() }
}

fn applied() -> StoreReply {
    StoreReply::Applied { pending: 1, lanes: Vec::new() }
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
