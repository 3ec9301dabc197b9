//! Short ways to write operations and replies. `age_max_ms` is [`AGE_MAX_MS`] throughout.

use aerogram_domain::store::{Change, Guard, Picked, StoreOp, StoreReply};
use bytes::Bytes;

pub const AGE_MAX_MS: i64 = 1_000;
/// Beyond the 53 bits of Lua's numbers, so that rounding would be seen.
pub const OWNER: u64 = u64::MAX - 1;
pub const LAYOUT: &str = "layout-a";

pub fn take_over(owner: u64, now_ms: i64) -> StoreOp {
    StoreOp::TakeOver { owner, layout_id: LAYOUT.to_owned(), now_ms, age_max_ms: AGE_MAX_MS, reset: false }
}

pub fn reset(owner: u64, now_ms: i64) -> StoreOp {
    StoreOp::TakeOver { owner, layout_id: LAYOUT.to_owned(), now_ms, age_max_ms: AGE_MAX_MS, reset: true }
}

pub fn guard(owner: u64, applied: i64) -> Guard {
    Guard { owner, applied }
}

pub fn apply(guard: Guard, now_ms: i64, upto: i64, changes: Vec<Change>) -> StoreOp {
    StoreOp::Apply { guard, now_ms, age_max_ms: AGE_MAX_MS, upto, changes, as_of_ms: None }
}

pub fn pick(guard: Guard, now_ms: i64, limit: usize) -> StoreOp {
    pick_bytes(guard, now_ms, limit, usize::MAX)
}

pub fn pick_bytes(guard: Guard, now_ms: i64, limit: usize, bytes_max: usize) -> StoreOp {
    StoreOp::Pick { guard, now_ms, age_max_ms: AGE_MAX_MS, limit, bytes_max }
}

pub fn mark_fired(guard: Guard, now_ms: i64, keys: &[&'static str]) -> StoreOp {
    let keys = keys.iter().map(|key| Bytes::from_static(key.as_bytes())).collect();
    StoreOp::MarkFired { guard, now_ms, age_max_ms: AGE_MAX_MS, keys }
}

pub fn put(key: &'static str, due_at_ms: i64, value: &'static str) -> Change {
    Change::Put { key: key.into(), due_at_ms, value: value.into() }
}

pub fn remove(key: &'static str) -> Change {
    Change::Remove { key: key.into() }
}

pub fn taken_over(applied: i64, as_of_ms: i64) -> StoreReply {
    StoreReply::TakenOver { applied, as_of_ms }
}

pub fn applied(pending: usize) -> StoreReply {
    StoreReply::Applied { pending }
}

pub fn picked(entries: &[(&'static str, i64, &'static str)]) -> StoreReply {
    let picked = |&(key, due_at_ms, value): &(&'static str, i64, &'static str)| Picked {
        key: key.into(),
        due_at_ms,
        value: value.into(),
    };
    StoreReply::Picked(entries.iter().map(picked).collect())
}
