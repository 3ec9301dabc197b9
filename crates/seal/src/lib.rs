//! Secrets at rest: signing keys and secret headers of subscriptions are sealed with AES-256-GCM before they reach
//! Kafka. What is sealed for one subscription and operator cannot be opened for another, so a record copied or
//! rewritten elsewhere reveals nothing.

mod config;
mod sealer;
#[cfg(test)]
mod tests;

pub use config::{KeyProblem, SealConfigError};
pub use sealer::{OpenError, SealError, Sealed, Sealer, new_key};
