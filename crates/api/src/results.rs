//! Every process follows the ends of all partitions of `commands` and hands results to whoever waits for them here.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerogram_domain::commands::partition::CommandId;
use aerogram_kafka::{Item, PartitionReader, ReadError};
use aerogram_wire::v1::CommandResult;
use tokio::sync::oneshot;

use crate::records::{self, BadRecord, Said};

/// Requests waiting for a result, at most.
const WAITING_MAX: usize = 4_096;

/// Why a partition can't be followed further.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Record(#[from] BadRecord),
}

/// Too many requests wait for results.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{WAITING_MAX} requests wait for the results of their commands")]
pub struct TooManyWaiting;

type Waiting = HashMap<CommandId, Vec<(u64, oneshot::Sender<CommandResult>)>>;

/// Who waits for which result; cheap to clone.
#[derive(Clone, Default)]
pub struct Results {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    waiting: Waiting,
    waiters: usize,
    next_ticket: u64,
}

/// One who waits; gives up when dropped.
pub struct Waiter {
    results: Results,
    command_id: CommandId,
    ticket: u64,
    result: oneshot::Receiver<CommandResult>,
}

impl Results {
    /// To be called before the command is written, or its result may pass by. Several may wait for the same one.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn wait_for(&self, command_id: CommandId) -> Result<Waiter, TooManyWaiting> {
        let (tell, result) = oneshot::channel();
        let mut shared = self.lock();
        if shared.waiters >= WAITING_MAX {
            return Err(TooManyWaiting);
        }
        let ticket = shared.next_ticket;
        shared.next_ticket += 1;
        shared.waiters += 1;
        shared.waiting.entry(command_id).or_default().push((ticket, tell));
        drop(shared);
        Ok(Waiter { results: self.clone(), command_id, ticket, result })
    }

    fn deliver(&self, command_id: CommandId, result: &CommandResult) {
        let mut shared = self.lock();
        let told = shared.waiting.remove(&command_id).unwrap_or_default();
        shared.waiters -= told.len();
        drop(shared);
        for (_, tell) in told {
            // Who gave up meanwhile is not told.
            let _ = tell.send(result.clone());
        }
    }

    fn give_up(&self, command_id: CommandId, ticket: u64) {
        let mut shared = self.lock();
        let Some(waiting) = shared.waiting.get_mut(&command_id) else { return };
        let before = waiting.len();
        waiting.retain(|(t, _)| *t != ticket);
        let (given_up, nobody_left) = (before - waiting.len(), waiting.is_empty());
        shared.waiters -= given_up;
        if nobody_left {
            shared.waiting.remove(&command_id);
        }
    }

    /// Follows one partition for ever.
    ///
    /// # Errors
    /// When the partition can't be read on, or holds what it must not.
    pub async fn follow(self, mut reader: PartitionReader) -> Result<Infallible, TailError> {
        loop {
            let Item::Record(record) = reader.next().await? else { continue };
            if let Said::Result { command_id, result } = records::command(reader.partition(), &record)? {
                self.deliver(command_id, &result);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// The result. The caller limits the time. `None`: this process has stopped following.
    pub async fn result(mut self) -> Option<CommandResult> {
        (&mut self.result).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.results.give_up(self.command_id, self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(detail: &str) -> CommandResult {
        CommandResult { detail: detail.into(), ..CommandResult::default() }
    }

    fn sizes(results: &Results) -> (usize, usize) {
        let shared = results.lock();
        (shared.waiters, shared.waiting.len())
    }

    #[tokio::test]
    async fn all_who_wait_for_a_command_are_told() {
        let results = Results::default();
        let (one, two, other) =
            (results.wait_for([1; 16]), results.wait_for([1; 16]), results.wait_for([2; 16]));
        results.deliver([1; 16], &result("done"));
        results.deliver([1; 16], &result("again"));
        results.deliver([9; 16], &result("nobody's"));
        assert_eq!(one.unwrap().result().await, Some(result("done")));
        assert_eq!(two.unwrap().result().await, Some(result("done")));
        results.deliver([2; 16], &result("later"));
        assert_eq!(other.unwrap().result().await, Some(result("later")));
        assert_eq!(sizes(&results), (0, 0));
    }

    #[test]
    fn who_gives_up_leaves_nothing_and_the_number_is_limited() {
        let results = Results::default();
        let waiters: Vec<_> =
            (0..WAITING_MAX as u128).map(|i| results.wait_for((i / 2).to_be_bytes()).unwrap()).collect();
        assert_eq!(results.wait_for([0xff; 16]).err(), Some(TooManyWaiting));
        drop(waiters);
        assert_eq!(sizes(&results), (0, 0));
        assert!(results.wait_for([0xff; 16]).is_ok());
    }
}
