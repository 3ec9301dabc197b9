//! What the metrics are told.

use aerogram_telemetry::names;
use metrics::gauge;

/// What one partition adds to the gauges, which are sums over the partitions of the process.
#[derive(Default)]
pub struct Shown {
    entries: usize,
    paced: usize,
    shut: usize,
}

impl Shown {
    /// So many deliveries wait; the work of so many subscriptions flows back by credits, and so many of those are probed.
    pub fn set(&mut self, entries: usize, paced: usize, shut: usize) {
        let by = |now: usize, before: usize| now as f64 - before as f64;
        gauge!(names::PENDING, "state" => "waiting").increment(by(entries, self.entries));
        gauge!(names::LANES, "state" => "paced").increment(by(paced, self.paced));
        gauge!(names::LANES, "state" => "shut").increment(by(shut, self.shut));
        (self.entries, self.paced, self.shut) = (entries, paced, shut);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.set(0, 0, 0);
    }
}
