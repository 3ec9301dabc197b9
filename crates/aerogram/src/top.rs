//! `aerogram top`: the subscriptions that need somebody's attention, as the deliverers and schedulers see them now.
//!
//! addresses → what each process says → one row a subscription → a table, again and again.

mod ask;
mod draw;
mod figures;
mod fit;
mod merge;
mod options;
mod screen;
mod totals;

pub use options::{HELP, TopArgs};

use std::process::ExitCode;

use aerogram_settings::{Settings, Start};
use aerogram_telemetry::wall_ms;
use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::ending::{end, fail};
use crate::runtime::block_on;
use crate::{FAILED, WRONG_CONFIGURATION, say};
use ask::{Asker, Source};
use merge::Picture;
use screen::Screen;

/// Runs the command.
pub fn run(args: &TopArgs) -> ExitCode {
    let sources = match sources(args) {
        Ok(sources) => sources,
        Err(ended) => return ended,
    };
    block_on(async {
        let done = match args.once {
            true => once(args, &sources).await,
            false => again_and_again(args, &sources).await,
        };
        Ok(end(args.json, done))
    })
}

/// Whom to ask.
fn sources(args: &TopArgs) -> Result<Vec<Source>, ExitCode> {
    if !args.from.is_empty() {
        return Ok(args.from.clone());
    }
    match args.role.start() {
        Ok(Start::Run(settings)) => Ok(vec![configured(&settings)]),
        Ok(Start::Print(text)) => Err(say(text.trim_end())),
        Err(errors) => Err(fail(args.json, WRONG_CONFIGURATION, &errors)),
    }
}

/// Where the roles of this machine listen.
fn configured(settings: &Settings) -> Source {
    Source::of_listener(&settings.telemetry.admin_listen)
}

/// 1 when somebody could not be asked, or nobody who sends or nobody who holds what waits: what is missing may be the worst of
/// it.
async fn once(args: &TopArgs, sources: &[Source]) -> anyhow::Result<ExitCode> {
    let picture = picture(&mut Asker::new(), sources, args.limit).await?;
    let complete = picture.is_complete();
    let done = match args.json {
        true => say(&serde_json::to_string_pretty(&picture)?),
        false => say(&draw::lines(&picture, &screen::plain()).join("\n")),
    };
    Ok(if complete { done } else { ExitCode::from(FAILED) })
}

async fn again_and_again(args: &TopArgs, sources: &[Source]) -> anyhow::Result<ExitCode> {
    let mut asker = Asker::new();
    let mut ticks = tokio::time::interval(args.interval());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut terminated = signal(SignalKind::terminate()).context("the signals cannot be watched")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("the signals cannot be watched")?;
    // The first answer decides whether there is anything to look at; later on whoever looks sees what is missing.
    let mut picture = tokio::select! {
        first = picture(&mut asker, sources, args.limit) => first?,
        _ = terminated.recv() => return Ok(ExitCode::SUCCESS),
        _ = interrupted.recv() => return Ok(ExitCode::SUCCESS),
    };
    ticks.tick().await;
    let mut screen = (!args.json).then(Screen::open);
    let drawn = loop {
        let shown = match &mut screen {
            Some(screen) => screen.show(&picture),
            None => screen::write(&format!("{}\n", serde_json::to_string(&picture)?)),
        };
        if let Err(error) = shown {
            break Err(error);
        }
        let next = async {
            ticks.tick().await;
            asker.ask(sources).await
        };
        tokio::select! {
            asked = next => picture = picture.followed_by(asked, wall_ms(), args.limit),
            _ = terminated.recv() => break Ok(()),
            _ = interrupted.recv() => break Ok(()),
        }
    };
    if let Some(screen) = screen {
        screen.close(&picture);
    }
    // A reader that closes the pipe early, as `head` does, has had what it wanted.
    match drawn {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What there is to see now.
async fn picture(asker: &mut Asker, sources: &[Source], limit: usize) -> anyhow::Result<Picture> {
    let asked = asker.ask(sources).await;
    if asked.pages.is_empty() {
        let tried: Vec<String> = asked.unreached.iter().map(ToString::to_string).collect();
        anyhow::bail!(
            "no deliverer and no scheduler answers; --from HOST:PORT says where their admin servers listen \
             (telemetry.admin_listen)\n  {}",
            tried.join("\n  ")
        );
    }
    Ok(Picture::of(asked, wall_ms(), limit))
}
