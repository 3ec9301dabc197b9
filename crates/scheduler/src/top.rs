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
    // One whose subscription is gone empties at full speed, whatever its receiver does.
    let probed = lane.shut && lane.window <= 1;
    let probe_ms = lane.next_probe_ms.filter(|_| probed).and_then(|ms| u64::try_from(ms).ok());
    Parked {
        subscription_id: lane.subscription_id,
        parked: lane.waiting as u64,
        outstanding: lane.outstanding as u64,
        window: lane.window as u64,
        shut: probed,
        next_probe_in_ms: probe_ms.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_probed_is_told_as_shut() {
        let lane = LaneShown {
            subscription_id: "a".into(),
            waiting: 9,
            outstanding: 1,
            window: 1,
            shut: true,
            next_probe_ms: Some(1_500),
        };
        let told = parked(lane.clone());
        assert_eq!((told.parked, told.shut, told.next_probe_in_ms), (9, true, 1_500));
        let told = parked(LaneShown { window: 16, ..lane });
        assert_eq!((told.shut, told.next_probe_in_ms), (false, 0));
    }
}
