//! `aerogram topics`.

use std::process::ExitCode;

use aerogram_kafka::topics::{self, Report, TopicsError};
use aerogram_settings::Settings;

use crate::options::TopicsCommand;
use crate::{FAILED, complain, log, say, with_settings};

/// Runs the command; 0 when everything is good.
pub fn run(command: TopicsCommand) -> ExitCode {
    let (args, create) = match command {
        TopicsCommand::Create(args) => (args, true),
        TopicsCommand::Check(args) => (args, false),
    };
    let settings = match with_settings(&args) {
        Ok(settings) => settings,
        Err(ended) => return ended,
    };
    if let Err(ended) = log(&settings) {
        return ended;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(FAILED, &format!("cannot start the runtime: {error}")),
    };
    let done = runtime.block_on(Box::pin(report(&settings, create)));
    // Calls into librdkafka may still be under way; nothing needs their answers.
    runtime.shutdown_background();
    match done {
        Ok(report) => {
            let good = report.is_good();
            let said = say(&report.to_string());
            if good { said } else { ExitCode::from(FAILED) }
        }
        Err(error) => complain(FAILED, &error),
    }
}

async fn report(settings: &Settings, create: bool) -> Result<Report, TopicsError> {
    if create { topics::create(settings).await } else { topics::check(settings).await }
}
