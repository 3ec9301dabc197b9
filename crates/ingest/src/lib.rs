//! The role that accepts events: from upstream topics and from `POST /v1/events` into `events`, each in its one envelope;
//! what cannot be accepted goes to `rejected`. Read [`pipeline`] first. The rules are in `aerogram_domain::intake`.

mod clock;
mod decide;
mod http;
mod options;
mod partition;
mod pipeline;

pub use pipeline::run;
