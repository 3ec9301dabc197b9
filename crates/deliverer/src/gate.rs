//! The last look before a request is begun: rule 11 of the delivery protocol, at the moment of sending, and that nothing is
//! sent by a state of the subscription that is no longer the applied one.

use aerogram_kafka::{Stop, Stopping};
use aerogram_telemetry::Clock;
use std::sync::atomic::{AtomicI64, Ordering};

/// Open while the lease holds and the partition is not being taken away, for what was decided by the table of now.
pub struct Gate {
    until_ms: AtomicI64,
    table_position: AtomicI64,
    clock: Clock,
    stop: Stop,
}

impl Gate {
    /// Nothing may be sent yet.
    pub fn closed(clock: Clock, stop: Stop) -> Self {
        Self { until_ms: AtomicI64::new(i64::MIN), table_position: AtomicI64::new(0), clock, stop }
    }

    /// Requests may be begun until then, by the monotonic clock, that were decided at this position of the table.
    pub fn set(&self, until_mono_ms: i64, table_position: i64) {
        self.until_ms.store(until_mono_ms, Ordering::Relaxed);
        self.table_position.store(table_position, Ordering::Relaxed);
    }

    /// Whether a request that was decided at this position may be begun.
    pub fn is_open(&self, table_position: i64) -> bool {
        self.table_position.load(Ordering::Relaxed) == table_position
            && self.clock.now().mono_ms < self.until_ms.load(Ordering::Relaxed)
            && self.stop.now() == Stopping::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_open_by_the_table_of_now_under_the_lease_until_the_partition_is_taken() {
        let (taker, stop) = Stop::channel();
        let gate = Gate::closed(Clock::new(), stop);
        assert!(!gate.is_open(0));
        gate.set(0, 7);
        assert!(!gate.is_open(7), "the lease has ended");
        gate.set(i64::MAX, 7);
        assert!(gate.is_open(7));
        assert!(!gate.is_open(6), "the subscription may have been deleted since");
        taker.send(Stopping::Drain { deadline: tokio::time::Instant::now() }).unwrap();
        assert!(!gate.is_open(7));
    }
}
