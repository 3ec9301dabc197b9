//! Sending again what people ask for: one delivery, all that match a filter, what `events` holds of a time; and test events.
//!
//! One file a question: which run a redelivery is ([`mod@run`]), what its first record is ([`entry`]), whether there is anybody
//! to send it to ([`receiver`]), which of a list are sent ([`choose`]), which events are replayed ([`replay`]), how far a replay looks ([`mod@reach`]), how a task that
//! does this for many goes on ([`task`]), and what a test event is ([`test_event`]).

mod choose;
mod entry;
mod reach;
mod receiver;
mod replay;
mod run;
mod task;
mod test_event;
#[cfg(test)]
mod tests;

pub use choose::{Candidate, Choice, KnownRun, LeftOut, awaits_escalation, choose};
pub use entry::first_record;
pub use reach::{Look, Reach, Waits, decode_reaches, encode_reaches};
pub use receiver::{NoReceiver, no_receiver};
pub use replay::{Found, is_wanted, replayed};
pub use run::{TaskId, run_by_key, run_by_task, task_by_key};
pub use task::{cancelled, done, failed, fold, is_over, room, went_on};
pub use test_event::{test_delivery, test_event};
