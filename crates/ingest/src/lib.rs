//! The role that accepts events: from upstream topics and from `POST /v1/events` into `events`, each in its one envelope;
//! what cannot be accepted goes to `rejected`, from where people may have it tried again. Read [`pipeline`] first. The rules are in `aerogram_domain::intake`.

mod clock;
mod decide;
mod http;
mod options;
mod partition;
mod pipeline;
mod rejected;
mod sources;
mod warnings;

pub use pipeline::run;
pub use sources::{Intake, IntakeProblems, Source};
