//! The fanout role as a process of its own.

use aerogram_settings::Role;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aerogram_telemetry::role_main(
        Role::Fanout,
        "Matches events with subscriptions and writes one delivery for each match.",
        |settings, health, shutdown| aerogram_fanout::run(settings, health, shutdown.token().clone()),
    )
}
