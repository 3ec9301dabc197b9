//! One row.

use aerogram_domain::escalations::{Fault, State};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Escalation, Outcome, Reason, Resolution, ResolutionKind};

/// A delivery that was given up.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    pub key: RunKey,
    /// Where its record stands in `escalations`.
    pub partition: i32,
    pub offset: i64,
    /// When it was given up, in milliseconds since 1970.
    pub escalated_at_ms: i64,
    pub partner: String,
    pub operator: String,
    pub subscription_id: String,
    pub event_type: String,
    pub event_id: String,
    pub subject: String,
    pub environment: String,
    pub reason: Reason,
    /// How the last attempt ended; `None`: none was made.
    pub last_outcome: Option<Outcome>,
    /// HTTP status of the last attempt; 0: none was received.
    pub last_status: u32,
    /// Attempts that were made.
    pub attempts: u32,
    /// What people made of it, the one that counts.
    pub resolution: Option<Resolution>,
}

impl Row {
    /// Of the record at this place; `None` when it has no delivery, or one without event or owner.
    pub fn of(partition: i32, offset: i64, key: RunKey, record: &Escalation) -> Option<Self> {
        let delivery = record.delivery.as_ref()?;
        let (scope, event) = (delivery.scope.as_ref()?, delivery.event.as_ref()?);
        let last = record.attempts.last();
        // Past the cap of a history attempts are left out, so its length does not tell.
        let attempts = last.map_or(0, |last| last.number);
        Some(Self {
            key,
            partition,
            offset,
            escalated_at_ms: record.escalated_at_ms,
            partner: scope.partner.clone(),
            operator: scope.operator.clone(),
            subscription_id: delivery.subscription_id.clone(),
            event_type: event.r#type.clone(),
            event_id: event.id.clone(),
            subject: event.subject.clone(),
            environment: event.environment.clone(),
            reason: record.reason(),
            last_outcome: last.map(|last| last.outcome()),
            last_status: last.map_or(0, |last| last.status),
            attempts: attempts.max(u32::try_from(record.attempts.len()).unwrap_or(u32::MAX)),
            resolution: record.resolution.clone(),
        })
    }

    pub fn fault(&self) -> Fault {
        Fault::of(self.reason, self.last_outcome)
    }

    pub fn state(&self) -> State {
        State::of(self.resolution.as_ref())
    }

    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let kind: i32 = row.get("resolution_kind")?;
        let resolution = || {
            Ok::<_, rusqlite::Error>(Resolution {
                kind,
                actor: row.get("resolved_by")?,
                at_ms: row.get("resolved_at_ms")?,
                why: row.get("why")?,
                run: row.get::<_, i64>("new_run")?.cast_unsigned(),
            })
        };
        let reason: i32 = row.get("reason")?;
        let last_outcome: Option<i32> = row.get("last_outcome")?;
        Ok(Self {
            key: RunKey {
                delivery_id: row.get("delivery_id")?,
                run: row.get::<_, i64>("run")?.cast_unsigned(),
            },
            partition: row.get("partition")?,
            offset: row.get("offset")?,
            escalated_at_ms: row.get("escalated_at_ms")?,
            partner: row.get("partner")?,
            operator: row.get("operator")?,
            subscription_id: row.get("subscription_id")?,
            event_type: row.get("event_type")?,
            event_id: row.get("event_id")?,
            subject: row.get("subject")?,
            environment: row.get("environment")?,
            reason: Reason::try_from(reason).unwrap_or_default(),
            last_outcome: last_outcome.map(|outcome| Outcome::try_from(outcome).unwrap_or_default()),
            last_status: row.get("last_status")?,
            attempts: row.get("attempts")?,
            resolution: (kind != i32::from(ResolutionKind::Unspecified)).then(resolution).transpose()?,
        })
    }
}
