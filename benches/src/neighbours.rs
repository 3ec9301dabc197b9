//! What a dead receiver and one that answers after ten seconds cost eight healthy ones. All ten are in one partition, and
//! get the same events.

use crate::bodies::NEIGHBOURLY;
use crate::latency::Latency;
use crate::options::Options;
use crate::receiver::now_us;
use crate::steady::Steady;
use crate::system::System;
use anyhow::{Result, ensure};
use serde::Serialize;
use std::time::Duration;

/// Its place after those of the partitions.
pub const OPERATOR: usize = 1;
pub const HEALTHY: usize = 8;
pub const PATH: &str = "/healthy";
const DEAD: &str = "/dead";
const SLOW: &str = "/slow";
pub const ANSWERS_AFTER: Duration = Duration::from_secs(10);
const LATE_AT_MOST: Duration = Duration::from_secs(40);

#[derive(Serialize, Clone, Debug)]
pub struct Neighbours {
    /// Of the healthy ones, while there is no other.
    pub alone: Latency,
    /// The same while one receiver is dead and one is slow.
    pub beside_dead_and_slow: Latency,
    /// The same without them again.
    pub alone_again: Latency,
    /// p99 beside them, as a share of the mean of the two without.
    pub p99_ratio: f64,
    /// Requests that the dead and the slow one had meanwhile.
    pub dead_requests: usize,
    pub slow_requests: usize,
}

pub async fn measure(system: &System, options: &Options) -> Result<Neighbours> {
    let operator = options.partitions + OPERATOR;
    let full = system.receiver.addresses.full.clone();
    for number in 0..HEALTHY {
        system.subscribe_beside(operator, NEIGHBOURLY, &format!("{full}{PATH}?n={number}")).await?;
    }
    let alone = steady(options, "alone").measure(system).await?;
    // Before the two are there: the first that these get is counted, for it may be what harms the others most.
    let beside = steady(options, "beside");
    beside.warm_up(system).await?;
    system.receiver.behave(DEAD, 500, Duration::ZERO).await?;
    system.receiver.behave(SLOW, 200, ANSWERS_AFTER).await?;
    let mut ids = Vec::new();
    for path in [DEAD, SLOW] {
        ids.push(system.subscribe_beside(operator, NEIGHBOURLY, &format!("{full}{path}")).await?);
    }
    let beside = beside.measure_at_once(system).await?;
    let (dead_requests, slow_requests) =
        (system.receiver.count(DEAD).await?, system.receiver.count(SLOW).await?);
    ensure!(dead_requests > 0 && slow_requests > 0, "the dead and the slow receiver were not asked");
    for id in ids {
        system.delete(operator, &id).await?;
    }
    // What the slow one has open ends by itself.
    tokio::time::sleep(ANSWERS_AFTER).await;
    let alone_again = steady(options, "again").measure(system).await?;
    system.receiver.clear().await?;
    let p99_ratio = beside.p99_ms / f64::midpoint(alone.p99_ms, alone_again.p99_ms);
    Ok(Neighbours {
        alone,
        beside_dead_and_slow: beside,
        alone_again,
        p99_ratio,
        dead_requests,
        slow_requests,
    })
}

/// A hundred events a second for the eight.
pub fn steady(options: &Options, name: &str) -> Steady {
    Steady {
        name: format!("{name}-{}", now_us()),
        kind: NEIGHBOURLY,
        operators: (options.partitions + OPERATOR, 1),
        path: PATH,
        receivers: HEALTHY,
        rate_per_s: options.neighbours_rate,
        seconds: options.neighbours_s,
        data_bytes: options.data_bytes,
        late_at_most: LATE_AT_MOST,
    }
}
