//! `aerogram events validate`: what would become of events.

use std::process::ExitCode;
use std::sync::Arc;

use aerogram_domain::credentials::Operators;
use aerogram_domain::intake::{self, Accepted, Format, Incoming, Policy, Refusal, SchemaCheck};
use aerogram_ingest::{Intake, Source};
use aerogram_telemetry::wall_ms;
use aerogram_wire::v1::Origin;
use anyhow::Context as _;
use bytes::Bytes;

use super::options::ValidateArgs;
use super::read::{Found, read, read_all};
use super::verdict::{Verdict, render};
use crate::{FAILED, WRONG_CONFIGURATION, complain, say, with_settings};

pub fn run(args: &ValidateArgs) -> ExitCode {
    let settings = match with_settings(&args.role) {
        Ok(settings) => settings,
        Err(ended) => return ended,
    };
    let judge = match Intake::from_settings(&settings) {
        Ok(intake) => {
            Judge::new(&intake, args.source.as_deref(), SchemaCheck::Warn(Arc::clone(&intake.schemas)))
        }
        Err(problems) => return complain(WRONG_CONFIGURATION, &problems),
    };
    let judge = match judge {
        Ok(judge) => judge,
        Err(error) => return complain(WRONG_CONFIGURATION, &error),
    };
    let verdicts = match judge.files(args) {
        Ok(verdicts) => verdicts,
        Err(error) => return complain(FAILED, &format!("{error:#}")),
    };
    let said = if args.json {
        // Texts and numbers always become JSON.
        say(&serde_json::to_string_pretty(&verdicts).unwrap_or_default())
    } else {
        say(&render(&verdicts))
    };
    if verdicts.iter().all(|verdict| verdict.accepted) { said } else { ExitCode::from(FAILED) }
}

/// By which rules events are judged.
pub struct Judge {
    policy: Policy,
    /// `None`: as `POST /v1/events` reads.
    source: Option<Arc<Source>>,
}

impl Judge {
    /// By the rules of the source of that topic, or of `POST /v1/events`; where those do not compare with schemas, `otherwise`.
    ///
    /// # Errors
    /// There is no such source.
    pub fn new(intake: &Intake, topic: Option<&str>, otherwise: SchemaCheck) -> anyhow::Result<Self> {
        let source = match topic {
            Some(topic) => Some(Arc::clone(intake.source_of(topic).with_context(|| {
                let known: Vec<_> = intake.sources.iter().map(|source| source.topic.as_str()).collect();
                unknown_source(topic, &known)
            })?)),
            None => None,
        };
        let mut policy = match &source {
            Some(source) => source.policy.clone(),
            None => intake.http_policy("aerogram events", Operators::All),
        };
        if matches!(policy.schema_check, SchemaCheck::Off) {
            policy.schema_check = otherwise;
        }
        Ok(Self { policy, source })
    }

    fn files(&self, args: &ValidateArgs) -> anyhow::Result<Vec<Verdict>> {
        if self.source.as_ref().is_some_and(|source| matches!(source.format, Format::Protobuf)) {
            // Such a file is one message; it has no lines.
            let one = |file: &std::path::PathBuf| {
                let message = read(file)?;
                Ok(self.verdict(&Found { place: file.display().to_string(), event: Ok(message) }))
            };
            return args.files.iter().map(one).collect();
        }
        Ok(read_all(&args.files)?.iter().map(|found| self.verdict(found)).collect())
    }

    pub fn verdict(&self, found: &Found) -> Verdict {
        match &found.event {
            Ok(event) => {
                Verdict::new(found.place.clone(), self.decide(event).as_ref(), &self.policy.catalogue)
            }
            Err(why) => Verdict::unreadable(found.place.clone(), why.clone()),
        }
    }

    /// What ingest would decide.
    pub fn decide(&self, event: &Bytes) -> Result<Accepted, Refusal> {
        let headers = [("content-type".to_owned(), Bytes::from_static(b"application/cloudevents+json"))];
        let incoming = Incoming { key: None, payload: Some(event), headers: &headers };
        let (format, topic) = match &self.source {
            Some(source) => (&source.format, source.topic.clone()),
            None => (&Format::CloudEvents, "http".to_owned()),
        };
        intake::accept(&self.policy, format, incoming, Origin { topic, partition: 0, offset: 0 }, wall_ms())
    }
}

fn unknown_source(topic: &str, known: &[&str]) -> String {
    match known {
        [] => format!(
            "{topic:?} is not in ingest.sources: no sources are configured; name the file that does with --config FILE"
        ),
        known => format!("{topic:?} is not in ingest.sources; there are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_sources_a_configuration_is_asked_for() {
        let said = unknown_source("orders", &[]);
        assert!(said.contains("no sources are configured") && said.contains("--config FILE"), "{said}");
        assert!(unknown_source("a", &["b", "c"]).ends_with("there are: b, c"));
    }
}
