//! What became of many deliveries: by the receiver's own log, and by the records that stand in the topics.

use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::{Receiver, Request};
use aerogram_wire::Message as _;
use aerogram_wire::Topic;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, LineKind, PendingEntry, PendingKind};
use anyhow::{Result, ensure};
use rdkafka::message::Message as _;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often each delivery succeeded on a path, by webhook id.
pub fn successes(receiver: &Receiver, path: &str) -> HashMap<String, usize> {
    let mut by_id = HashMap::new();
    for request in receiver.requests_on(path) {
        if request.reply.status() == Some(200) && request.ended().is_some() {
            *by_id.entry(request.webhook_id().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    by_id
}

/// Waits until `count` deliveries succeeded on a path, and sees that none did twice.
pub async fn all_succeed(receiver: &Receiver, path: &str, count: usize, within: Duration) -> Result<()> {
    let until = Instant::now() + within;
    // The log is looked through only when it may be enough.
    while receiver.count_on(path) < count || successes(receiver, path).len() < count {
        ensure!(
            Instant::now() < until,
            "{} of {count} succeeded on {path} within {within:?}",
            successes(receiver, path).len()
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
    once_each(receiver, path, count)
}

/// Exactly `count` deliveries succeeded on a path, each once.
pub fn once_each(receiver: &Receiver, path: &str, count: usize) -> Result<()> {
    let by_id = successes(receiver, path);
    ensure!(by_id.len() == count, "{} deliveries instead of {count} succeeded on {path}", by_id.len());
    let more: Vec<_> = by_id.into_iter().filter(|(_, times)| *times > 1).take(10).collect();
    ensure!(more.is_empty(), "delivered more than once on {path}: {more:?}");
    Ok(())
}

/// So many were open at the same time.
pub fn most_open(requests: &[Arc<Request>]) -> usize {
    let begun = requests.iter().map(|request| (request.arrived, 1));
    let ended = requests.iter().filter_map(|request| Some((request.ended()?, -1)));
    let mut changes: Vec<(Instant, i64)> = begun.chain(ended).collect();
    // Of those at the same moment the ends come first.
    changes.sort_unstable();
    let (mut open, mut most) = (0, 0);
    for (_, change) in changes {
        open += change;
        most = most.max(open);
    }
    usize::try_from(most).unwrap_or(0)
}

/// How often each delivery was parked, as the lines of `attempts` say.
pub async fn parked_lines(setup: &Setup) -> Result<HashMap<Vec<u8>, usize>> {
    let mut by_id = HashMap::new();
    for record in topics::decoded::<AttemptsRecord>(setup, Topic::Attempts).await? {
        let Some(Body::Batch(batch)) = record.body else { continue };
        for line in batch.lines.iter().filter(|line| line.kind() == LineKind::Parked) {
            *by_id.entry(line.delivery_id.to_vec()).or_default() += 1;
        }
    }
    Ok(by_id)
}

/// How many entries of `pending` each delivery was parked with. One that was written again has the same key.
pub async fn parked_entries(setup: &Setup) -> Result<HashMap<Vec<u8>, usize>> {
    let (mut keys, mut by_id) = (HashSet::new(), HashMap::new());
    for record in topics::raw(setup, Topic::Pending).await? {
        let Some(payload) = record.payload() else { continue };
        let entry = PendingEntry::decode(payload)?;
        if entry.kind() == PendingKind::Parked && keys.insert(record.key().map(<[u8]>::to_vec)) {
            let id = entry.delivery.unwrap_or_default().delivery_id.to_vec();
            *by_id.entry(id).or_default() += 1;
        }
    }
    Ok(by_id)
}

/// Waits until at least `count` deliveries are parked, and says how many are.
pub async fn wait_parked(setup: &Setup, count: usize, within: Duration) -> Result<usize> {
    let until = Instant::now() + within;
    loop {
        let looked = Instant::now();
        let parked = parked_lines(setup).await?.len();
        if parked >= count {
            return Ok(parked);
        }
        ensure!(Instant::now() < until, "{parked} of {count} are parked after {within:?}");
        // Of many lines a look takes a while, and it takes it from those that are watched.
        tokio::time::sleep(LOOK_EVERY.max(2 * looked.elapsed())).await;
    }
}

/// No delivery was parked more than once, by either topic.
pub async fn parked_once_each(setup: &Setup) -> Result<()> {
    for (of, counts) in [("attempts", parked_lines(setup).await?), ("pending", parked_entries(setup).await?)]
    {
        let again = counts.values().filter(|times| **times > 1).count();
        ensure!(again == 0, "{again} of {} were parked more than once, says {of}", counts.len());
    }
    Ok(())
}

/// The sum of a metric's samples whose labels have `label`; none when there is no such sample.
pub fn metric(rendered: &str, name: &str, label: &str) -> Option<f64> {
    let samples = rendered.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let of_it = rest.starts_with(['{', ' ']) && rest.contains(label);
        of_it.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok()).flatten()
    });
    samples.fold(None, |sum, sample| Some(sum.unwrap_or(0.0) + sample))
}
