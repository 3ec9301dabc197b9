//! `aerogram-simulation [--seeds N] [--start S] [--seed X [--trace]]`: lives through seeds, and stops at a violation.

use aerogram_simulation::{Stats, run};
use std::process::ExitCode;

const USAGE: &str = "usage: aerogram-simulation [--seeds N] [--start S] | --seed X [--trace]";

fn main() -> ExitCode {
    let (mut seeds, mut start, mut trace) = (1_000, 0, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse::<u64>().ok());
        let known = match arg.as_str() {
            "--trace" => {
                trace = true;
                true
            }
            "--seeds" => number().map(|n| seeds = n).is_some(),
            "--start" => number().map(|n| start = n).is_some(),
            "--seed" => number().map(|n| (start, seeds) = (n, 1)).is_some(),
            _ => false,
        };
        if !known {
            eprintln!("{arg}: not understood, or without its number\n{USAGE}");
            return ExitCode::FAILURE;
        }
    }
    let mut all = Stats::default();
    for seed in start..start + seeds {
        match run(seed, trace) {
            Ok(stats) => all.add(&stats),
            Err(violation) => {
                eprintln!("{violation}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{seeds} seeds from {start}: {} steps, {} requests, {:?}", all.steps, all.sent, all.counts);
    ExitCode::SUCCESS
}
