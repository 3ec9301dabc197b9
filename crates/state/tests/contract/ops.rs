//! Short ways to write operations and replies. `age_max_ms` is [`AGE_MAX_MS`] throughout.

use aerogram_domain::store::{
    Change, Entry, Guard, Keep, Payload, Payloads, Picked, StoreOp, StoreReply, Under, Waiting,
};
use bytes::Bytes;

pub const AGE_MAX_MS: i64 = 1_000;
/// Beyond the 53 bits of Lua's numbers, so that rounding would be seen.
pub const OWNER: u64 = u64::MAX - 1;
pub const LAYOUT: &str = "layout-a";
/// More than any test has.
pub const KEEP: Keep = Keep { bytes_max: 1 << 40, high_water_percent: 90, drop_max: 1_000 };

pub fn take_over(owner: u64, now_ms: i64) -> StoreOp {
    StoreOp::TakeOver { owner, layout_id: LAYOUT.to_owned(), now_ms, age_max_ms: AGE_MAX_MS, reset: false }
}

pub fn reset(owner: u64, now_ms: i64) -> StoreOp {
    StoreOp::TakeOver { owner, layout_id: LAYOUT.to_owned(), now_ms, age_max_ms: AGE_MAX_MS, reset: true }
}

pub fn guard(owner: u64, applied: i64) -> Guard {
    Guard { owner, applied }
}

pub fn under(guard: Guard, now_ms: i64) -> Under {
    Under { guard, now_ms, age_max_ms: AGE_MAX_MS }
}

pub fn apply(guard: Guard, now_ms: i64, upto: i64, changes: Vec<Change>) -> StoreOp {
    apply_keeping(guard, now_ms, upto, changes, KEEP)
}

pub fn apply_keeping(guard: Guard, now_ms: i64, upto: i64, changes: Vec<Change>, keep: Keep) -> StoreOp {
    StoreOp::Apply { under: under(guard, now_ms), upto, changes, as_of_ms: None, keep }
}

pub fn pick(guard: Guard, now_ms: i64, limit: usize) -> StoreOp {
    pick_bytes(guard, now_ms, limit, usize::MAX)
}

pub fn pick_bytes(guard: Guard, now_ms: i64, limit: usize, bytes_max: usize) -> StoreOp {
    StoreOp::Pick { under: under(guard, now_ms), limit, bytes_max }
}

pub fn pick_parked(guard: Guard, now_ms: i64, wants: &[(&'static str, usize)]) -> StoreOp {
    pick_parked_bytes(guard, now_ms, wants, usize::MAX)
}

pub fn pick_parked_bytes(
    guard: Guard,
    now_ms: i64,
    wants: &[(&'static str, usize)],
    bytes_max: usize,
) -> StoreOp {
    StoreOp::PickParked { under: under(guard, now_ms), wants: waiting(wants), bytes_max }
}

/// Keys, and the lane of each.
pub fn hold(guard: Guard, now_ms: i64, keys: &[(&'static str, &'static str)]) -> StoreOp {
    let keys = keys.iter().map(|&(key, lane)| (key.into(), lane.into())).collect();
    StoreOp::Hold { under: under(guard, now_ms), keys }
}

/// They were due.
pub fn mark_fired(guard: Guard, now_ms: i64, keys: &[&'static str]) -> StoreOp {
    let keys = keys.iter().map(|&key| (key.into(), None)).collect();
    StoreOp::MarkFired { under: under(guard, now_ms), keys }
}

/// Keys, and by a credit of which lane.
pub fn mark_fired_by(guard: Guard, now_ms: i64, keys: &[(&'static str, &'static str)]) -> StoreOp {
    let keys = keys.iter().map(|&(key, lane)| (key.into(), Some(lane.into()))).collect();
    StoreOp::MarkFired { under: under(guard, now_ms), keys }
}

pub fn entry(due_at_ms: i64, value: impl Into<Bytes>) -> Entry {
    Entry { due_at_ms, offset: 0, payload: Payload::Here(value.into()), lane: None, first: false }
}

pub fn put(key: &'static str, due_at_ms: i64, value: &'static str) -> Change {
    Change::Put { key: key.into(), entry: entry(due_at_ms, value) }
}

pub fn park(key: &'static str, since_ms: i64, value: &'static str, lane: &'static str) -> Change {
    Change::Put { key: key.into(), entry: Entry { lane: Some(lane.into()), ..entry(since_ms, value) } }
}

pub fn remove(key: &'static str) -> Change {
    Change::Remove { key: key.into() }
}

fn waiting(lanes: &[(&'static str, usize)]) -> Vec<Waiting> {
    lanes.iter().map(|&(lane, n)| (lane.into(), n)).collect()
}

/// Nothing waits in lanes, nothing is outstanding.
pub fn taken_over(applied: i64, as_of_ms: i64) -> StoreReply {
    taken_over_with(applied, as_of_ms, &[], &[])
}

pub fn taken_over_with(
    applied: i64,
    as_of_ms: i64,
    lanes: &[(&'static str, usize)],
    outstanding: &[(&'static str, &'static str)],
) -> StoreReply {
    let outstanding = outstanding.iter().map(|&(key, lane)| (key.into(), lane.into())).collect();
    StoreReply::TakenOver { applied, as_of_ms, lanes: waiting(lanes), outstanding }
}

/// No lane was touched.
pub fn applied(pending: usize) -> StoreReply {
    applied_in(pending, &[])
}

pub fn applied_in(pending: usize, lanes: &[(&'static str, usize)]) -> StoreReply {
    StoreReply::Applied { pending, payloads: Payloads::default(), lanes: waiting(lanes) }
}

pub fn held(lanes: &[(&'static str, usize)]) -> StoreReply {
    StoreReply::Held { lanes: waiting(lanes) }
}

pub fn marked(lanes: &[(&'static str, usize)]) -> StoreReply {
    StoreReply::Marked { lanes: waiting(lanes) }
}

pub fn picked(entries: &[(&'static str, i64, &'static str)]) -> StoreReply {
    let picked = |&(key, due_at_ms, value): &(&'static str, i64, &'static str)| Picked {
        key: key.into(),
        entry: entry(due_at_ms, value),
    };
    StoreReply::Picked(entries.iter().map(picked).collect())
}

/// Key, since when, value and lane of each.
pub fn parked(entries: &[(&'static str, i64, &'static str, &'static str)]) -> StoreReply {
    let picked = |&(key, since_ms, value, lane): &(&'static str, i64, &'static str, &'static str)| Picked {
        key: key.into(),
        entry: Entry { lane: Some(lane.into()), ..entry(since_ms, value) },
    };
    StoreReply::Parked(entries.iter().map(picked).collect())
}

/// The entry with its payload in the log only.
pub fn in_log(mut entry: Entry) -> Entry {
    entry.payload = entry.payload.in_log();
    entry
}
