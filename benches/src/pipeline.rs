//! A backlog in the upstream topic goes through the whole pipeline to the receiver.

use crate::bodies::{self, BACKLOG, operator};
use crate::options::Options;
use crate::system::System;
use aerogram_testkit::Record;
use anyhow::{Result, ensure};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(150);

#[derive(Serialize, Clone, Debug)]
pub struct Pipeline {
    /// From the first receipt to the last.
    pub rate_per_s: f64,
    pub seconds: f64,
    /// From the start of ingest, which found the backlog, to the first receipt.
    pub first_after_s: f64,
    pub events: usize,
    pub requests: usize,
    /// Requests beyond one for each event; there should be none.
    pub repeats: usize,
    /// CPU time by process while the backlog went through.
    pub cpu_s: BTreeMap<String, f64>,
}

pub async fn measure(system: &mut System, options: &Options) -> Result<Pipeline> {
    // Nothing is taken before all is there: publishing would cost the pipeline its cores.
    system.stop_role("ingest").await?;
    let data = bodies::data(options.data_bytes);
    let records: Vec<Record> = (0..options.events)
        .map(|n| {
            bodies::event("backlog", n, BACKLOG, &operator(n % options.partitions), data.clone()).structured()
        })
        .collect();
    system.upstream.send_all(&system.source, &records).await?;
    drop(records);
    let (began_us, mut before) = (crate::receiver::now_us(), system.resources()?);
    system.start_role("ingest").await?;
    system.receiver.wait_for_count("/backlog", options.events, WITHIN).await?;
    let after = system.resources()?;
    before.0.entry("ingest".to_owned()).or_default();
    let summary = system.receiver.summary("/backlog").await?;
    ensure!(
        summary.distinct == options.events,
        "{} events, but {} deliveries in {} requests",
        options.events,
        summary.distinct,
        summary.requests
    );
    system.receiver.clear().await?;
    let seconds = summary.last_us.saturating_sub(summary.first_us) as f64 / 1e6;
    Ok(Pipeline {
        rate_per_s: (summary.requests.saturating_sub(1)) as f64 / seconds.max(1e-6),
        seconds,
        first_after_s: summary.first_us.saturating_sub(began_us) as f64 / 1e6,
        events: options.events,
        requests: summary.requests,
        repeats: summary.requests - summary.distinct,
        cpu_s: after.cpu_since(&before),
    })
}
