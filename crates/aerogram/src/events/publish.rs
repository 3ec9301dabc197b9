//! `aerogram events publish`: to a topic or over HTTP.

use std::process::ExitCode;

use aerogram_ingest::Intake;
use aerogram_settings::Settings;
use anyhow::bail;
use serde::Serialize;

use super::options::PublishArgs;
use super::read::read_all;
use super::{kafka, over_http};
use crate::http::Http;
use crate::runtime::block_on;
use crate::table::{Table, cut};
use crate::{FAILED, WRONG_CONFIGURATION, complain, say, with_settings};

pub fn run(args: &PublishArgs) -> ExitCode {
    let settings = match with_settings(&args.role) {
        Ok(settings) => settings,
        Err(ended) => return ended,
    };
    let to = match destination(args, &settings) {
        Ok(to) => to,
        Err(error) => return complain(WRONG_CONFIGURATION, &format!("{error:#}")),
    };
    block_on(async {
        let found = read_all(&args.files)?;
        let published = match &to {
            To::Topic(target) => match target.publish(&settings, &found, args.unchecked).await? {
                kafka::Done::Published(published) => published,
                kafka::Done::Refused(said) => {
                    say(&said);
                    return Ok(ExitCode::from(FAILED));
                }
            },
            To::Ingest(http) => over_http::publish(http, &found).await?,
        };
        let said = if args.json {
            say(&serde_json::to_string_pretty(&published)?)
        } else {
            say(&render(&published, &to))
        };
        Ok(if published.iter().all(|one| one.acknowledged) { said } else { ExitCode::from(FAILED) })
    })
}

/// Where events are published to.
enum To {
    Topic(kafka::Target),
    Ingest(Http),
}

/// # Errors
/// The command line or the configuration is wrong; nothing was read or sent yet.
fn destination(args: &PublishArgs, settings: &Settings) -> anyhow::Result<To> {
    match (&args.topic, &args.http) {
        (Some(topic), _) => {
            let intake = Intake::from_settings(settings).map_err(|problems| anyhow::anyhow!("{problems}"))?;
            Ok(To::Topic(kafka::Target::new(&intake, topic)?))
        }
        (None, Some(url)) => Ok(To::Ingest(over_http::connect(url, &args.access)?)),
        // The command line is not accepted without one of them.
        (None, None) => bail!("give --topic or --http"),
    }
}

/// What became of one event.
#[derive(Debug, Serialize)]
pub struct Published {
    /// File and line.
    pub place: String,
    /// By Kafka, or by ingest.
    pub acknowledged: bool,
    /// Whether ingest has accepted it, or will; not so where that was not checked or is known to be otherwise.
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
        Self {
            place: place.to_owned(),
            acknowledged: false,
            accepted: false,
            id,
            partition: None,
            offset: None,
            errors,
        }
    }

    pub fn accepted(place: &str, id: String) -> Self {
        Self {
            place: place.to_owned(),
            acknowledged: true,
            accepted: true,
            id,
            partition: None,
            offset: None,
            errors: Vec::new(),
        }
    }
}

fn render(published: &[Published], to: &To) -> String {
    // What stands in a topic is not yet accepted.
    let (good, bad) = match to {
        To::Topic(_) => ("acknowledged", "failed"),
        To::Ingest(_) => ("accepted", "refused"),
    };
    let mut table = Table::new(&["WHERE", "RESULT", "ID", "PARTITION", "OFFSET"]);
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    for one in published {
        let result = if one.acknowledged { good } else { bad };
        let cells = vec![
            cut(&one.place, 60),
            result.to_owned(),
            cut(&one.id, 60),
            number(one.partition.map(i64::from)),
            number(one.offset),
        ];
        table.push(cells, one.errors.iter().map(|error| cut(error, 400)).collect());
    }
    let failed = published.iter().filter(|one| !one.acknowledged).count();
    let done = published.len() - failed;
    format!("{}\n{} events: {done} {good}, {failed} {bad}", table.render(), published.len())
}
