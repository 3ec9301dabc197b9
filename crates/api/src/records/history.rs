//! Records of which history is made, as what they change.

use aerogram_domain::history::Claims;
use aerogram_kafka::Record;
use aerogram_projection::{Change, Issued, RejectedName, Unmatched};
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, Delivery, Envelope, Event, Line, PendingEntry, Receipt, Rejected};
use aerogram_wire::{Message, Topic};
use serde::Deserialize;

use super::{BadRecord, check_schema, decode};

/// Longest id of an event that anybody may ask for, in bytes: one that is accepted has up to 256 characters.
pub const EVENT_ID_MAX_BYTES: usize = 1_024;

/// Where a record stands, for what is wrong with it.
#[derive(Clone, Copy)]
struct Place<'a> {
    topic: Topic,
    partition: i32,
    record: &'a Record,
}

impl Place<'_> {
    fn bad(self, reason: impl Into<String>) -> BadRecord {
        let Self { topic, partition, record } = self;
        BadRecord { topic, partition, offset: record.offset, reason: reason.into() }
    }

    fn decode<M: Message + Default>(self, schema: impl Fn(&M) -> u32) -> Result<M, BadRecord> {
        let decoded: M = decode(self.record).map_err(|reason| self.bad(reason))?;
        check_schema(schema(&decoded)).map_err(|reason| self.bad(reason))?;
        Ok(decoded)
    }
}

/// Decodes a record of `events`.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn envelope(partition: i32, record: &Record) -> Result<Envelope, BadRecord> {
    Place { topic: Topic::Events, partition, record }.decode(|envelope: &Envelope| envelope.schema)
}

/// What a record of `deliveries` changes.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn delivery(partition: i32, record: &Record) -> Result<Change, BadRecord> {
    let place = Place { topic: Topic::Deliveries, partition, record };
    let decoded: Delivery = place.decode(|delivery: &Delivery| delivery.schema)?;
    let issued = Issued::of_delivery(&decoded, record.timestamp_ms);
    let issued = issued.ok_or_else(|| place.bad("has no event, no owner, or no id of 16 bytes"))?;
    Ok(Change::Issued(Box::new(issued)))
}

/// What a record of `pending` changes.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn pending(partition: i32, record: &Record) -> Result<Change, BadRecord> {
    let place = Place { topic: Topic::Pending, partition, record };
    if record.payload.is_none() {
        let key = record.key.as_ref().and_then(|key| PendingKey::decode(key));
        let key = key.ok_or_else(|| place.bad("has a key that names no entry"))?;
        return Ok(Change::LeftPending { key, appended_at_ms: record.timestamp_ms });
    }
    let decoded: PendingEntry = place.decode(|entry: &PendingEntry| entry.schema)?;
    let issued = Issued::of_entry(&decoded, record.timestamp_ms);
    let issued = issued.ok_or_else(|| place.bad("has no delivery, event or owner, or no id of 16 bytes"))?;
    Ok(Change::Issued(Box::new(issued)))
}

/// What a record of `attempts` changes; `claims` are those before it, and then those after it.
///
/// # Errors
/// When it is not one, or of a later schema; then the claims are as they were.
pub fn attempts(
    partition: i32,
    record: &Record,
    claims: &mut Claims,
    changes: &mut Vec<Change>,
) -> Result<(), BadRecord> {
    let place = Place { topic: Topic::Attempts, partition, record };
    let decoded: AttemptsRecord = place.decode(|record: &AttemptsRecord| record.schema)?;
    match decoded.body {
        Some(Body::Claim(claim)) => claims.claim(record.offset, claim.nonce),
        Some(Body::Batch(batch)) => {
            let keyed = |line: Line| {
                let key = RunKey::new(&line.delivery_id, line.run);
                Ok((key.ok_or_else(|| place.bad("has a line without an id of 16 bytes"))?, line))
            };
            let lines: Vec<_> = batch.lines.into_iter().map(keyed).collect::<Result<_, BadRecord>>()?;
            if claims.admits(batch.epoch) {
                let appended_at_ms = record.timestamp_ms;
                let change = |(key, line)| Change::Line { key, line: Box::new(line), appended_at_ms };
                changes.extend(lines.into_iter().map(change));
            }
        }
        None => return Err(place.bad("is neither a claim nor lines")),
    }
    Ok(())
}

/// What a record of `matches` changes.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn matches(partition: i32, record: &Record, changes: &mut Vec<Change>) -> Result<(), BadRecord> {
    let place = Place { topic: Topic::Matches, partition, record };
    let decoded: Receipt = place.decode(|receipt: &Receipt| receipt.schema)?;
    let unmatched = |receipt| Unmatched::of(partition, receipt, record.timestamp_ms);
    let unmatched = decoded.events.iter().filter_map(unmatched);
    changes.extend(unmatched.map(|unmatched| Change::Unmatched(Box::new(unmatched))));
    Ok(())
}

/// Decodes a record of `rejected`.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn rejected(partition: i32, record: &Record) -> Result<Rejected, BadRecord> {
    Place { topic: Topic::Rejected, partition, record }.decode(|rejected: &Rejected| rejected.schema)
}

/// What a record of `rejected` changes: nothing, where it is not known what its publisher called it.
pub fn rejection(offset: i64, rejected: &Rejected) -> Option<Change> {
    if let Some(settled) = &rejected.settled {
        return Some(Change::RejectedSettled { offset: settled.offset });
    }
    let name = RejectedName {
        offset,
        event_id: rejected_id(rejected)?,
        rejected_at_ms: rejected.rejected_at_ms,
        reason: rejected.reason.clone(),
        scope: rejected.scope.clone(),
        settled: false,
    };
    Some(Change::Rejected(Box::new(name)))
}

