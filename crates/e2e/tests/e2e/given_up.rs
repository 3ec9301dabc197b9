//! What was given up, as people will find it: the records of `escalations`.

use crate::cluster::{Cluster, PATIENCE};
use crate::rest::Subscription;
use crate::topics;
use aerogram_wire::Topic;
use aerogram_wire::v1::Escalation;
use anyhow::{Context, Result, ensure};
use std::time::Duration;

/// The escalation of the only delivery of each subscription, in their order. Waits until all of them are there.
pub async fn all(
    cluster: &Cluster,
    subscriptions: &[&Subscription],
    within: Duration,
) -> Result<Vec<Escalation>> {
    let of = |e: &Escalation, id: &str| e.delivery.as_ref().is_some_and(|d| d.subscription_id == id);
    let there = |found: &[Escalation]| {
        subscriptions.iter().all(|subscription| found.iter().any(|e| of(e, &subscription.id)))
    };
    let found: Vec<Escalation> = topics::wait_for(&cluster.setup, Topic::Escalations, within, there).await?;
    let mut ordered = Vec::new();
    for subscription in subscriptions {
        let mut own = found.iter().filter(|e| of(e, &subscription.id));
        let first = own.next().with_context(|| format!("no escalation of {}", subscription.path))?;
        ensure!(own.next().is_none(), "more than one escalation of {}: {found:#?}", subscription.path);
        ordered.push(first.clone());
    }
    Ok(ordered)
}

/// The escalation of a subscription's only delivery.
pub async fn one(cluster: &Cluster, subscription: &Subscription) -> Result<Escalation> {
    all(cluster, &[subscription], PATIENCE).await?.pop().context("no escalation")
}
