//! `aerogram events publish`: to a topic or over HTTP.

use std::process::ExitCode;

use serde::Serialize;

use super::options::PublishArgs;
use super::read::read_all;
use super::{kafka, over_http};
use crate::runtime::block_on;
use crate::table::{Table, cut};
use crate::{FAILED, say, with_settings};

pub fn run(args: &PublishArgs) -> ExitCode {
    let settings = match with_settings(&args.role) {
        Ok(settings) => settings,
        Err(ended) => return ended,
    };
    block_on(async {
        let found = read_all(&args.files)?;
        let published = match (&args.topic, &args.http) {
            (Some(topic), _) => match kafka::publish(&settings, topic, &found, args.unchecked).await? {
                kafka::Done::Published(published) => published,
                kafka::Done::Refused(said) => {
                    say(&said);
                    return Ok(ExitCode::from(FAILED));
                }
            },
            (None, Some(url)) => over_http::publish(url, &args.access, &found).await?,
            // The command line is not accepted without one of them.
            (None, None) => Vec::new(),
        };
        let said = if args.json {
            say(&serde_json::to_string_pretty(&published)?)
        } else {
            say(&render(&published))
        };
        Ok(if published.iter().all(|one| one.accepted) { said } else { ExitCode::from(FAILED) })
    })
}

/// What became of one event.
#[derive(Debug, Serialize)]
pub struct Published {
    /// File and line.
    pub place: String,
    /// Whether it was acknowledged.
    pub accepted: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Where it stands in Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

impl Published {
    pub fn failed(place: &str, id: String, errors: Vec<String>) -> Self {
        Self { place: place.to_owned(), accepted: false, id, partition: None, offset: None, errors }
    }

    pub fn accepted(place: &str, id: String) -> Self {
        Self {
            place: place.to_owned(),
            accepted: true,
            id,
            partition: None,
            offset: None,
            errors: Vec::new(),
        }
    }
}

fn render(published: &[Published]) -> String {
    let mut table = Table::new(&["WHERE", "RESULT", "ID", "PARTITION", "OFFSET"]);
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    for one in published {
        let result = if one.accepted { "accepted" } else { "refused" };
        let cells = vec![
            cut(&one.place, 60),
            result.to_owned(),
            cut(&one.id, 60),
            number(one.partition.map(i64::from)),
            number(one.offset),
        ];
        table.push(cells, one.errors.iter().map(|error| cut(error, 400)).collect());
    }
    let refused = published.iter().filter(|one| !one.accepted).count();
    let accepted = published.len() - refused;
    format!("{}\n{} events: {accepted} accepted, {refused} refused", table.render(), published.len())
}
