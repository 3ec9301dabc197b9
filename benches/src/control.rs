//! How soon a created subscription gets its first event and a deleted one its last, while the pipeline is busy.

use crate::bodies::{self, BACKLOG, CHANGING, operator};
use crate::latency::quantile;
use crate::options::Options;
use crate::receiver::now_us;
use crate::system::System;
use anyhow::{Context, Result};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The load is this share of what the pipeline can do.
const LOAD: f64 = 0.5;
const TICK: Duration = Duration::from_millis(10);
const FIRST_WITHIN: Duration = Duration::from_secs(15);
/// How long it is watched whether more comes after a delete.
const WATCH: Duration = Duration::from_millis(1_500);

#[derive(Serialize, Clone, Debug)]
pub struct Control {
    pub load_per_s: f64,
    pub rounds: usize,
    /// From the 201 to the first request begun, with an event published every 10 ms.
    pub create_to_first_ms: Spread,
    /// From the 204 to the last request begun; 0 when none began after it.
    pub delete_to_last_ms: Spread,
}

#[derive(Serialize, Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { median: quantile(&values, 0.5), max: quantile(&values, 1.0) }
    }
}

pub async fn measure(system: &System, options: &Options, pipeline_rate_per_s: f64) -> Result<Control> {
    let load_per_s = LOAD * pipeline_rate_per_s;
    let go_on = AtomicBool::new(true);
    let changing = async {
        let changed = change(system, options).await;
        go_on.store(false, Ordering::Relaxed);
        changed
    };
    let (loaded, changed) = tokio::join!(load(system, options, load_per_s, &go_on), changing);
    loaded.context("publishing the load")?;
    let (first_ms, last_ms) = changed?;
    Ok(Control {
        load_per_s,
        rounds: first_ms.len(),
        create_to_first_ms: Spread::of(first_ms),
        delete_to_last_ms: Spread::of(last_ms),
    })
}

async fn change(system: &System, options: &Options) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut first_ms, mut last_ms) = (Vec::new(), Vec::new());
    let number = options.partitions;
    for round in 0..options.control_rounds {
        let path = format!("/changing-{round}");
        let url = format!("{}{path}", system.receiver.addresses.lean);
        let id = system.subscribe(number, CHANGING, &url).await?;
        let created_us = now_us();
        system.receiver.wait_for_count(&path, 1, FIRST_WITHIN).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        system.delete(number, &id).await?;
        let deleted_us = now_us();
        tokio::time::sleep(WATCH).await;
        let summary = system.receiver.summary(&path).await?;
        first_ms.push(summary.first_us.saturating_sub(created_us) as f64 / 1e3);
        last_ms.push(summary.last_us.saturating_sub(deleted_us) as f64 / 1e3);
    }
    Ok((first_ms, last_ms))
}

/// Events of the backlog's kind at the rate, and one for the changing subscription every tick.
async fn load(system: &System, options: &Options, per_s: f64, go_on: &AtomicBool) -> Result<()> {
    let (mut tick, mut published, mut due) = (tokio::time::interval(TICK), 0_usize, 0.0);
    let (data, changing) = (bodies::data(options.data_bytes), operator(options.partitions));
    let mut ticks = 0;
    while go_on.load(Ordering::Relaxed) {
        tick.tick().await;
        due += per_s * TICK.as_secs_f64();
        while (published as f64) < due {
            let to = operator(published % options.partitions);
            let event = bodies::event("load", published, BACKLOG, &to, data.clone());
            // Waited for by nobody: what is lost here would only make the load smaller.
            drop(system.upstream.enqueue(&system.source, &event.structured()).await?);
            published += 1;
        }
        let event = bodies::event("changing", ticks, CHANGING, &changing, data.clone());
        drop(system.upstream.enqueue(&system.source, &event.structured()).await?);
        ticks += 1;
    }
    Ok(())
}
