//! The scheduler as a process of its own.

use aerogram_settings::Role;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aerogram_telemetry::role_main(
        Role::Scheduler,
        "Keeps what waits, and fires it when it is due: never early, never lost.",
        |settings, health, shutdown| aerogram_scheduler::run(settings, health, shutdown.token().clone()),
    )
}
