//! Redeliveries that were said and not written down: whoever said so died in between, or Kafka did not answer. Every instance
//! looks for them; what two of them write is the same.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use aerogram_domain::escalations::{Decision, Escalated, State, Who, Wish, decide, run_name};
use aerogram_projection::{ProjectionError, Query, Row};
use aerogram_telemetry::Said;

use super::{Escalations, NotRead, NotWritten};
use crate::submit::now_ms;

/// Time between looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Looked at together, at most.
const PAGE: usize = 100;
/// Redeliveries of which it is remembered when it was said that they can't be finished.
const REMEMBERED_MAX: usize = 256;

/// Why one is not finished yet.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error(transparent)]
    Original(#[from] NotRead),
    #[error(transparent)]
    Writing(#[from] NotWritten),
}

/// Finishes for ever what was begun longer ago than `patience`, the time that whoever began it has.
pub async fn finish(escalations: &Escalations, patience: Duration) -> Infallible {
    let said = Said::of(REMEMBERED_MAX);
    // Until it is open the following says why it is not.
    while escalations.projection.started().await.is_err() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = look(escalations, patience, &said).await {
            tracing::warn!(%error, "it is not known which redeliveries are to be finished; looking again");
        }
    }
}

async fn look(escalations: &Escalations, patience: Duration, said: &Said) -> Result<(), ProjectionError> {
    let patience_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
    let mut query = Query { state: Some(State::Redelivering), limit: PAGE, ..Query::default() };
    loop {
        let page = escalations.projection.escalations(query.clone()).await?;
        let begun_before = now_ms().saturating_sub(patience_ms);
        let left = |row: &&Row| row.resolution.as_ref().is_some_and(|said| said.at_ms < begun_before);
        for row in page.rows.iter().filter(left) {
            let name = run_name(row.key);
            match one(escalations, row).await {
                Ok(()) => tracing::info!(escalation = name, "a redelivery that was begun is finished"),
                Err(error) => {
                    if let Some(unsaid) = said.may_say(&name, Instant::now()) {
                        tracing::warn!(escalation = name, %error, unsaid, "a redelivery can't be finished yet");
                    }
                }
            }
        }
        let Some(next) = page.next else { return Ok(()) };
        query.after = Some(next);
    }
}

async fn one(escalations: &Escalations, row: &Row) -> Result<(), Unfinished> {
    let delivery = escalations.originals.of(row).await?.delivery.unwrap_or_default();
    let wish = Wish::Redeliver { why: "", delivery: &delivery, subscription: None };
    let escalated = Escalated { key: row.key, resolution: row.resolution.as_ref() };
    // What is begun is neither decided anew nor refused.
    if let Ok(Decision::Send(key, entry, sent)) = decide(escalated, wish, Who { actor: "", now_ms: now_ms() })
    {
        escalations.settling.send(row.partition, key, &entry).await?;
        escalations.settling.resolve(row.partition, row.key, &sent).await?;
    }
    Ok(())
}
