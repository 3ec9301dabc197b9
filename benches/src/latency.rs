//! How long an event takes from its publishing to its receipt, at a steady rate.

use crate::bodies::{self, TIMED, operator};
use crate::options::Options;
use crate::receiver::now_us;
use crate::system::System;
use anyhow::{Result, ensure};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

/// The first events meet cold connections; they are published, but not counted.
const WARM_UP_S: u64 = 2;
const LATE_AT_MOST: Duration = Duration::from_secs(20);

#[derive(Serialize, Clone, Copy, Debug)]
pub struct Latency {
    pub rate_per_s: u64,
    pub events: usize,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

pub async fn measure(system: &System, options: &Options) -> Result<Latency> {
    let rate = options.latency_rate.max(1);
    let count = usize::try_from((options.latency_s + WARM_UP_S) * rate)?;
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / rate));
    let mut acknowledgements = Vec::with_capacity(count);
    let data = bodies::data(options.data_bytes);
    let mut counted_from_us = 0;
    for number in 0..count {
        tick.tick().await;
        let sent_us = now_us();
        if number as u64 == WARM_UP_S * rate {
            counted_from_us = sent_us;
        }
        let mut data = data.clone();
        data["sent_us"] = json!(sent_us);
        let event = bodies::event("timed", number, TIMED, &operator(number % options.partitions), data);
        acknowledgements.push(system.upstream.enqueue(&system.source, &event.structured()).await?);
    }
    for acknowledgement in acknowledgements {
        acknowledgement.await?.map_err(|(error, _)| error)?;
    }
    system.receiver.wait_for_count("/timed", count, LATE_AT_MOST).await?;
    let arrivals = system.receiver.arrivals("/timed").await?;
    system.receiver.clear().await?;
    let mut took_ms: Vec<f64> = arrivals
        .iter()
        .filter(|arrival| arrival.sent_us >= counted_from_us)
        .map(|arrival| arrival.arrived_us.saturating_sub(arrival.sent_us) as f64 / 1e3)
        .collect();
    took_ms.sort_by(f64::total_cmp);
    ensure!(!took_ms.is_empty(), "nothing arrived whose latency could be measured");
    Ok(Latency {
        rate_per_s: rate,
        events: took_ms.len(),
        p50_ms: quantile(&took_ms, 0.5),
        p90_ms: quantile(&took_ms, 0.9),
        p99_ms: quantile(&took_ms, 0.99),
        max_ms: quantile(&took_ms, 1.0),
    })
}

/// Of sorted values; 0 of none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let index = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(index.saturating_sub(1)).copied().unwrap_or(0.0)
}
