//! What `aerogram top` is told of what is parked in a partition.

use aerogram_domain::clock::Now;
use aerogram_domain::scheduler::{LaneShown, Partition};
use aerogram_telemetry::top::{Parked, Publisher, Top};

/// Of one ownership.
pub struct Shown(Publisher<Parked>);

impl Shown {
    pub fn new() -> Self {
        Self(Top::of_process().parked())
    }

    /// Tells of the subscriptions for which most waits, about once a second.
    pub fn tell(&mut self, now: Now, core: &Partition) {
        self.0.publish(now.mono_ms, |rows_max| core.top(now, rows_max).into_iter().map(parked).collect());
    }
}

fn parked(lane: LaneShown) -> Parked {
    Parked {
        subscription_id: lane.subscription_id,
        parked: lane.waiting as u64,
        outstanding: lane.outstanding as u64,
        window: lane.window as u64,
        shut: lane.shut,
        next_probe_in_ms: lane.next_probe_ms.map_or(0, |ms| u64::try_from(ms).unwrap_or(0)),
    }
}
