//! One operation on the store of a partition.

use super::{CLOCKS_DIFFER_MAX_MS, StoreOp, StoreReply, StoreState, Under};
use crate::sabotage::{Rule, removed};
use std::collections::BTreeSet;

/// Whether a position that was the log's end at `as_of_ms` is still young enough for what tombstones there may have been.
fn is_young(now_ms: i64, as_of_ms: i64, age_max_ms: i64) -> bool {
    (-CLOCKS_DIFFER_MAX_MS..=age_max_ms).contains(&(now_ms - as_of_ms))
}

/// Carries out one operation on `slot`, which is `None` when nothing is stored.
pub fn execute(slot: &mut Option<StoreState>, op: StoreOp) -> StoreReply {
    match op {
        StoreOp::TakeOver { owner, layout_id, now_ms, age_max_ms, reset } => {
            let usable = slot
                .take()
                .filter(|s| !reset && s.layout_id == layout_id && is_young(now_ms, s.as_of_ms, age_max_ms));
            let state = slot.insert(usable.unwrap_or_else(|| StoreState::new(layout_id, now_ms)));
            state.owner = owner;
            state.taken_over()
        }
        StoreOp::Apply { under, upto, changes, as_of_ms, keep } => guarded(slot, under, |s| {
            s.let_go(keep);
            let touched: BTreeSet<_> =
                changes.into_iter().flat_map(|change| s.change(change, keep)).collect();
            s.applied = upto;
            s.as_of_ms = as_of_ms.unwrap_or(s.as_of_ms);
            let (pending, payloads) = (s.len(), s.payloads(keep));
            StoreReply::Applied { pending, payloads, lanes: s.waiting_in(touched) }
        }),
        StoreOp::Pick { under, limit, bytes_max } => {
            guarded(slot, under, |s| StoreReply::Picked(s.pick(under.now_ms, limit, bytes_max)))
        }
        StoreOp::PickParked { under, wants, bytes_max } => {
            guarded(slot, under, |s| StoreReply::Parked(s.pick_parked(&wants, bytes_max)))
        }
        StoreOp::Hold { under, keys } => guarded(slot, under, |s| {
            let touched = keys.into_iter().filter_map(|(key, lane)| s.hold(&key, lane)).collect();
            StoreReply::Held { lanes: s.waiting_in(touched) }
        }),
        StoreOp::MarkFired { under, keys } => guarded(slot, under, |s| {
            let touched = keys.into_iter().filter_map(|(key, lane)| s.mark_fired(key, lane)).collect();
            StoreReply::Marked { lanes: s.waiting_in(touched) }
        }),
    }
}

fn guarded(
    slot: &mut Option<StoreState>,
    under: Under,
    then: impl FnOnce(&mut StoreState) -> StoreReply,
) -> StoreReply {
    let Under { guard, now_ms, age_max_ms } = under;
    match slot {
        Some(s) if s.owner == guard.owner && (s.applied == guard.applied || removed(Rule::StoreGuard)) => {
            if is_young(now_ms, s.as_of_ms, age_max_ms) {
                then(s)
            } else {
                StoreReply::TooOld
            }
        }
        _ => StoreReply::Mismatch,
    }
}
