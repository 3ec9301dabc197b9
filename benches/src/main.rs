//! The benchmark: what the pipeline delivers, as a share of what the bare HTTP client posts to the same receiver with the
//! same bodies and concurrency, on the same cores, in the same run. `make bench` runs it.

mod bodies;
mod control;
mod flood;
mod history;
mod latency;
mod neighbours;
mod options;
mod pipeline;
mod raw;
mod receiver;
mod report;
mod resources;
mod steady;
mod system;

use anyhow::{Context, Result};
use clap::Parser;
use options::{Command, Options};
use report::{Measured, Report};
use system::System;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    match &options.command {
        Some(Command::Receiver { dir }) => receiver::serve(dir).await,
        Some(Command::History) => {
            let history = history::measure(&options).await?;
            print!("{}", report::of_history(&history));
            report::write_history(&history, &options.output)
        }
        None => tokio::time::timeout(options.limit(), Box::pin(measure(&options)))
            .await
            .with_context(|| format!("the benchmark did not end within {:?}", options.limit()))?,
    }
}

async fn measure(options: &Options) -> Result<()> {
    let mut system = System::prepare(options).await?;
    say("the bare HTTP client");
    let raw_before = raw::measure(&system, options).await?;
    say("starting the roles");
    system.start().await?;
    say("a backlog through the pipeline");
    let pipeline = pipeline::measure(&mut system, options).await?;
    say("latency at a steady rate");
    let latency = latency::measure(&system, options).await?;
    say("changes of subscriptions under load");
    let control = control::measure(&system, options, pipeline.rate_per_s).await?;
    let resources = system.resources()?;
    system.as_it_comes(2 * neighbours::ANSWERS_AFTER).await?;
    say("healthy receivers beside a dead and a slow one");
    let neighbours = neighbours::measure(&system, options).await?;
    say("healthy receivers beside a backlog, and beside a mass disruption");
    let flood = flood::measure(&system, options).await?;
    system.stop().await?;
    say("the bare HTTP client again");
    let raw_after = raw::measure(&system, options).await?;
    say("the history of deliveries");
    let history = history::measure(options).await?;
    let measured = Measured { pipeline, latency, control, neighbours, flood, history, resources };
    let report = Report::new(options, [raw_before, raw_after], measured);
    print!("{}", report.table());
    report.write(&options.output)
}

/// Progress goes to standard error; the table alone to standard output.
fn say(what: &str) {
    eprintln!("… {what}");
}
