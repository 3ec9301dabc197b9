//! What `aerogram top` is told of a partition's lanes.

use aerogram_domain::clock::Now;
use aerogram_domain::deliverer::{LaneShown, LaneState, Partition};
use aerogram_telemetry::top::{Lane, Publisher, Sending, Top};

/// Of one ownership.
pub struct Shown(Publisher<Sending>);

impl Shown {
    pub fn new() -> Self {
        Self(Top::of_process().sending())
    }

    /// Tells of the lanes that do worst, about once a second.
    pub fn tell(&mut self, now: Now, core: &Partition) {
        self.0.publish(now.mono_ms, |rows_max| {
            core.top(now, rows_max).into_iter().map(|lane| sending(now, lane)).collect()
        });
    }
}

fn sending(now: Now, lane: LaneShown) -> Sending {
    let until_ms = match lane.state {
        LaneState::Paused => lane.paused_until_ms,
        LaneState::Limited => lane.limited_until_ms,
        _ => None,
    };
    Sending {
        subscription_id: lane.subscription_id,
        name: lane.name,
        operator: lane.operator,
        host: lane.host,
        lane: match lane.state {
            LaneState::Well => Lane::Well,
            LaneState::Slow => Lane::Slow,
            LaneState::Limited => Lane::Limited,
            LaneState::Paused => Lane::Paused,
            LaneState::Failing => Lane::Failing,
            LaneState::Shut => Lane::Shut,
        },
        waiting: lane.waiting as u64,
        waiting_bytes: lane.waiting_bytes as u64,
        open: lane.open as u64,
        answer_ms: u64::try_from(lane.answer_ms).unwrap_or(0),
        failures_in_row: u64::from(lane.failures_in_row),
        failing_since_ms: lane.failing_since_ms.unwrap_or(0),
        resumes_in_ms: until_ms.map_or(0, |until_ms| u64::try_from(until_ms - now.wall_ms).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_it_still_takes_is_told_and_of_its_own_reason_only() {
        let lane = LaneShown {
            subscription_id: "a".into(),
            name: "crew".into(),
            operator: "acme".into(),
            host: "hooks.example.com:443".into(),
            state: LaneState::Paused,
            waiting: 3,
            waiting_bytes: 300,
            open: 1,
            answer_ms: 40,
            failures_in_row: 0,
            failing_since_ms: None,
            limited_until_ms: Some(1_050),
            paused_until_ms: Some(4_000),
        };
        let now = Now { wall_ms: 1_000, mono_ms: 7 };
        let told = sending(now, lane.clone());
        assert_eq!((told.lane, told.resumes_in_ms, told.failing_since_ms), (Lane::Paused, 3_000, 0));
        let limited = LaneShown { state: LaneState::Limited, ..lane.clone() };
        assert_eq!(sending(now, limited).resumes_in_ms, 50);
        let failing = LaneShown { state: LaneState::Failing, ..lane.clone() };
        assert_eq!(
            (sending(now, failing.clone()).lane, sending(now, failing).resumes_in_ms),
            (Lane::Failing, 0)
        );
        let shut = LaneShown { state: LaneState::Shut, failing_since_ms: Some(900), ..lane };
        assert_eq!((sending(now, shut.clone()).resumes_in_ms, sending(now, shut).failing_since_ms), (0, 900));
    }
}
