//! Log lines.

use aerogram_settings::{LogFormat, Role};
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Layer as _, Registry, fmt};

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is not understood.
    #[error(
        "telemetry.log_filter {filter:?} is not understood: {error}; write it like info,aerogram_deliverer=debug"
    )]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong with it.
        error: ParseError,
    },
    /// The process logs already.
    #[error("logging was set up twice: {0}")]
    Twice(#[from] TryInitError),
}

/// Starts logging to standard error, every line of the role's process in `format`.
///
/// # Errors
/// When the filter is not understood, or the process logs already.
pub fn init_logging(role: Role, format: LogFormat, filter: &str) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| LoggingError::Filter { filter: filter.to_owned(), error })?;
    let lines = match format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Text => fmt::layer().with_writer(std::io::stderr).with_ansi(false).boxed(),
    };
    // The filter stands on this layer alone: over the whole registry it would switch off the spans, and with them the
    // trace context.
    Registry::default().with(lines.with_filter(filter)).try_init()?;
    tracing::info!(role = role.name(), version = env!("CARGO_PKG_VERSION"), "starting");
    Ok(())
}
