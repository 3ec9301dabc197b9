//! `aerogram subscriptions apply`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use aerogram_domain::time::iso_millis;
use aerogram_domain::toml_reading::Problem;
use anyhow::{Context as _, bail, ensure};
use serde_json::json;

use super::carry_out::Carrier;
use super::change::{new_signing_key, patch};
use super::client::Client;
use super::declared::{Declared, Pair, Source};
use super::file::{self, Contents, FILE_BYTES_MAX};
use super::keys::KeysOut;
use super::options::ApplyArgs;
use super::plan::{Reach, Step, There, plan};
use super::report::{Action, Line, State, Summary};
use super::request::creation;
use super::secrets;
use crate::ending::{self, fail};
use crate::runtime::block_on;
use crate::{FAILED, WRONG_CONFIGURATION, ask, say};

/// With `--exit-code`: there is something to do.
const DIFFERENT: u8 = 3;

pub fn run(args: &ApplyArgs) -> ExitCode {
    let shown = args.file.display();
    let text = match read(&args.file) {
        Ok(text) => text,
        Err(error) => return fail(args.json, WRONG_CONFIGURATION, &format!("{error:#}")),
    };
    let contents = match file::read(&text) {
        Ok(contents) => contents,
        Err(file::Mistakes { problems, readable }) => {
            note_missing(&shown.to_string(), &readable, &|source| secrets::look(source, dir(args)));
            return fail(args.json, WRONG_CONFIGURATION, &mistakes(&shown.to_string(), &problems));
        }
    };
    for note in &contents.notes {
        // There is nowhere left to say it when standard error is closed.
        let _ = writeln!(std::io::stderr(), "note: {shown}: {note}");
    }
    let http = match args.reach.connect(args.json) {
        Ok(http) => http,
        Err(ended) => return ended,
    };
    let client = Client::new(http);
    block_on(async { Ok(ending::end(args.json, apply(args, &contents, client).await)) })
}

/// Where files of secrets are.
fn dir(args: &ApplyArgs) -> &Path {
    args.file.parent().unwrap_or(Path::new(""))
}

/// What is missing too, as far as it can be known before anybody asked what exists: secrets of what exists need not be there.
fn note_missing(shown: &str, all: &[Declared], look: &dyn Fn(&Source) -> Result<String, String>) {
    for problem in all.iter().filter_map(|one| creation(one, look).err()).flatten() {
        // There is nowhere left to say it when standard error is closed.
        let _ = writeln!(std::io::stderr(), "note: {shown}: {problem}; it can't be created so");
    }
}

fn mistakes(shown: &str, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n    {problem}")).collect();
    format!(
        "{shown}: nothing was done, because of {} in it:{}",
        count(problems.len(), "mistake"),
        lines.concat()
    )
}

fn count(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

async fn apply(args: &ApplyArgs, contents: &Contents, client: Client) -> anyhow::Result<ExitCode> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let now = iso_millis(i64::try_from(now)?);
    let there = there(&client, &contents.subscriptions).await?;
    let reach = Reach { prune: args.prune, set_secrets: args.set_secrets, now: &now };
    let steps = plan(&contents.subscriptions, &there, reach);
    let look = |source: &Source| secrets::look(source, dir(args));
    let missing = missing_secrets(&steps, &look);
    if !missing.is_empty() {
        return Ok(fail(
            args.json,
            WRONG_CONFIGURATION,
            &mistakes(&args.file.display().to_string(), &missing),
        ));
    }
    if args.dry_run {
        let lines: Vec<Line> = steps.iter().map(|step| Line::of(step, &now)).collect();
        for line in lines.iter().filter(|line| !args.json && line.is_news()) {
            say(&line.render());
        }
        let differs = steps.iter().any(Step::is_difference);
        return end(args, &lines, differs && args.exit_code);
    }
    if !args.yes && !may_prune(&steps, &now)? {
        return Ok(fail(args.json, FAILED, &"not confirmed; nothing was done"));
    }
    let makes_keys = steps.iter().any(|step| matches!(step, Step::Create(one) if one.signing_key.is_none()));
    let keys = match args.keys_out.as_ref().filter(|_| makes_keys) {
        None => None,
        Some(path) => match KeysOut::create(path) {
            Ok(keys) => Some(keys),
            Err(error) => return Ok(fail(args.json, WRONG_CONFIGURATION, &format!("{error:#}"))),
        },
    };
    let mut carrier = Carrier {
        client: &client,
        look: &look,
        set_secrets: args.set_secrets,
        now: &now,
        keys,
        aloud: !args.json,
    };
    let lines = carrier.carry_out(&steps).await;
    end(args, &lines, false)
}