/// What of a CloudEvent in JSON is looked for.
#[derive(Deserialize)]
struct Named {
    id: String,
}

/// What its publisher may have called it: the header of a CloudEvent, the `id` of one in JSON, or that of one of our messages.
fn rejected_id(rejected: &Rejected) -> Option<String> {
    let header = rejected.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("ce_id"));
    let named = || serde_json::from_slice(&rejected.payload).ok().map(|Named { id }| id);
    // Almost anything can be taken for a message of another kind, so it must have what every event has.
    let message = || Event::decode(rejected.payload.clone()).ok().filter(|event| !event.r#type.is_empty());
    let id = header.map(|(_, id)| id.clone()).or_else(named).or_else(|| message().map(|event| event.id));
    id.filter(|id| (1..=EVENT_ID_MAX_BYTES).contains(&id.len()) && !id.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::SCHEMA;
    use aerogram_wire::v1::{Claim, LineBatch, LineKind, Settled};
    use bytes::Bytes;

    fn record(offset: i64, payload: Option<Vec<u8>>) -> Record {
        let payload = payload.map(Bytes::from);
        Record { offset, timestamp_ms: 9, key: None, payload, headers: Vec::new() }
    }

    fn told(claims: &mut Claims, offset: i64, body: Body) -> Result<usize, BadRecord> {
        let payload = AttemptsRecord { schema: SCHEMA, body: Some(body) }.encode_to_vec();
        let mut changes = Vec::new();
        attempts(0, &record(offset, Some(payload)), claims, &mut changes)?;
        Ok(changes.len())
    }

    fn lines(epoch: i64, delivery_id: &'static [u8]) -> Body {
        let line = Line {
            delivery_id: Bytes::from_static(delivery_id),
            kind: LineKind::Delivered.into(),
            ..Line::default()
        };
        Body::Batch(LineBatch { epoch, lines: vec![line.clone(), line] })
    }

    #[test]
    fn lines_of_former_owners_change_nothing() {
        let mut claims = Claims::default();
        let claim = |nonce| Body::Claim(Claim { nonce, ..Claim::default() });
        assert_eq!(told(&mut claims, 3, claim(1)), Ok(0));
        assert_eq!(told(&mut claims, 4, lines(3, &[1; 16])), Ok(2));
        assert_eq!(told(&mut claims, 7, claim(2)), Ok(0));
        assert_eq!(told(&mut claims, 8, lines(3, &[1; 16])), Ok(0));
        assert_eq!(told(&mut claims, 9, lines(7, &[1; 16])), Ok(2));
        let before = claims;
        assert!(told(&mut claims, 10, lines(9, b"short")).is_err());
        assert_eq!(claims, before);
    }

    #[test]
    fn what_is_no_entry_of_pending_is_told() {
        assert!(pending(0, &record(1, None)).is_err());
        let key = PendingKey { run: RunKey { delivery_id: [1; 16], run: 2 }, seq: 3 };
        let tombstone = Record { key: Some(key.encode()), ..record(1, None) };
        assert_eq!(pending(0, &tombstone), Ok(Change::LeftPending { key, appended_at_ms: 9 }));
        let empty = PendingEntry { schema: SCHEMA, ..PendingEntry::default() }.encode_to_vec();
        assert!(pending(0, &record(1, Some(empty))).is_err());
        let later = Delivery { schema: SCHEMA + 1, ..Delivery::default() }.encode_to_vec();
        let Err(error) = delivery(5, &record(7, Some(later))) else { panic!("of a later schema") };
        assert!(error.to_string().starts_with("deliveries partition 5 offset 7 has schema"), "{error}");
    }

    #[test]
    fn a_rejected_event_is_known_by_what_it_was_called() {
        let named = |payload: &[u8], headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let payload = Bytes::copy_from_slice(payload);
            rejected_id(&Rejected { payload, headers: headers.collect(), ..Rejected::default() })
        };
        assert_eq!(named(br#"{"id":"in-json","n":[1]}"#, &[]).as_deref(), Some("in-json"));
        assert_eq!(named(br#"{"id":"in-json"}"#, &[("CE_ID", "in-header")]).as_deref(), Some("in-header"));
        let message = Event { id: "in-message".into(), r#type: "T".into(), ..Event::default() };
        assert_eq!(named(&message.encode_to_vec(), &[]).as_deref(), Some("in-message"));
        for unnamed in [b"".as_slice(), b"{", br#"{"id":7}"#, br#"{"id":""}"#, b"\xff\xff"] {
            assert_eq!(named(unnamed, &[]), None, "{unnamed:?}");
        }
        let long = |bytes| named(b"", &[("ce_id", &"x".repeat(bytes))]);
        assert!(long(EVENT_ID_MAX_BYTES).is_some() && long(EVENT_ID_MAX_BYTES + 1).is_none());
    }

    #[test]
    fn what_was_accepted_after_all_is_settled() {
        let settled = Settled { offset: 4, ..Settled::default() };
        let record = Rejected { settled: Some(settled), ..Rejected::default() };
        assert_eq!(rejection(9, &record), Some(Change::RejectedSettled { offset: 4 }));
        assert_eq!(rejection(9, &Rejected::default()), None);
    }
}
