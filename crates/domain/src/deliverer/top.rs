//! The lanes of a partition that people want to see: what hurts, the worst first.

use super::Partition;
use super::lane::Lane;
use crate::clock::Now;

/// How a lane does, the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LaneState {
    Well,
    /// Answers take long, or what waits would wait for too long.
    Slow,
    /// A limit of the subscription or of its host holds it back.
    Limited,
    /// The receiver asked for patience.
    Paused,
    /// The last attempt failed.
    Failing,
    /// It has failed for long: what comes is parked.
    Shut,
}

/// One lane, as it is now. Times are by the wall clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LaneShown {
    pub subscription_id: String,
    /// What its owner calls it; empty: nothing.
    pub name: String,
    pub operator: String,
    /// Name and port that it leads to.
    pub host: String,
    pub state: LaneState,
    /// Deliveries that wait in the lane, and their bytes.
    pub waiting: usize,
    pub waiting_bytes: usize,
    /// Requests that are open.
    pub open: usize,
    /// How long answers take of late; 0: there was none.
    pub answer_ms: i64,
    pub failures_in_row: u32,
    /// Since when there was no success; what is noted of it in the subscription goes before what this process saw.
    pub failing_since_ms: Option<i64>,
    /// Until when a limit holds it back.
    pub limited_until_ms: Option<i64>,
    /// Until when the receiver asked for patience.
    pub paused_until_ms: Option<i64>,
}

impl Partition {
    /// The `n` lanes that do worst, the worst first; those that do well and in which nothing happens are left out.
    pub fn top(&self, now: Now, n: usize) -> Vec<LaneShown> {
        let state = |lane: &Lane| lane.state(&self.config.lanes, self.lanes.places(), now.mono_ms);
        let busy = |lane: &Lane| lane.waiting() > 0 || lane.open() > 0;
        let mut worst: Vec<_> = self
            .lanes
            .iter()
            .filter(|(_, lane)| busy(lane) || state(lane) > LaneState::Well)
            .map(|(id, lane)| ((state(lane), lane.waiting(), lane.answer_ms()), id, lane))
            .collect();
        worst.sort_unstable_by(|(one, id, _), (other, other_id, _)| other.cmp(one).then(id.cmp(other_id)));
        worst.truncate(n);
        worst.into_iter().map(|((state, ..), id, lane)| self.shown(now, state, id, lane)).collect()
    }

    fn shown(&self, now: Now, state: LaneState, id: &str, lane: &Lane) -> LaneShown {
        let subscription = self.table.get(id);
        let wall_ms = |mono_ms: i64| now.wall_ms + mono_ms - now.mono_ms;
        let (failures_in_row, first_ms) = lane.failing();
        let noted_ms = subscription.map_or(0, |s| s.failing_since_ms);
        let ahead = |until_ms: i64| (until_ms > now.mono_ms).then(|| wall_ms(until_ms));
        LaneShown {
            subscription_id: id.to_owned(),
            name: subscription.map(|s| s.name.clone()).unwrap_or_default(),
            operator: lane.operator.clone(),
            host: lane.terms().map(|terms| terms.host.to_string()).unwrap_or_default(),
            state,
            waiting: lane.waiting(),
            waiting_bytes: lane.waiting_bytes(),
            open: lane.open(),
            answer_ms: lane.answer_ms(),
            failures_in_row,
            failing_since_ms: self
                .failing
                .since_ms(id, noted_ms)
                .or_else(|| (failures_in_row > 0).then(|| wall_ms(first_ms))),
            limited_until_ms: lane.limited.as_ref().and_then(|limited| ahead(limited.until_ms)),
            paused_until_ms: ahead(lane.paused_until_ms()),
        }
    }
}
