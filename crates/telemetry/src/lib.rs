//! What every role shows of itself and how it starts and stops: metrics, logs, health, the admin server, signals.

mod admin;
mod clock;
mod health;
mod logging;
pub mod names;
mod process;
mod recorder;
mod role;
mod said;
mod shutdown;
#[cfg(test)]
mod tests;
pub mod top;

pub use admin::{AdminError, AdminServer};
pub use clock::{Clock, wall_ms};
pub use health::{Condition, Health};
pub use logging::{LoggingError, init_logging};
pub use recorder::{Recorder, RecorderError};
pub use role::{role_main, run_role, run_settings};
pub use said::Said;
pub use shutdown::{Shutdown, ShutdownError};
