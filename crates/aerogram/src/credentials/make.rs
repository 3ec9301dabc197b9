//! `aerogram credentials new`.

use std::process::ExitCode;

use aerogram_domain::catalogue::Catalogue;
use aerogram_domain::credentials::Credentials;
use aerogram_settings::Settings;
use aerogram_telemetry::wall_ms;
use serde_json::{Value, json};

use super::append::{self, NotAppended};
use super::options::{AdminArgs, Common, NewCommand, PublisherArgs, SubscriberArgs};
use super::token::Token;
use super::with_problems;
use crate::ending::fail;
use crate::{FAILED, WRONG_CONFIGURATION, say};

/// What somebody wants a token for.
struct Wish<'a> {
    prefix: &'static str,
    table: &'static str,
    name: Option<&'a str>,
    operator: Option<&'a str>,
    lists: Vec<(&'static str, &'a [String])>,
    common: &'a Common,
}

/// Runs the command.
pub fn run(whose: &NewCommand) -> ExitCode {
    let wish = Wish::of(whose);
    let json = wish.common.way.json;
    let (settings, catalogue) = match wish.common.way.settings() {
        Ok(both) => both,
        Err(ended) => return ended,
    };
    let token = match Token::new(wish.prefix) {
        Ok(token) => token,
        Err(error) => return fail(json, FAILED, &format!("{error:#}")),
    };
    let lines = wish.lines(&token.sha256);
    let kept = wish.check(&lines, &catalogue, wall_ms()).and_then(|()| match &wish.common.append {
        Some(file) => append::append(file, &lines, &catalogue),
        None => Ok(()),
    });
    match kept {
        Ok(()) => tell(&wish, &token, &lines, &settings),
        Err(wrong @ NotAppended::Wrong(_)) => fail(json, WRONG_CONFIGURATION, &wrong),
        Err(failed @ NotAppended::Failed(_)) => fail(json, FAILED, &format!("{failed:#}")),
    }
}

impl<'a> Wish<'a> {
    fn of(whose: &'a NewCommand) -> Self {
        let wish =
            |prefix, table, name, lists, common| Self { prefix, table, name, operator: None, lists, common };
        match whose {
            NewCommand::Subscriber(SubscriberArgs { operator, clients, events, scopes, name, common }) => {
                let lists = vec![("clients", clients.as_slice()), ("events", events), ("scopes", scopes)];
                let wish = wish("aero_sub_", "tokens", name.as_deref(), lists, common);
                Self { operator: Some(operator), ..wish }
            }
            NewCommand::Publisher(PublisherArgs { name, operators, common }) => {
                wish("aero_pub_", "publishers", Some(name), vec![("operators", operators.as_slice())], common)
            }
            NewCommand::Admin(AdminArgs { name, scopes, common }) => {
                wish("aero_adm_", "admins", Some(name), vec![("scopes", scopes.as_slice())], common)
            }
        }
    }

    /// The lines of the file; what is not said stands nowhere.
    fn lines(&self, sha256: &str) -> String {
        let text = |key: &str, value: Option<&str>| {
            value.map(|value| format!("{key} = {}\n", quoted(value))).unwrap_or_default()
        };
        let list = |(key, values): &(&str, &[String])| {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            if values.is_empty() { String::new() } else { format!("{key} = [{}]\n", values.join(", ")) }
        };
        format!(
            "[[{}]]\n{}{}{}{}{}",
            self.table,
            text("name", self.name),
            text("sha256", Some(sha256)),
            text("operator", self.operator),
            self.lists.iter().map(list).collect::<String>(),
            text("expires", self.common.expires.as_deref()),
        )
    }

