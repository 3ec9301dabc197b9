//! How long an event takes from its publishing to its receipt, at a steady rate.

use crate::bodies::TIMED;
use crate::options::Options;
use crate::steady::Steady;
use crate::system::System;
use anyhow::Result;
use serde::Serialize;
use std::time::Duration;

const PATH: &str = "/timed";

#[derive(Serialize, Clone, Copy, Debug)]
pub struct Latency {
    pub rate_per_s: u64,
    /// Receipts that were counted.
    pub events: usize,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

pub async fn measure(system: &System, options: &Options) -> Result<Latency> {
    let url = format!("{}{PATH}", system.receiver.addresses.full);
    system.subscribe_on_every_partition(TIMED, &url).await?;
    let steady = Steady {
        name: "timed".to_owned(),
        kind: TIMED,
        operators: (0, options.partitions),
        path: PATH,
        receivers: 1,
        rate_per_s: options.latency_rate,
        seconds: options.latency_s,
        data_bytes: options.data_bytes,
        late_at_most: Duration::from_secs(20),
    };
    let latency = steady.measure(system).await?;
    system.receiver.clear().await?;
    Ok(latency)
}

/// Of sorted values; 0 of none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let index = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(index.saturating_sub(1)).copied().unwrap_or(0.0)
}
