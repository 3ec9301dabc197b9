//! Publishing to a topic, as an upstream service does.

use std::collections::VecDeque;

use aerogram_domain::intake::{Format, SchemaCheck};
use aerogram_ingest::Intake;
use aerogram_kafka::UpstreamWriter;
use aerogram_settings::Settings;
use anyhow::bail;
use bytes::Bytes;
use serde_json::Value;

use super::publish::Published;
use super::read::Found;
use super::validate::Judge;
use super::verdict::render;

/// Records handed over and not acknowledged.
const IN_FLIGHT_MAX: usize = 1_000;
const STRUCTURED: &str = "application/cloudevents+json; charset=UTF-8";

/// How it ended.
pub enum Done {
    Published(Vec<Published>),
    /// Nothing was published; this says why.
    Refused(String),
}

/// A topic, and what ingest takes its records for.
pub struct Target {
    topic: String,
    content_type: &'static str,
    judge: Judge,
}

impl Target {
    /// # Errors
    /// The topic is read in a form that files of JSON cannot hold.
    pub fn new(intake: &Intake, topic: &str) -> anyhow::Result<Self> {
        let source = intake.source_of(topic);
        let content_type = match source.map(|source| &source.format) {
            Some(Format::Protobuf) => {
                bail!(
                    "ingest.sources reads {topic} as protobuf, which a JSON file does not hold; choose another topic"
                )
            }
            Some(Format::Json(_)) => "application/json",
            Some(Format::CloudEvents) | None => STRUCTURED,
        };
        let judge = Judge::new(intake, source.map(|source| source.topic.as_str()), SchemaCheck::Off)?;
        Ok(Self { topic: topic.to_owned(), content_type, judge })
    }

    /// Writes the events in their order and waits for every acknowledgement.
    ///
    /// # Errors
    /// There is no such topic, or nobody takes records. It says how many were published before.
    pub async fn publish(
        &self,
        settings: &Settings,
        found: &[Found],
        unchecked: bool,
    ) -> anyhow::Result<Done> {
        let events: Vec<Event<'_>> = found.iter().map(|found| Event::new(&self.judge, found)).collect();
        if !unchecked && events.iter().any(|event| !event.accepted) {
            let verdicts: Vec<_> = found.iter().map(|found| self.judge.verdict(found)).collect();
            let said = render(&verdicts);
            return Ok(Done::Refused(format!(
                "{said}\nnothing was published; --unchecked publishes it nevertheless"
            )));
        }
        let writer = UpstreamWriter::connect(settings, &self.topic).await?;
        let headers = [("content-type", self.content_type)];
        let (mut published, mut under_way) = (Vec::with_capacity(events.len()), VecDeque::new());
        // What is not JSON at all has no end, so there is nothing to write for it.
        let (events, unreadable): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|event| event.unreadable.is_none());
        for event in events {
            if under_way.len() >= IN_FLIGHT_MAX
                && let Some((event, acknowledged)) = under_way.pop_front()
            {
                published.push(outcome(event, acknowledged.await));
            }
            match writer.enqueue(event.key.as_bytes(), &event.payload, &headers).await {
                Ok(acknowledged) => under_way.push_back((event, acknowledged)),
                Err(error) => {
                    for (event, acknowledged) in under_way {
                        published.push(outcome(event, acknowledged.await));
                    }
                    let acknowledged = published.iter().filter(|one| one.acknowledged).count();
                    bail!("{acknowledged} events were published; then {}: {error}", event.place)
                }
            }
        }
        for (event, acknowledged) in under_way {
            published.push(outcome(event, acknowledged.await));
        }
        published.extend(
            unreadable.into_iter().map(|event| {
                Published::failed(event.place, event.id, event.unreadable.into_iter().collect())
            }),
        );
        Ok(Done::Published(published))
    }
}

struct Event<'a> {
    place: &'a str,
    accepted: bool,
    id: String,
    key: String,
    payload: Bytes,
    /// Why there is no payload.
    unreadable: Option<String>,
}

impl<'a> Event<'a> {
    fn new(judge: &Judge, found: &'a Found) -> Self {
        let place = found.place.as_str();
        let payload = match found.event.clone() {
            Ok(payload) => payload,
            Err(why) => {
                return Self {
                    place,
                    accepted: false,
                    id: String::new(),
                    key: String::new(),
                    payload: Bytes::new(),
                    unreadable: Some(why),
                };
            }
        };
        match judge.decide(&payload).ok().and_then(|accepted| accepted.envelope.event) {
            Some(event) => {
                Self { place, accepted: true, id: event.id, key: event.subject, payload, unreadable: None }
            }
            None => {
                let body: Value = serde_json::from_slice(&payload).unwrap_or_default();
                let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
                let (id, subject) = (text("id"), text("subject"));
                let key = if subject.is_empty() { id.clone() } else { subject };
                Self { place, accepted: false, id, key, payload, unreadable: None }
            }
        }
    }
}

fn outcome(
    event: Event<'_>,
    written: Result<aerogram_kafka::Written, aerogram_kafka::WriteError>,
) -> Published {
    match written {
        Ok(written) => {
            let offset = (written.offset >= 0).then_some(written.offset);
            Published {
                accepted: event.accepted,
                partition: Some(written.partition),
                offset,
                ..Published::accepted(event.place, event.id)
            }
        }
        Err(error) => Published::failed(event.place, event.id, vec![error.to_string()]),
    }
}
