//! `aerogram credentials check`.

use std::path::Path;
use std::process::ExitCode;

use aerogram_credentials::{ReadError, read};
use aerogram_domain::credentials::{EXPIRES_SOON_MS, Listed, Problem};
use aerogram_domain::time::iso_millis;
use aerogram_telemetry::wall_ms;
use serde_json::{Value, json};

use super::options::CheckArgs;
use super::with_problems;
use crate::ending::fail;
use crate::table::{Table, cut};
use crate::{FAILED, WRONG_CONFIGURATION, complain, say};

/// Longest cell, in characters.
const CELL_MAX: usize = 60;

/// Runs the command.
pub fn run(args: &CheckArgs) -> ExitCode {
    let (settings, catalogue) = match args.way.settings() {
        Ok(both) => both,
        Err(ended) => return ended,
    };
    let json = args.way.json;
    let Some(file) = args.file.as_deref().or(settings.credentials.file.as_deref()) else {
        let detail = "name the credentials file; credentials.file is not set either";
        return fail(json, WRONG_CONFIGURATION, &detail);
    };
    let shown = file.display();
    let now_ms = wall_ms();
    match read(file, &catalogue) {
        Ok(credentials) => tell(json, file, &credentials.everyone(), now_ms),
        Err(ReadError::Unreadable { error, .. }) => {
            fail(json, WRONG_CONFIGURATION, &format!("{shown} cannot be read: {error}"))
        }
        Err(empty @ ReadError::Empty { .. }) => fail(json, WRONG_CONFIGURATION, &empty),
        Err(ReadError::Mistakes { problems, .. }) if json => {
            say(&as_json(file, &[], &problems, now_ms).to_string());
            ExitCode::from(WRONG_CONFIGURATION)
        }
        Err(ReadError::Mistakes { problems, .. }) => {
            complain(WRONG_CONFIGURATION, &with_problems(&format!("{shown} cannot be used:"), &problems))
        }
    }
}

fn tell(json: bool, file: &Path, everyone: &[Listed], now_ms: i64) -> ExitCode {
    let worries = everyone.iter().filter(|one| Standing::of(one, now_ms) != Standing::Good).count();
    if json {
        say(&as_json(file, everyone, &[], now_ms).to_string());
    } else {
        say(&table(everyone, now_ms));
    }
    match worries {
        0 => ExitCode::SUCCESS,
        _ if json => ExitCode::from(FAILED),
        some => complain(FAILED, &format!("{some} of {} expired, or will within seven days", everyone.len())),
    }
}

/// How it is with the end of a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Good,
    Soon,
    Expired,
}

impl Standing {
    fn of(one: &Listed, now_ms: i64) -> Self {
        match one.expires_at_ms.map(|at_ms| at_ms.saturating_sub(now_ms)) {
            Some(left_ms) if left_ms <= 0 => Standing::Expired,
            Some(left_ms) if left_ms <= EXPIRES_SOON_MS => Standing::Soon,
            Some(_) | None => Standing::Good,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Standing::Good => "good",
            Standing::Soon => "soon",
            Standing::Expired => "expired",
        }
    }
}

fn table(everyone: &[Listed], now_ms: i64) -> String {
    if everyone.is_empty() {
        return "nobody may call".to_owned();
    }
    let mut table = Table::new(&["KIND", "NAME", "OPERATORS", "CLIENTS", "EVENTS", "SCOPES", "EXPIRES", ""]);
    for one in everyone {
        let standing = match Standing::of(one, now_ms) {
            Standing::Good => "",
            other => other.name(),
        };
        let cells = [
            one.kind.name(),
            one.name.as_deref().unwrap_or_default(),
            &one.operators.join(" "),
            &one.clients.join(" "),
            &one.events.join(" "),
            &one.scopes.join(" "),
            &one.expires_at_ms.map(iso_millis).unwrap_or_default(),
            standing,
        ];
        table.push(cells.map(|cell| cut(cell, CELL_MAX)).to_vec(), Vec::new());
    }
    table.render()
}

fn as_json(file: &Path, everyone: &[Listed], problems: &[Problem], now_ms: i64) -> Value {
    let one = |one: &Listed| {
        json!({
            "kind": one.kind.name(), "name": one.name, "operators": one.operators, "clients": one.clients,
            "events": one.events, "scopes": one.scopes, "expires": one.expires_at_ms.map(iso_millis),
            "standing": Standing::of(one, now_ms).name(),
        })
    };
    let problem = |p: &Problem| json!({"line": p.line, "place": p.place, "detail": p.detail});
    json!({
        "file": file.display().to_string(),
        "credentials": everyone.iter().map(one).collect::<Vec<_>>(),
        "problems": problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_domain::catalogue::Catalogue;
    use aerogram_domain::credentials::{Credentials, token_sha256};

    /// 2027-01-31T00:00:00Z
    const END: i64 = 1_801_353_600_000;

    fn everyone() -> Vec<Listed> {
        let file = format!(
            "[[admins]]\nname = \"platform\"\nsha256 = \"{}\"\nexpires = \"2027-01-31T00:00:00Z\"\n\
             [[publishers]]\nname = \"ops\u{202e}\"\nsha256 = \"{}\"\noperators = [\"*\"]\n",
            token_sha256("a"),
            token_sha256("p")
        );
        Credentials::parse(&file, &Catalogue::builtin()).unwrap().everyone()
    }

    #[test]
    fn who_is_there_is_listed_with_its_end_and_nothing_treacherous() {
        let shown = table(&everyone(), END - 1);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("KIND") && !lines[0].contains("CLIENTS"), "{shown}");
        assert!(lines[1].contains("ops\u{fffd}") && lines[1].contains("publish"), "{shown}");
        assert!(lines[2].contains("admin read write  2027-01-31T00:00:00.000Z  soon"), "{shown}");
        assert!(!shown.contains(&token_sha256("a")), "{shown}");
        assert_eq!(table(&[], 0), "nobody may call");
    }

    #[test]
    fn programs_are_told_how_it_stands() {
        let standing =
            |now_ms| as_json(Path::new("f"), &everyone(), &[], now_ms)["credentials"][1]["standing"].clone();
        assert_eq!(standing(END - EXPIRES_SOON_MS - 1), "good");
        assert_eq!(standing(END - EXPIRES_SOON_MS), "soon");
        assert_eq!(standing(END), "expired");
    }
}
