//! Events at a steady rate, and how long each takes from its publishing to its receipts.

use crate::bodies::{self, operator};
use crate::latency::{Latency, quantile};
use crate::receiver::now_us;
use crate::system::System;
use anyhow::{Result, ensure};
use serde_json::json;
use std::time::Duration;

/// The first events meet cold connections; they are published, but not counted.
const WARM_UP_S: u64 = 2;

pub struct Steady {
    /// Of the events; each measurement has its own, or they would be duplicates.
    pub name: String,
    pub kind: &'static str,
    /// Their operators: of so many, in turn, from this number on.
    pub operators: (usize, usize),
    /// Of the receiver that keeps bodies.
    pub path: &'static str,
    /// Subscriptions that each event goes to.
    pub receivers: usize,
    pub rate_per_s: u64,
    pub seconds: u64,
    pub data_bytes: usize,
    pub late_at_most: Duration,
}

impl Steady {
    /// Warms up, and measures.
    ///
    /// # Errors
    /// Not all of them arrived in time.
    pub async fn measure(&self, system: &System) -> Result<Latency> {
        self.warm_up(system).await?;
        self.measure_at_once(system).await
    }

    /// The same events at the same rate, which nobody counts.
    ///
    /// # Errors
    /// Not all of them arrived in time.
    pub async fn warm_up(&self, system: &System) -> Result<()> {
        self.publish(system, &format!("{}-warm", self.name), WARM_UP_S).await.map(drop)
    }

    /// Measures from the first event on: what is new to the system is new to them. [`Steady::warm_up`] comes first.
    ///
    /// # Errors
    /// Not all of them arrived in time.
    pub async fn measure_at_once(&self, system: &System) -> Result<Latency> {
        let counted_from_us = self.publish(system, &self.name, self.seconds).await?;
        let mut took_ms: Vec<f64> = system
            .receiver
            .arrivals(self.path)
            .await?
            .iter()
            .filter(|arrival| arrival.sent_us >= counted_from_us)
            .map(|arrival| arrival.arrived_us.saturating_sub(arrival.sent_us) as f64 / 1e3)
            .collect();
        took_ms.sort_by(f64::total_cmp);
        ensure!(!took_ms.is_empty(), "nothing arrived whose latency could be measured");
        Ok(Latency {
            rate_per_s: self.rate_per_s.max(1),
            events: took_ms.len(),
            p50_ms: quantile(&took_ms, 0.5),
            p90_ms: quantile(&took_ms, 0.9),
            p99_ms: quantile(&took_ms, 0.99),
            max_ms: quantile(&took_ms, 1.0),
        })
    }

    /// Publishes at the rate for so long, and waits until all has arrived; when the first was sent.
    async fn publish(&self, system: &System, name: &str, seconds: u64) -> Result<u64> {
        let rate = self.rate_per_s.max(1);
        let count = usize::try_from(seconds * rate)?;
        let before = system.receiver.count(self.path).await?;
        let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / rate));
        let mut acknowledgements = Vec::with_capacity(count);
        let (data, (first, operators)) = (bodies::data(self.data_bytes), self.operators);
        let began_us = now_us();
        for number in 0..count {
            tick.tick().await;
            let mut data = data.clone();
            data["sent_us"] = json!(now_us());
            let operator = operator(first + number % operators);
            let event = bodies::event(name, number, self.kind, &operator, data);
            acknowledgements.push(system.upstream.enqueue(&system.source, &event.structured()).await?);
        }
        for acknowledgement in acknowledgements {
            acknowledgement.await?.map_err(|(error, _)| error)?;
        }
        let all = before + count * self.receivers;
        system.receiver.wait_for_count(self.path, all, self.late_at_most).await?;
        Ok(began_us)
    }
}
