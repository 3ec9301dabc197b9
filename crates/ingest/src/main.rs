//! The ingest role as a process of its own.

use aerogram_settings::Role;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aerogram_telemetry::role_main(
        Role::Ingest,
        "Accepts events from upstream topics and over HTTP, and gives each its one envelope.",
        |settings, health, shutdown| aerogram_ingest::run(settings, health, shutdown.token().clone()),
    )
}
