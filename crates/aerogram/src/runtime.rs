//! One-shot commands that wait for something.

use std::process::ExitCode;

use crate::{FAILED, complain};

/// Runs a command to its end; a failure is shown with its causes.
pub fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(FAILED, &format!("cannot start the runtime: {error}")),
    };
    let done = runtime.block_on(Box::pin(command));
    // Calls into librdkafka may still be under way; nothing needs their answers.
    runtime.shutdown_background();
    done.unwrap_or_else(|error| complain(FAILED, &format!("{error:#}")))
}
