//! What was answered to commands, so that a repetition gets the same answer and changes nothing.

use super::CommandId;
use aerogram_wire::Message as _;
use aerogram_wire::v1::CommandResult;
use aerogram_wire::v1::command_result::Outcome;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};

/// How long a command's id is remembered with its result; as long as `commands` keeps records.
pub const ANSWERS_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// Answers remembered at most, of people's commands and of the system's each; beyond it the oldest are forgotten, and a
/// repeat of such a command is decided anew.
pub const ANSWERS_MAX: usize = 50_000;
/// The same for their size: a subscription with a template is large.
pub const ANSWERS_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// The system's commands have a memory of their own: when many receivers fail at once, what people were answered stays.
#[derive(Default, Debug)]
pub(super) struct Memories {
    pub people: Answers,
    pub system: Answers,
}

impl Memories {
    pub fn get(&self, command_id: &CommandId) -> Option<CommandResult> {
        self.people.get(command_id).or_else(|| self.system.get(command_id))
    }

    pub fn remember(&mut self, command_id: CommandId, result: &CommandResult, at_ms: i64) {
        // A new owner sees the results alone. That of a change by the system says nothing of an owner; refusals of it, which are
        // few and small, count with those of people.
        let by_system = matches!(&result.outcome, Some(Outcome::Applied(state)) if state.scope.is_none());
        let memory = if by_system { &mut self.system } else { &mut self.people };
        memory.remember(command_id, result, at_ms);
    }

    pub fn forget_before(&mut self, at_ms: i64) {
        self.people.forget_before(at_ms);
        self.system.forget_before(at_ms);
    }
}

/// Results by command id, the oldest first in line to be forgotten. Encoded, because few are ever asked for again.
#[derive(Default, Debug)]
pub(super) struct Answers {
    pub by_id: HashMap<CommandId, Bytes>,
    pub oldest_first: VecDeque<(CommandId, i64)>,
    pub bytes: usize,
}

impl Answers {
    pub fn get(&self, command_id: &CommandId) -> Option<CommandResult> {
        // What was encoded here decodes; if it ever did not, the command would be decided anew, which is the safe way.
        self.by_id.get(command_id).and_then(|encoded| CommandResult::decode(encoded.clone()).ok())
    }

    /// The first answer stays.
    pub fn remember(&mut self, command_id: CommandId, result: &CommandResult, at_ms: i64) {
        if self.by_id.contains_key(&command_id) {
            return;
        }
        let encoded = result.encode_to_vec();
        self.bytes += encoded.len();
        self.by_id.insert(command_id, encoded.into());
        self.oldest_first.push_back((command_id, at_ms));
        while self.oldest_first.len() > ANSWERS_MAX || self.bytes > ANSWERS_BYTES_MAX {
            self.forget_oldest();
        }
    }

    pub fn forget_before(&mut self, at_ms: i64) {
        while self.oldest_first.front().is_some_and(|(_, written_at)| *written_at < at_ms) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((command_id, _)) = self.oldest_first.pop_front() {
            self.bytes -= self.by_id.remove(&command_id).map_or(0, |encoded| encoded.len());
        }
    }
}
