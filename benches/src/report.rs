//! The figures, as a table for people and as JSON for comparison.

use crate::control::Control;
use crate::flood::{Flood, Meanwhile};
use crate::history::History;
use crate::latency::Latency;
use crate::neighbours::Neighbours;
use crate::options::Options;
use crate::pipeline::Pipeline;
use crate::raw::Raw;
use crate::resources::{Resources, kafka_version};
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs, thread};

const MIB: f64 = 1024.0 * 1024.0;

#[derive(Serialize, Debug)]
pub struct Report {
    /// What the pipeline delivers a second, as a share of what the bare client posts.
    pub ratio_to_raw: f64,
    raw: BareClient,
    pipeline: Pipeline,
    latency: Latency,
    control: Control,
    neighbours: Neighbours,
    flood: Flood,
    history: History,
    /// CPU seconds for a thousand deliveries of the backlog, by process.
    cpu_ms_per_delivery: BTreeMap<String, f64>,
    /// Until the neighbours were measured.
    resources: Resources,
    setup: Setup,
}

#[derive(Serialize, Debug)]
struct BareClient {
    /// Mean of both measurements.
    rate_per_s: f64,
    before: Raw,
    after: Raw,
}

#[derive(Serialize, Debug)]
struct Setup {
    at: String,
    cores: usize,
    concurrency: usize,
    partitions: usize,
    data_bytes: usize,
    /// `release` or `debug`.
    profile: &'static str,
    kafka_version: Option<String>,
    git_commit: Option<String>,
}

/// What was measured of the roles.
pub struct Measured {
    pub pipeline: Pipeline,
    pub latency: Latency,
    pub control: Control,
    pub neighbours: Neighbours,
    pub flood: Flood,
    pub history: History,
    pub resources: Resources,
}

impl Report {
    pub fn new(options: &Options, [before, after]: [Raw; 2], measured: Measured) -> Self {
        let Measured { pipeline, latency, control, neighbours, flood, history, resources } = measured;
        let raw =
            BareClient { rate_per_s: f64::midpoint(before.rate_per_s, after.rate_per_s), before, after };
        let per_delivery = |cpu_s: &f64| cpu_s * 1e3 / pipeline.requests.max(1) as f64;
        Self {
            ratio_to_raw: pipeline.rate_per_s / raw.rate_per_s,
            cpu_ms_per_delivery: pipeline
                .cpu_s
                .iter()
                .map(|(name, s)| (name.clone(), per_delivery(s)))
                .collect(),
            raw,
            pipeline,
            latency,
            control,
            neighbours,
            flood,
            history,
            resources,
            setup: Setup::of(options),
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: String| {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{name:<34} {value}");
        };
        let (raw, pipeline, latency, control) = (&self.raw, &self.pipeline, &self.latency, &self.control);
        let Setup { cores, concurrency, partitions, profile, .. } = &self.setup;
        row(
            "setup",
            format!(
                "{cores} cores, {concurrency} in flight, {partitions} partitions with a subscription each, {profile}"
            ),
        );
        row(
            "bare HTTP client",
            format!(
                "{:.0}/s ({:.0} before, {:.0} after)",
                raw.rate_per_s, raw.before.rate_per_s, raw.after.rate_per_s
            ),
        );
        row(
            "pipeline",
            format!(
                "{:.0}/s ({} events in {:.1} s, {} repeats)",
                pipeline.rate_per_s, pipeline.events, pipeline.seconds, pipeline.repeats
            ),
        );
        row("ratio to raw", format!("{:.3}", self.ratio_to_raw));
        row(&format!("latency at {}/s", latency.rate_per_s), quantiles(latency));
        let changes = format!("{} changes at {:.0}/s", control.rounds, control.load_per_s);
        let spread =
            |s: crate::control::Spread| format!("{:.0} ms, most {:.0} ms ({changes})", s.median, s.max);
        row("201 to first request", spread(control.create_to_first_ms));
        row("204 of DELETE to last request", spread(control.delete_to_last_ms));
        let (neighbours, flood) = (&self.neighbours, &self.flood);
        row(&format!("eight healthy at {}/s", neighbours.alone.rate_per_s), quantiles(&neighbours.alone));
        row("  beside a dead and a 10 s receiver", quantiles(&neighbours.beside_dead_and_slow));
        row("  without them again", quantiles(&neighbours.alone_again));
        row("  ratio of p99", format!("{:.2}", neighbours.p99_ratio));
        row("  before the floods", quantiles(&flood.quiet));
        row("  beside one backlog", quantiles(&flood.beside_backlog));
        row("  ratio of p99", ratio(flood.backlog_p99_ratio, flood.backlog));
        row("  beside a mass disruption", quantiles(&flood.beside_disruption));
        row("  ratio of p99", ratio(flood.disruption_p99_ratio, flood.disruption));
        text += &of_history(&self.history);
        let _ = writeln!(
            text,
            "\n{:<12} {:>14} {:>16} {:>12} {:>14}",
            "process", "CPU s backlog", "ms per delivery", "CPU s all", "peak MiB"
        );
        for (name, used) in &self.resources.0 {
            let of_backlog = pipeline.cpu_s.get(name).copied().unwrap_or(0.0);
            let per_delivery = self.cpu_ms_per_delivery.get(name).copied().unwrap_or(0.0);
            let memory = used.peak_memory_bytes as f64 / MIB;
            let _ = writeln!(
                text,
                "{name:<12} {of_backlog:>14.2} {per_delivery:>16.3} {:>12.2} {memory:>14.1}",
                used.cpu_s
            );
        }
        text
    }

    /// Writes the JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
        }
        write(path, &serde_json::to_value(self)?)
    }
}

