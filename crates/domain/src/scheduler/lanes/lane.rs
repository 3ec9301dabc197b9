//! One lane: how many may be outstanding, and when the next probe is.

use super::LaneShown;
use crate::clock::Now;
use crate::scheduler::Config;

/// No pause is longer, whatever a deliverer says.
const PAUSE_MAX_MS: i64 = 24 * 60 * 60 * 1_000;

pub(super) struct Lane {
    pub waiting: usize,
    pub outstanding: usize,
    pub window: usize,
    pub window_max: usize,
    /// Successes since the window changed.
    succeeded: usize,
    /// Nothing but probes.
    pub shut: bool,
    /// It was shut by a failure; at first it is without one.
    failed: bool,
    /// The last one ended without an attempt, so the next will too.
    empties: bool,
    pub probe_at_ms: i64,
    pub probe_wait_ms: i64,
    /// The receiver asked to be left alone until then, by the monotonic clock.
    paused_until_ms: i64,
}

impl Lane {
    /// It begins with a probe.
    pub fn new(config: &Config, now: Now) -> Self {
        Self {
            waiting: 0,
            outstanding: 0,
            window: 1,
            window_max: config.window_default,
            succeeded: 0,
            shut: true,
            failed: false,
            empties: false,
            probe_at_ms: now.mono_ms,
            probe_wait_ms: config.probe_wait_min_ms,
            paused_until_ms: i64::MIN,
        }
    }

    /// Told by the wall clock of a deliverer, which may run before ours.
    pub fn pause(&mut self, now: Now, until_ms: i64) {
        let for_ms = (until_ms - now.wall_ms).min(PAUSE_MAX_MS);
        self.paused_until_ms = self.paused_until_ms.max(now.mono_ms + for_ms);
    }

    /// Nothing waits, and nothing is on its way. A shut one is remembered until its next probe: what is due until then
    /// waits with it.
    pub fn is_done(&self, now: Now) -> bool {
        let probing = self.shut && now.mono_ms < self.probe_at_ms;
        self.waiting == 0 && self.outstanding == 0 && !probing
    }

    pub fn credits(&self, now: Now) -> usize {
        if now.mono_ms < self.paused_until_ms {
            return 0;
        }
        if self.empties {
            return self.window_max.max(1).saturating_sub(self.outstanding);
        }
        if self.shut && now.mono_ms < self.probe_at_ms {
            return 0;
        }
        self.window.saturating_sub(self.outstanding)
    }

    pub fn succeeded(&mut self, config: &Config) {
        self.empties = false;
        self.shut = false;
        self.probe_wait_ms = config.probe_wait_min_ms;
        self.succeeded += 1;
        if self.succeeded >= self.window {
            self.window = (self.window * 2).min(self.window_max.max(1));
            self.succeeded = 0;
        }
    }

    pub fn failed(&mut self, config: &Config, now: Now) {
        self.empties = false;
        self.succeeded = 0;
        if self.window > 1 {
            self.window /= 2;
            return;
        }
        if self.shut {
            self.probe_wait_ms = (self.probe_wait_ms * 2).min(config.probe_wait_max_ms);
        }
        self.shut = true;
        self.failed = true;
        self.probe_at_ms = now.mono_ms + self.probe_wait_ms;
    }

    /// It says nothing of the receiver.
    pub fn ended_unsent(&mut self) {
        self.empties = true;
        self.paused_until_ms = i64::MIN;
    }

    /// Its receiver is known to fail: not before the first probe has, and not while what waits ends without an attempt.
    pub fn keeps_failing(&self) -> bool {
        self.shut && self.failed && !self.empties
    }

    pub fn shown(&self, now: Now, id: &[u8]) -> LaneShown {
        // One whose subscription is gone empties at full speed, whatever its receiver does.
        let probed = self.shut && !self.empties;
        let probe_ms = self.probe_at_ms.max(self.paused_until_ms);
        LaneShown {
            subscription_id: String::from_utf8_lossy(id).into_owned(),
            waiting: self.waiting,
            outstanding: self.outstanding,
            window: if self.empties { self.window_max.max(1) } else { self.window },
            shut: probed,
            next_probe_ms: probed.then(|| (probe_ms - now.mono_ms).max(0)),
        }
    }
}
