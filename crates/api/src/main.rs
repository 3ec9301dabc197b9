//! The control plane as a process of its own.

use std::process::ExitCode;

use aerogram_settings::Role;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aerogram_telemetry::role_main(Role::Api, aerogram_api::ABOUT, aerogram_api::run)
}
