//! What every role's `main` does.

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use aerogram_settings::{LogFormat, Role, RoleArgs, Settings, Start};
use clap::{Args as _, Command, FromArgMatches as _};

use crate::admin::AdminServer;
use crate::health::Health;
use crate::logging::init_logging;
use crate::recorder::Recorder;
use crate::shutdown::Shutdown;

/// Exit status of a wrong configuration.
const BAD_CONFIGURATION: u8 = 2;
/// Exit status of everything else that ends a role.
const FATAL: u8 = 1;

/// Reads the command line and the configuration, starts logs, metrics, health and signals, and runs the role until it
/// returns. Exit status: 0 after a stop or something printed, 2 for a wrong configuration (all mistakes on standard
/// error), 1 when the role fails, which is logged; an `anyhow::Error` is shown with its causes.
pub fn role_main<Run, Running, E>(role: Role, about: &'static str, run: Run) -> ExitCode
where
    Run: FnOnce(Settings, Health, Shutdown) -> Running,
    Running: Future<Output = Result<(), E>>,
    E: Display,
{
    let command = RoleArgs::augment_args(Command::new(role.program()))
        // After the flags: their own documentation would stand in its place.
        .about(about)
        .version(env!("CARGO_PKG_VERSION"));
    let args = match RoleArgs::from_arg_matches(&command.get_matches()) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    run_role(role, &args, run)
}

/// As [`role_main`], with the command line read already.
pub fn run_role<Run, Running, E>(role: Role, args: &RoleArgs, run: Run) -> ExitCode
where
    Run: FnOnce(Settings, Health, Shutdown) -> Running,
    Running: Future<Output = Result<(), E>>,
    E: Display,
{
    match args.start() {
        Ok(Start::Run(settings)) => run_settings(role, *settings, run),
        Ok(Start::Print(text)) => print(&text),
        Err(errors) => fail(BAD_CONFIGURATION, &errors),
    }
}

/// As [`run_role`], with the configuration read already.
pub fn run_settings<Run, Running, E>(role: Role, settings: Settings, run: Run) -> ExitCode
where
    Run: FnOnce(Settings, Health, Shutdown) -> Running,
    Running: Future<Output = Result<(), E>>,
    E: Display,
{
    let telemetry = &settings.telemetry;
    let log_format = telemetry.log_format;
    if let Err(error) = init_logging(role, telemetry.log_format, &telemetry.log_filter) {
        return fail(BAD_CONFIGURATION, &error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(FATAL, &format!("cannot start the runtime: {error}")),
    };
    let ended = runtime.block_on(Box::pin(serve(role, settings, run)));
    // Blocking calls into librdkafka may still be under way; they hold nothing that a stopped role needs.
    runtime.shutdown_background();
    match ended {
        Ok(()) => {
            tracing::info!(role = role.name(), "stopped");
            ExitCode::SUCCESS
        }
        // Who chose text reads it.
        Err(text) if log_format == LogFormat::Text => fail(FATAL, &text),
        Err(text) => {
            tracing::error!(role = role.name(), error = text, "failed");
            ExitCode::from(FATAL)
        }
    }
}

async fn serve<Run, Running, E>(role: Role, settings: Settings, run: Run) -> Result<(), String>
where
    Run: FnOnce(Settings, Health, Shutdown) -> Running,
    Running: Future<Output = Result<(), E>>,
    E: Display,
{
    let health = Health::new();
    let recorder = Recorder::install(role.name()).map_err(|error| error.to_string())?;
    let listen = settings.telemetry.admin_listen_of(role).to_owned();
    let admin =
        AdminServer::start(&listen, health.clone(), recorder).await.map_err(|error| error.to_string())?;
    let shutdown = Shutdown::on_signals(health.clone()).map_err(|error| error.to_string())?;
    let ended = run(settings, health, shutdown).await;
    drop(admin);
    // The alternate form of anyhow's errors has all causes in one line.
    ended.map_err(|error| format!("{error:#}"))
}

fn print(text: &str) -> ExitCode {
    // A reader that closes the pipe early, as `head` does, has had what it wanted.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    ExitCode::SUCCESS
}

fn fail(status: u8, error: &dyn Display) -> ExitCode {
    // There is nowhere left to complain when standard error is closed.
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::from(status)
}
