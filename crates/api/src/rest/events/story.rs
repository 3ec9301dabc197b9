//! Putting together what is known of the events with one id.

use std::collections::{BTreeMap, BTreeSet};

use aerogram_domain::escalations::Reader;
use aerogram_domain::identity::Position;
use aerogram_domain::time::iso_millis;
use aerogram_projection::{DeliveryRow, EventsById, Unmatched};
use aerogram_wire::v1::{Envelope, Origin};

use super::near_misses::{Got, NearMisses};
use super::view::{DeliveryStory, EventStory, OriginView, PositionView};
use super::{Api, EVENTS_MAX, Keeper, Problem, count};
use crate::history::NotRead;
use crate::rest::deliveries::{Summary, attempts};

/// What the projection has.
pub struct Found {
    /// The keeper's deliveries, oldest first.
    pub own: Vec<DeliveryRow>,
    /// There are more of them.
    pub more: bool,
    /// What is known of events of its operator.
    pub known: EventsById,
}

/// What is told.
pub struct Told {
    /// Oldest first.
    pub events: Vec<EventStory>,
    /// Later ones.
    pub left_out: u64,
}

/// What is known of one event; what is `None` is not.
pub struct Known {
    pub event_type: String,
    pub subject: String,
    pub operator: String,
    pub environment: String,
    /// Empty: none.
    pub contract: Option<String>,
    pub source: Option<String>,
    /// In milliseconds since 1970.
    pub accepted_at_ms: Option<i64>,
    origin: Option<Origin>,
    repeats: Option<Position>,
}

impl Known {
    fn of_delivery(row: &DeliveryRow) -> Self {
        let is_live = row.key.run == 0 && !row.about.once;
        Self {
            event_type: row.about.event_type.clone(),
            subject: row.about.subject.clone(),
            operator: row.about.operator.clone(),
            environment: row.about.environment.clone(),
            contract: None,
            source: None,
            accepted_at_ms: is_live.then_some(row.about.issued_at_ms),
            origin: None,
            repeats: None,
        }
    }

    fn of_unmatched(name: Unmatched) -> Self {
        Self {
            event_type: name.event_type,
            subject: name.subject,
            operator: name.operator,
            environment: name.environment,
            contract: Some(name.contract),
            source: Some(name.source),
            accepted_at_ms: Some(name.accepted_at_ms),
            origin: None,
            repeats: name.repeats,
        }
    }

    /// As it stands in the log.
    fn read(&mut self, envelope: Envelope) {
        if let Some(event) = envelope.event {
            self.contract = Some(event.contract);
            self.source = Some(event.source);
            self.accepted_at_ms = Some(envelope.accepted_at_ms);
            self.origin = envelope.origin;
        }
    }
}

/// One event, and which of the deliveries are its own.
struct Gathered {
    known: Known,
    deliveries: Vec<DeliveryRow>,
}

/// By where they stand; those of `None` are tests of ours, which stand nowhere.
fn gather(own: Vec<DeliveryRow>, known: EventsById) -> BTreeMap<Option<Position>, Gathered> {
    let place = |row: &DeliveryRow| (!row.about.once).then_some(row.about.event_position);
    let mut events: BTreeMap<Option<Position>, Gathered> = BTreeMap::new();
    for row in own {
        let gathered = events.entry(place(&row)).or_insert_with(|| Gathered::of(Known::of_delivery(&row)));
        gathered.known.accepted_at_ms =
            gathered.known.accepted_at_ms.or(Known::of_delivery(&row).accepted_at_ms);
        gathered.deliveries.push(row);
    }
    // A test is nobody's but its owner's.
    for row in known.deliveries.iter().filter(|row| !row.about.once) {
        events.entry(place(row)).or_insert_with(|| Gathered::of(Known::of_delivery(row)));
    }
    for name in known.unmatched {
        events.entry(Some(name.position)).or_insert_with(|| Gathered::of(Known::of_unmatched(name)));
    }
    events
}

impl Gathered {
    const fn of(known: Known) -> Self {
        Self { known, deliveries: Vec::new() }
    }
}

impl Api {
    /// The events that the keeper may know of, oldest first.
    pub(super) async fn events(
        &self,
        keeper: &Keeper,
        event_id: &str,
        Found { own, more, known }: Found,
    ) -> Result<Told, Problem> {
        let mut events: Vec<_> = gather(own, known)
            .into_iter()
            .filter(|(_, event)| !event.deliveries.is_empty() || keeper.may_have(&event.known.event_type))
            .collect();
        events.sort_by_key(|(place, event)| (event.known.accepted_at_ms, *place));
        let left_out = count(events.len().saturating_sub(EVENTS_MAX));
        events.truncate(EVENTS_MAX);
        let (mut told, mut readable) = (Vec::with_capacity(events.len()), true);
        for (place, mut event) in events {
            if let Some(position) = place.filter(|_| readable) {
                match self.history.events.read(position).await {
                    // At its place there may be another one, of a log that was made anew.
                    Ok(envelope) if envelope.event.as_ref().is_some_and(|event| event.id == event_id) => {
                        event.known.read(envelope);
                    }
                    Ok(_) | Err(NotRead::Gone) => {}
                    Err(error) => {
                        // The others would be waited for in vain as well; what is known without them is told.
                        tracing::warn!("an event is not read back: {error}");
                        readable = false;
                    }
                }
            }
            told.push(self.event(keeper, event_id, place, event, more).await?);
        }
        Ok(Told { events: told, left_out })
    }

    async fn event(
        &self,
        keeper: &Keeper,
        event_id: &str,
        place: Option<Position>,
        Gathered { known, deliveries }: Gathered,
        more: bool,
    ) -> Result<EventStory, Problem> {
        let subscriptions: BTreeSet<_> =
            deliveries.iter().map(|row| row.about.subscription_id.as_str()).collect();
        // For what repeats another event nobody was looked for, and for a test nobody but its own.
        let near = match place.filter(|_| known.repeats.is_none()) {
            Some(position) => {
                let got = Got { subscriptions: &subscriptions, more, position };
                self.near_misses(keeper, event_id, &known, got).await?
            }
            None => NearMisses::default(),
        };
        let next = self.next(&deliveries).await;
        let stories = deliveries.iter().zip(next).map(|(row, next)| DeliveryStory {
            summary: Summary::of(row, keeper.reader),
            attempts: attempts(row, keeper.reader),
            next,
        });
        let origin = known.origin.as_ref().filter(|_| keeper.reader == Reader::Administrator);
        Ok(EventStory {
            source: known.source,
            r#type: known.event_type,
            subject: known.subject,
            operator: known.operator,
            contract: known.contract.filter(|contract| !contract.is_empty()),
            environment: known.environment,
            accepted_at_date_time: known.accepted_at_ms.map(iso_millis),
            repeats: known.repeats.map(PositionView::of),
            origin: origin.map(OriginView::of),
            deliveries: stories.collect(),
            near_misses: near.shown,
            near_misses_left_out: near.left_out,
        })
    }
}
