//! What happens in the demo: flights and the orders on them, a few at a time, each told from its beginning to its end.
//! The times inside are those of real flights; only the telling is fast.

mod airports;
mod flight;
mod order;
#[cfg(test)]
mod tests;

use crate::customers::{BOREALIS, SKYHOP};
use aerogram_testkit::{Record, UpstreamEvent};
use flight::Flight;
use order::Order;
use serde_json::Value;
use std::collections::VecDeque;
use uuid::Uuid;

/// Stories told side by side.
const OPEN_MAX: usize = 3;
/// A story begins when the latest one has come this far.
const STAGGER: usize = 4;

/// One event to publish.
pub struct Next {
    pub topic: &'static str,
    pub event: UpstreamEvent,
    /// What it is about, for people.
    pub label: String,
    structured: bool,
}

impl Next {
    /// As it goes to Kafka: every other event in the structured mode of CloudEvents, the rest in the binary one.
    pub fn record(&self) -> Record {
        if self.structured { self.event.structured() } else { self.event.binary() }
    }
}

/// A step of a story: an event without its id and time.
struct Step {
    topic: &'static str,
    source: &'static str,
    kind: &'static str,
    operator: &'static str,
    environment: Option<&'static str>,
    subject: String,
    label: String,
    data: Value,
}

struct Story {
    told: usize,
    steps: VecDeque<Step>,
}

/// All stories of a run, without end.
pub struct Stories {
    run: String,
    random: fastrand::Rng,
    begun: u32,
    published: u64,
    open: VecDeque<Story>,
}

impl Stories {
    pub fn new() -> Self {
        let run = Uuid::new_v4().simple().to_string();
        let run = run.get(..8).unwrap_or_default().to_owned();
        Self { run, random: fastrand::Rng::new(), begun: 0, published: 0, open: VecDeque::new() }
    }

    /// The next event; it happens now.
    pub fn next(&mut self) -> Next {
        let step = loop {
            let latest = self.open.iter().map(|story| story.told).min();
            if self.open.len() < OPEN_MAX && latest.is_none_or(|told| told >= STAGGER) {
                let story = self.begin();
                self.open.push_back(story);
            }
            // One step of each story in turn.
            let Some(mut story) = self.open.pop_front() else { continue };
            let Some(step) = story.steps.pop_front() else { continue };
            story.told += 1;
            if !story.steps.is_empty() {
                self.open.push_back(story);
            }
            break step;
        };
        self.published += 1;
        let id = format!("demo-{}-{}", self.run, self.published);
        let mut event = UpstreamEvent::new(id, step.kind, step.operator, &step.subject, step.data);
        step.source.clone_into(&mut event.source);
        event.environment = step.environment.map(ToOwned::to_owned);
        Next { topic: step.topic, event, label: step.label, structured: self.published.is_multiple_of(2) }
    }

    fn begin(&mut self) -> Story {
        self.begun += 1;
        // Now and then a flight that is nobody's business: of an operator without subscriptions, or one for testing.
        let (operator, environment) = match self.begun % 8 {
            4 => (BOREALIS, None),
            7 => (SKYHOP, Some("non-production")),
            _ => (SKYHOP, None),
        };
        let flight = Flight::any(&mut self.random, operator, environment);
        let order = Order::on(&flight, &mut self.random);
        let cancelled = self.begun.is_multiple_of(6);
        Story { told: 0, steps: told(&flight, &order, cancelled).into() }
    }
}

/// Who tells what in which order.
fn told(flight: &Flight, order: &Order, cancelled: bool) -> Vec<Step> {
    let mut steps = vec![
        flight.created(),
        order.created(),
        flight.crew_assigned(),
        order.ticketed(),
        flight.handling_assigned(),
        flight.passengers_counted(),
        flight.delayed(),
    ];
    if cancelled {
        steps.extend([flight.cancelled(), order.flight_cancelled(), order.disrupted()]);
    } else {
        steps.extend([
            order.disrupted(),
            order.flight_time_changed(),
            order.itinerary_changed(),
            flight.departed(),
            flight.arrived(),
            flight.closed(),
        ]);
    }
    steps
}

/// An event to publish by hand.
pub struct Sample {
    pub kind: &'static str,
    pub subject: String,
    pub data: Value,
}

/// The creation of a flight of the operator that everybody can see.
pub fn sample() -> Sample {
    let created = Flight::any(&mut fastrand::Rng::with_seed(7), SKYHOP, None).created();
    let mut data = created.data;
    if let Some(data) = data.as_object_mut() {
        // The less is to be copied, the better.
        for optional in ["aircraftType", "passengers", "registration"] {
            data.remove(optional);
        }
    }
    Sample { kind: created.kind, subject: created.subject, data }
}
