//! Redeliveries that were said and not written down: whoever said so died in between, or Kafka did not answer. Every instance
//! looks for them; what two of them write is the same.
//!
//! Only what the log says to its end counts: while a projection is made anew, what was written down long ago looks as if it
//! were only said, and written again when nobody remembers its run any more it would be sent again.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use aerogram_domain::escalations::{Decision, Escalated, State, Who, Wish, decide, run_name};
use aerogram_projection::{ProjectionError, Query, Row};
use aerogram_telemetry::Said;

use super::{Escalations, NotWritten};
use crate::catch_up::CatchUpError;
use crate::history::NotRead;
use crate::submit::now_ms;

/// Looked at together, at most.
const PAGE: usize = 100;
/// Redeliveries of which it is remembered when it was said that they can't be finished.
const REMEMBERED_MAX: usize = 256;

/// Why it is not known which there are.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error(transparent)]
    Behind(#[from] CatchUpError),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

/// Why one is not finished yet.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error(transparent)]
    Original(#[from] NotRead),
    #[error(transparent)]
    Writing(#[from] NotWritten),
}

/// Finishes for ever what was begun longer ago than `patience`, the time that whoever began it has; looks `every` so often.
pub async fn finish(escalations: &Escalations, every: Duration, patience: Duration) -> Infallible {
    let said = Said::of(REMEMBERED_MAX);
    loop {
        tokio::time::sleep(every).await;
        match look(escalations, patience, &said).await {
            // Whoever follows says why.
            Ok(()) | Err(Unknown::Behind(CatchUpError::StandsStill)) => {}
            Err(error) => {
                if let Some(unsaid) = said.may_say("", Instant::now()) {
                    tracing::warn!(
                        %error,
                        unsaid,
                        "it is not known which redeliveries are to be finished; it is looked again"
                    );
                }
            }
        }
    }
}

async fn look(escalations: &Escalations, patience: Duration, said: &Said) -> Result<(), Unknown> {
    escalations.projection.started().await?;
    escalations.catch_up.all().await?;
    let patience_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
    let mut query = Query { state: Some(State::Redelivering), limit: PAGE, ..Query::default() };
    loop {
        let page = escalations.projection.escalations(query.clone()).await?;
        let begun_before = now_ms().saturating_sub(patience_ms);
        let left = |row: &&Row| row.resolution.as_ref().is_some_and(|begun| begun.at_ms < begun_before);
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
    let delivery = escalations.originals.delivery(row).await?;
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
