//! The decisions of Aerogram, without input or output: no tokio, rdkafka, redis or hyper. `now` and randomness are
//! arguments, actions are results.

pub mod authentication;
pub mod body;
pub mod catalogue;
pub mod clock;
pub mod commands;
pub mod credentials;
pub mod deliverer;
pub mod ended;
pub mod escalations;
pub mod fanout;
pub mod history;
pub mod identity;
pub mod intake;
mod json_kind;
pub mod limits;
pub mod matching;
pub mod policy;
pub mod prefix;
pub mod redact;
pub mod repair;
pub mod request;
pub mod sabotage;
pub mod scheduler;
pub mod schema;
pub mod signing;
pub mod store;
pub mod subscription;
pub mod subscription_request;
pub mod template;
pub mod time;
pub mod toml_reading;
