//! Which run a redelivery is. Asking for the same again must make the same one; and 0 is the live run.

use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Scope;
use sha2::{Digest as _, Sha256};

/// Id of a task.
pub type TaskId = [u8; 16];

/// The run that an `Idempotency-Key` of its caller makes of one that has ended. `scope`: on whose behalf; `None`: an
/// administrator by itself.
pub fn run_by_key(scope: Option<&Scope>, key: &str, ended: RunKey) -> u64 {
    let (partner, operator) = names(scope);
    let run = ended.run.to_be_bytes();
    run_of(&[b"redelivery by key", partner, operator, key.as_bytes(), &ended.delivery_id, &run])
}

/// The run that a task makes of one, however often it comes by it.
pub fn run_by_task(task: &TaskId, ended: RunKey) -> u64 {
    run_of(&[b"task", task, &ended.delivery_id, &ended.run.to_be_bytes()])
}

/// The task that an `Idempotency-Key` of its caller makes of a wish, whose parts are `wish`.
pub fn task_by_key(scope: Option<&Scope>, key: &str, wish: &[&[u8]]) -> TaskId {
    let (partner, operator) = names(scope);
    let first = [b"task by key".as_slice(), partner, operator, key.as_bytes()];
    let mut id = TaskId::default();
    id.iter_mut().zip(hash(&[&first, wish].concat())).for_each(|(byte, hashed)| *byte = hashed);
    id
}

fn names(scope: Option<&Scope>) -> (&[u8], &[u8]) {
    // No pair has empty names.
    scope.map_or((b"", b""), |scope| (scope.partner.as_bytes(), scope.operator.as_bytes()))
}

fn run_of(parts: &[&[u8]]) -> u64 {
    let hash = hash(parts);
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)).max(1)
}

/// Each part with its length, so that ("ab", "c") and ("a", "bc") stay apart.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