    /// Whether the lines would do in a file that has the operators they name, and not only until now.
    fn check(&self, lines: &str, catalogue: &Catalogue, now_ms: i64) -> Result<(), NotAppended> {
        let listed = self.lists.iter().filter(|(key, _)| *key == "operators").flat_map(|(_, ids)| *ids);
        let operators: Vec<&str> = self.operator.into_iter().chain(listed.map(String::as_str)).collect();
        let mut file = lines.to_owned();
        for (index, id) in operators.iter().enumerate() {
            if *id != "*" && !operators.iter().take(index).any(|earlier| earlier == id) {
                file.push_str(&format!("[[operators]]\nid = {}\n", quoted(id)));
            }
        }
        match Credentials::parse(&file, catalogue) {
            Ok(made) => match &self.common.expires {
                Some(end) if made.next_expiry_ms(now_ms).is_none() => {
                    let wrong =
                        format!("no token was made: it would have expired, for --expires {end} is past");
                    Err(NotAppended::Wrong(wrong))
                }
                Some(_) | None => Ok(()),
            },
            Err(problems) => {
                let wrong = with_problems("no token was made, for its lines would not do:", &problems);
                Err(NotAppended::Wrong(format!("{wrong}\n\n{}", lines.trim_end())))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn tell(wish: &Wish<'_>, token: &Token, lines: &str, settings: &Settings) -> ExitCode {
    if wish.common.way.json {
        let file = wish.common.append.as_deref().map(|file| file.display().to_string());
        let told: Value = json!({
            "token": token.token, "sha256": token.sha256, "toml": lines, "appendedTo": file,
        });
        return say(&told.to_string());
    }
    match &wish.common.append {
        Some(file) => {
            remark(&format!(
                "Added to {}; api and ingest take it over within {} ms. This is the token, shown this once:",
                file.display(),
                settings.credentials.reload_ms
            ));
            say(&token.token)
        }
        None => {
            remark("The token, shown this once, and below it the lines for the credentials file:");
            say(&format!("{}\n\n{}", token.token, lines.trim_end()))
        }
    }
}

/// Whoever takes the token from standard output does not get this into it.
fn remark(text: &str) {
    use std::io::Write as _;
    // Nobody reads it when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_domain::credentials::token_sha256;
    use clap::Parser as _;

    /// 2026-01-01T00:00:00Z
    const NOW: i64 = 1_767_225_600_000;

    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        whose: NewCommand,
    }

    fn new(line: &str) -> NewCommand {
        Line::try_parse_from(["new"].into_iter().chain(line.split(' '))).unwrap().whose
    }

    fn lines(line: &str) -> (String, Result<(), NotAppended>) {
        let whose = new(line);
        let wish = Wish::of(&whose);
        let lines = wish.lines(&token_sha256("t"));
        let checked = wish.check(&lines, &Catalogue::builtin(), NOW);
        (lines.replace(&token_sha256("t"), "HASH"), checked)
    }

    #[test]
    fn the_lines_say_what_was_said_and_nothing_else() {
        let (subscriber, checked) = lines(
            "subscriber --operator OPX --client a --client b --events FLIGHT_*,OrderCreated --scopes read --name n \
             --expires 2027-01-31T00:00:00Z",
        );
        checked.unwrap();
        assert_eq!(
            subscriber,
            "[[tokens]]\nname = \"n\"\nsha256 = \"HASH\"\noperator = \"OPX\"\nclients = [\"a\", \"b\"]\n\
             events = [\"FLIGHT_*\", \"OrderCreated\"]\nscopes = [\"read\"]\nexpires = \"2027-01-31T00:00:00Z\"\n"
        );
        let (subscriber, checked) = lines("subscriber --operator OPX --client a");
        checked.unwrap();
        assert_eq!(subscriber, "[[tokens]]\nsha256 = \"HASH\"\noperator = \"OPX\"\nclients = [\"a\"]\n");
        let (publisher, checked) = lines("publisher --name p --operators OPX,*,OPY");
        checked.unwrap();
        assert!(publisher.starts_with("[[publishers]]\nname = \"p\"\n"), "{publisher}");
        let (admin, checked) = lines("admin --name a\"b --scopes read,write");
        checked.unwrap();
        assert!(admin.contains("name = 'a\"b'\n") || admin.contains("name = \"a\\\"b\"\n"), "{admin}");
    }

    #[test]
    fn what_would_not_do_is_told() {
        for (line, word) in [
            ("subscriber --operator OPX --client a --events NOTHING", "tokens[0].events[0]"),
            ("subscriber --operator OPX --client admin:a", "tokens[0].clients[0]"),
            ("subscriber --operator OPX --client a --scopes admin", "[[admins]]"),
            ("admin --name a --expires soon", "admins[0].expires"),
            ("admin --name a --expires 2026-01-01T00:00:00Z", "is past"),
        ] {
            let wrong = lines(line).1.unwrap_err().to_string();
            assert!(wrong.contains(word), "{line}: {wrong}");
        }
    }
}
