//! What a record says of a run.

use aerogram_domain::history::Record;
use aerogram_domain::identity::Position;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Delivery, PendingEntry, PendingKind};

use crate::events::{EventCursor, Named, words_of};

/// A record of `deliveries`, or an entry of `pending`.
#[derive(Clone, PartialEq, Debug)]
pub struct Issued {
    pub key: RunKey,
    pub about: About,
    pub record: Record,
    /// By which its event is searched for; those of the first record of a live run are enough.
    pub words: Vec<String>,
}

/// What never changes about a run.
#[derive(Clone, PartialEq, Debug)]
pub struct About {
    pub partner: String,
    pub operator: String,
    pub subscription_id: String,
    pub event_type: String,
    pub event_id: String,
    pub subject: String,
    pub environment: String,
    /// Where the event stands in `events`.
    pub event_position: Position,
    /// When the run was asked for, in milliseconds since 1970; of the live run, when its event was accepted.
    pub issued_at_ms: i64,
    /// One attempt, whatever comes of it: a test event.
    pub once: bool,
}

impl Issued {
    /// Of a record of `deliveries` that was appended then; `None` when it has no event, no owner, or no id of 16 bytes.
    pub fn of_delivery(delivery: &Delivery, appended_at_ms: i64) -> Option<Self> {
        Self::of(delivery, None, 0, appended_at_ms)
    }

    /// Of an entry of `pending`; `None` as well when it has no delivery.
    pub fn of_entry(entry: &PendingEntry, appended_at_ms: i64) -> Option<Self> {
        Self::of(entry.delivery.as_ref()?, Some(entry.kind()), entry.due_at_ms, appended_at_ms)
    }

    /// Its event, as words lead to it.
    pub(crate) fn named(&self) -> Named<'_> {
        let About { operator, event_id, event_position, issued_at_ms, .. } = &self.about;
        // Live runs, which alone have words, are issued when their event is accepted.
        let at = EventCursor { accepted_at_ms: *issued_at_ms, position: *event_position };
        Named { at, operator, event_id, words: &self.words }
    }

    fn of(
        delivery: &Delivery,
        waits: Option<PendingKind>,
        due_at_ms: i64,
        appended_at_ms: i64,
    ) -> Option<Self> {
        let (scope, event) = (delivery.scope.as_ref()?, delivery.event.as_ref()?);
        let at = delivery.event_position.unwrap_or_default();
        let issued_at_ms = match delivery.issued_at_ms {
            0 => delivery.accepted_at_ms,
            asked_for_ms => asked_for_ms,
        };
        let is_first = delivery.seq == 0 && !delivery.from_pending;
        Some(Self {
            key: RunKey::new(&delivery.delivery_id, delivery.run)?,
            about: About {
                partner: scope.partner.clone(),
                operator: scope.operator.clone(),
                subscription_id: delivery.subscription_id.clone(),
                event_type: event.r#type.clone(),
                event_id: event.id.clone(),
                subject: event.subject.clone(),
                environment: event.environment.clone(),
                event_position: Position { partition: at.partition, offset: at.offset },
                issued_at_ms,
                once: delivery.once,
            },
            words: words_of(delivery),
            record: Record {
                seq: delivery.seq,
                waits,
                due_at_ms,
                attempts_made: delivery.attempts_made,
                history: delivery.history.clone(),
                since_ms: if is_first { issued_at_ms } else { appended_at_ms },
            },
        })
    }
}
