//! What a new owner must know before it decides anything: every state and every recent answer, those of a former owner's
//! open transaction included.

use std::time::Duration;

use aerogram_domain::commands::partition::{ANSWERS_KEPT_MS, PartitionState};
use aerogram_kafka::{Companions, Ends, From, Item, ReadError};
use aerogram_wire::Topic;

use super::HandlerError;
use crate::records::{self, Said};
use crate::submit::now_ms;

/// Time between looks at a former owner's open transaction.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Folds a partition that was just assigned.
///
/// # Errors
/// When something can't be read or understood.
pub async fn fold(
    ends: &Ends,
    companions: &Companions,
    partition: i32,
) -> Result<PartitionState, HandlerError> {
    wait_for_open_transactions(ends, partition).await?;
    let mut state = PartitionState::default();
    fold_states(companions, partition, &mut state).await?;
    fold_answers(companions, partition, &mut state).await?;
    tracing::info!(partition, subscriptions = state.len(), "ready to decide commands");
    Ok(state)
}

/// A former owner may have been taken over in the middle of a transaction that can still be committed: its offsets were
/// sent while it was the owner. So the fold waits until everything written at the takeover is decided, one
/// way or the other. What a former owner writes after that is refused together with its old generation.
async fn wait_for_open_transactions(ends: &Ends, partition: i32) -> Result<(), ReadError> {
    let mut said = false;
    for topic in [Topic::Subscriptions, Topic::Commands] {
        let written = ends.high_watermarks(topic, &[partition]).await?;
        while ends.last_stable(topic, &[partition]).await? < written {
            if !std::mem::replace(&mut said, true) {
                tracing::info!(
                    partition,
                    topic = topic.name(),
                    "waiting for a former owner's transaction to end"
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    Ok(())
}

/// The first end a new reader says was said after the transactions had ended.
async fn fold_states(
    companions: &Companions,
    partition: i32,
    state: &mut PartitionState,
) -> Result<(), HandlerError> {
    let mut reader = companions.read(Topic::Subscriptions, partition, From::Beginning).await?;
    while let Item::Record(record) = reader.next().await? {
        state.fold_state(records::subscription(partition, &record)?);
    }
    Ok(())
}

async fn fold_answers(
    companions: &Companions,
    partition: i32,
    state: &mut PartitionState,
) -> Result<(), HandlerError> {
    let since_ms = now_ms() - ANSWERS_KEPT_MS;
    let mut reader = companions.read(Topic::Commands, partition, From::Time(since_ms)).await?;
    while let Item::Record(record) = reader.next().await? {
        if let Said::Result { command_id, result } = records::command(partition, &record)? {
            state.fold_result(command_id, &result, record.timestamp_ms);
        }
    }
    Ok(())
}
