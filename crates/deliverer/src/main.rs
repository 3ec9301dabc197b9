//! The deliverer as a process of its own.

use aerogram_settings::Role;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aerogram_telemetry::role_main(
        Role::Deliverer,
        "Delivers what is due to receivers over HTTPS: signed, in bounded lanes, with every outcome in the log.",
        |settings, health, shutdown| aerogram_deliverer::run(settings, health, shutdown.token().clone()),
    )
}
