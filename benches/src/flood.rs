//! What one subscription's large backlog, and one operator's mass disruption, cost the others of the same partition: the
//! eight of [`crate::neighbours`], at the same rate.

use crate::bodies::{self, DISRUPTED, FLOODED, operator};
use crate::latency::Latency;
use crate::neighbours::{self, steady};
use crate::options::Options;
use crate::system::System;
use aerogram_testkit::Record;
use anyhow::{Result, ensure};
use serde::Serialize;
use std::time::Duration;

/// The operator of the disruption, after those of the partitions.
pub const OPERATOR: usize = 2;
const DISRUPTED_SUBSCRIPTIONS: usize = 10;
/// Each of those answers after that, so that it takes a while, and not only this machine's cores.
const ANSWERS_AFTER: Duration = Duration::from_millis(40);
const WITHIN: Duration = Duration::from_secs(150);

#[derive(Serialize, Clone, Debug)]
pub struct Flood {
    /// Of the others while nothing else is to do.
    pub quiet: Latency,
    /// While the backlog of one subscription of the same operator flows back to its receiver, that was dead.
    pub beside_backlog: Latency,
    /// While all subscriptions of another operator have more to do than their receivers can take.
    pub beside_disruption: Latency,
    /// p99 beside them, as a share of the quiet one.
    pub backlog_p99_ratio: f64,
    pub disruption_p99_ratio: f64,
    /// What flowed meanwhile, as a check that something did.
    pub backlog: Meanwhile,
    pub disruption: Meanwhile,
}

#[derive(Serialize, Clone, Copy, Debug)]
pub struct Meanwhile {
    pub deliveries: usize,
    /// Arrived when the others' latency began to be measured, and when that was over.
    pub at_begin: usize,
    pub at_end: usize,
}

impl Meanwhile {
    /// # Errors
    /// It did not flow all the time: the others were measured beside nothing.
    fn lasted(&self) -> Result<()> {
        let Self { deliveries, at_begin, at_end } = self;
        ensure!(at_end > at_begin, "nothing of the {deliveries} arrived while the others were measured");
        ensure!(
            at_end < deliveries,
            "all {deliveries} had arrived before the others were measured; raise --flood-events"
        );
        Ok(())
    }
}

pub async fn measure(system: &System, options: &Options) -> Result<Flood> {
    let quiet = steady(options, "quiet").measure(system).await?;
    let (beside_backlog, backlog) = backlog(system, options).await?;
    let (beside_disruption, disruption) = disruption(system, options).await?;
    system.receiver.clear().await?;
    Ok(Flood {
        backlog_p99_ratio: beside_backlog.p99_ms / quiet.p99_ms,
        disruption_p99_ratio: beside_disruption.p99_ms / quiet.p99_ms,
        quiet,
        beside_backlog,
        beside_disruption,
        backlog,
        disruption,
    })
}

/// Dead while its events come, so that they are parked; then it is well, and they flow.
async fn backlog(system: &System, options: &Options) -> Result<(Latency, Meanwhile)> {
    const PATH: &str = "/flooded";
    let number = options.partitions + neighbours::OPERATOR;
    system.receiver.behave(PATH, 503, Duration::ZERO).await?;
    let lean = system.receiver.addresses.lean.clone();
    let id = system.subscribe_beside(number, FLOODED, &format!("{lean}{PATH}")).await?;
    publish(system, options, FLOODED, number, options.flood_events).await?;
    system.wait_pending(options.flood_events * 9 / 10, WITHIN).await?;
    let others = steady(options, "backlog");
    others.warm_up(system).await?;
    let refused = system.receiver.count(PATH).await?;
    system.receiver.behave(PATH, 200, ANSWERS_AFTER).await?;
    // Its credits grow from one on.
    system.receiver.wait_for_count(PATH, refused + options.flood_events / 20, WITHIN).await?;
    let at_begin = system.receiver.count(PATH).await? - refused;
    let latency = others.measure_at_once(system).await?;
    let at_end = system.receiver.count(PATH).await? - refused;
    let meanwhile = Meanwhile { deliveries: options.flood_events, at_begin, at_end };
    meanwhile.lasted()?;
    // The rest is out of the way before something else is measured.
    system.receiver.behave(PATH, 200, Duration::ZERO).await?;
    system.receiver.wait_for_count(PATH, refused + options.flood_events, WITHIN).await?;
    system.delete(number, &id).await?;
    Ok((latency, meanwhile))
}

/// All at once for all subscriptions of an operator.
async fn disruption(system: &System, options: &Options) -> Result<(Latency, Meanwhile)> {
    const PATH: &str = "/disrupted";
    let number = options.partitions + OPERATOR;
    system.receiver.behave(PATH, 200, ANSWERS_AFTER).await?;
    let lean = system.receiver.addresses.lean.clone();
    let mut ids = Vec::new();
    for n in 0..DISRUPTED_SUBSCRIPTIONS {
        ids.push(system.subscribe_beside(number, DISRUPTED, &format!("{lean}{PATH}?n={n}")).await?);
    }
    let others = steady(options, "disruption");
    others.warm_up(system).await?;
    let deliveries = options.flood_events / DISRUPTED_SUBSCRIPTIONS * DISRUPTED_SUBSCRIPTIONS;
    publish(system, options, DISRUPTED, number, options.flood_events / DISRUPTED_SUBSCRIPTIONS).await?;
    system.receiver.wait_for_count(PATH, 1, WITHIN).await?;
    let at_begin = system.receiver.count(PATH).await?;
    let latency = others.measure_at_once(system).await?;
    let at_end = system.receiver.count(PATH).await?;
    let meanwhile = Meanwhile { deliveries, at_begin, at_end };
    meanwhile.lasted()?;
    system.receiver.behave(PATH, 200, Duration::ZERO).await?;
    system.receiver.wait_for_count(PATH, deliveries, WITHIN).await?;
    for id in ids {
        system.delete(number, &id).await?;
    }
    Ok((latency, meanwhile))
}

async fn publish(
    system: &System,
    options: &Options,
    kind: &'static str,
    number: usize,
    count: usize,
) -> Result<()> {
    let data = bodies::data(options.data_bytes);
    let event = |n| bodies::event(kind, n, kind, &operator(number), data.clone()).structured();
    let records: Vec<Record> = (0..count).map(event).collect();
    system.upstream.send_all(&system.source, &records).await
}