/// Says what became of all.
fn end(args: &ApplyArgs, lines: &[Line], differs: bool) -> anyhow::Result<ExitCode> {
    let summary = Summary::of(lines);
    let said = if args.json {
        say(&serde_json::to_string_pretty(&json!({"subscriptions": lines, "summary": summary}))?)
    } else {
        if !args.set_secrets && lines.iter().any(|line| line.action != Action::Create) {
            say(
                "the secrets of existing subscriptions can't be compared and stay as they are; --set-secrets sets them",
            );
        }
        if !summary.is_good() && lines.iter().any(|line| line.state == State::Done && line.sets_signing_key())
        {
            say(
                "signing keys were set: take signingKey out of what was updated before you run this again, or those before are \
                 out at once",
            );
        }
        say(&summary.render())
    };
    Ok(match (summary.is_good(), differs) {
        (false, _) => ExitCode::from(FAILED),
        (true, true) => ExitCode::from(DIFFERENT),
        (true, false) => said,
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let mut text = String::new();
    let bytes = if path == Path::new("-") {
        std::io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("{shown} cannot be read"))?;
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)
    };
    let bytes = bytes.with_context(|| format!("{shown} cannot be read"))?;
    ensure!(bytes as u64 <= FILE_BYTES_MAX, "{shown} has more than {FILE_BYTES_MAX} bytes; split it up");
    Ok(text)
}

/// What each pair of the file has.
async fn there(client: &Client, declared: &[Declared]) -> anyhow::Result<There> {
    let pairs: BTreeSet<&Pair> = declared.iter().map(|one| &one.pair).collect();
    let mut there = BTreeMap::new();
    for pair in pairs {
        let answer = client.list(pair).await?;
        if answer.status == 401 {
            // Nobody else's would be shown either.
            bail!("{}", answer.problem());
        }
        there.insert(pair.clone(), answer.json().map_err(|error| format!("{error:#}")));
    }
    Ok(there)
}

/// Everything that could only be found missing halfway.
fn missing_secrets(steps: &[Step<'_>], look: &dyn Fn(&Source) -> Result<String, String>) -> Vec<Problem> {
    let mut missing = Vec::new();
    for step in steps {
        match step {
            Step::Create(declared) => missing.extend(creation(declared, look).err().into_iter().flatten()),
            Step::Update { declared, change, .. } => {
                missing.extend(patch(declared, change, look).err().into_iter().flatten());
                if change.needs_signing_key() {
                    missing.extend(new_signing_key(declared, look).err().into_iter().flatten());
                }
            }
            Step::Prune(..) | Step::Keep { .. } | Step::Unchanged(..) | Step::Cannot { .. } => {}
        }
    }
    missing.sort_by_key(|problem| problem.line);
    missing
}

fn may_prune(steps: &[Step<'_>], now: &str) -> anyhow::Result<bool> {
    let pruned: Vec<&Step<'_>> = steps.iter().filter(|step| matches!(step, Step::Prune(..))).collect();
    if pruned.is_empty() {
        return Ok(true);
    }
    for step in &pruned {
        let _ = writeln!(std::io::stderr(), "{}", Line::of(step, now).render());
    }
    ask::yes(&format!(
        "{} the file does not name will be deleted. Go on?",
        count(pruned.len(), "subscription")
    ))
}