/// The history, for people.
pub fn of_history(history: &History) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<34} {value}");
    };
    let History { rows, seconds, rows_per_s, bytes_per_row, opened_in_s, .. } = history;
    row(
        "history",
        format!(
            "{rows} deliveries in {seconds:.0} s ({rows_per_s:.0}/s), {bytes_per_row:.0} bytes each, opened in {opened_in_s:.1} s"
        ),
    );
    for (name, page) in &history.pages {
        row(
            &format!("  {name}"),
            format!("p50 {:.2} ms, p99 {:.2} ms, {:.0} rows", page.p50_ms, page.p99_ms, page.rows),
        );
    }
    text
}

/// Puts the history among the figures that are there.
pub fn write_history(history: &History, path: &Path) -> Result<()> {
    let there = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let mut figures: serde_json::Value = serde_json::from_slice(&there)?;
    figures["history"] = serde_json::to_value(history)?;
    write(path, &figures)
}

fn write(path: &Path, figures: &serde_json::Value) -> Result<()> {
    fs::write(path, serde_json::to_string_pretty(figures)? + "\n")
        .with_context(|| format!("writing {}", path.display()))?;
    eprintln!("written to {}", path.display());
    Ok(())
}

fn quantiles(latency: &Latency) -> String {
    let Latency { p50_ms, p90_ms, p99_ms, max_ms, .. } = latency;
    format!("p50 {p50_ms:.1} ms, p90 {p90_ms:.1} ms, p99 {p99_ms:.1} ms, most {max_ms:.1} ms")
}

fn ratio(p99: f64, meanwhile: Meanwhile) -> String {
    let Meanwhile { deliveries, at_begin, at_end } = meanwhile;
    let (arrived, left) = (at_end.saturating_sub(at_begin), deliveries.saturating_sub(at_end));
    format!("{p99:.2} ({deliveries} queued, {arrived} arrived meanwhile, {left} were left)")
}

impl Setup {
    fn of(options: &Options) -> Self {
        let run = env::var_os("AEROGRAM_TEST_DIR");
        Self {
            at: jiff::Timestamp::now().to_string(),
            cores: thread::available_parallelism().map_or(0, usize::from),
            concurrency: options.concurrency,
            partitions: options.partitions,
            data_bytes: options.data_bytes,
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            kafka_version: run.and_then(|dir| kafka_version(Path::new(&dir))),
            git_commit: git_commit(),
        }
    }
}

/// None outside a clone or without git.
fn git_commit() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}
