//! Decoding what is read from Kafka. A record that can't be understood stops its partition: skipping it would make this
//! process believe something else than the others.

use aerogram_domain::commands::partition::{Asked, CommandId};
use aerogram_kafka::Record;
use aerogram_projection::Row;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::command_record::Body;
use aerogram_wire::v1::{
    CommandRecord, CommandResult, Escalation, Resolution, Subscription, SubscriptionRecord,
};
use aerogram_wire::{Message, SCHEMA, Topic};

/// A record nobody should have written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{topic} partition {partition} offset {offset} {reason}", topic = topic.name())]
pub struct BadRecord {
    topic: Topic,
    partition: i32,
    offset: i64,
    reason: String,
}

mod history;
mod task;

pub use history::{EVENT_ID_MAX_BYTES, attempts, delivery, envelope, matches, pending, rejected, rejection};
pub use task::task;

/// A record of `commands`.
pub enum Said {
    Command(Asked),
    Result { command_id: CommandId, result: CommandResult },
}

/// A record of `escalations`.
#[derive(Debug)]
pub enum Told {
    GivenUp(Box<Row>),
    Resolved { key: RunKey, resolution: Resolution },
}

/// Decodes a record of `escalations`.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn escalation(partition: i32, record: &Record) -> Result<Told, BadRecord> {
    let decoded = original(partition, record)?;
    let bad =
        |reason: String| BadRecord { topic: Topic::Escalations, partition, offset: record.offset, reason };
    let key = run_key(record).ok_or_else(|| bad("has a key that names no run".to_owned()))?;
    if decoded.delivery.is_none() {
        let resolution =
            decoded.resolution.ok_or_else(|| bad("has neither a delivery nor a resolution".to_owned()))?;
        return Ok(Told::Resolved { key, resolution });
    }
    let row = Row::of(partition, record.offset, key, &decoded);
    let row = row.ok_or_else(|| bad("holds a delivery without event or owner".to_owned()))?;
    Ok(Told::GivenUp(Box::new(row)))
}

/// Decodes a record of `escalations` in full.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn original(partition: i32, record: &Record) -> Result<Escalation, BadRecord> {
    let bad =
        |reason: String| BadRecord { topic: Topic::Escalations, partition, offset: record.offset, reason };
    let decoded: Escalation = decode(record).map_err(bad)?;
    check_schema(decoded.schema).map_err(bad)?;
    Ok(decoded)
}

fn run_key(record: &Record) -> Option<RunKey> {
    let (id, run) = record.key.as_ref()?.split_first_chunk::<16>()?;
    RunKey::new(id, u64::from_be_bytes(run.try_into().ok()?))
}

/// Decodes a record of `subscriptions`.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn subscription(partition: i32, record: &Record) -> Result<Subscription, BadRecord> {
    let bad =
        |reason: String| BadRecord { topic: Topic::Subscriptions, partition, offset: record.offset, reason };
    let decoded: SubscriptionRecord = decode(record).map_err(bad)?;
    check_schema(decoded.schema).map_err(bad)?;
    match decoded.subscription {
        Some(subscription) if subscription.scope.is_some() && !subscription.id.is_empty() => Ok(subscription),
        _ => Err(bad("holds no subscription with id and owner".to_owned())),
    }
}

/// Decodes a record of `commands`.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn command(partition: i32, record: &Record) -> Result<Said, BadRecord> {
    let bad = |reason: String| BadRecord { topic: Topic::Commands, partition, offset: record.offset, reason };
    let decoded: CommandRecord = decode(record).map_err(bad)?;
    check_schema(decoded.schema).map_err(bad)?;
    let command_id = CommandId::try_from(decoded.command_id.as_ref())
        .map_err(|_| bad(format!("has a command id of {} bytes instead of 16", decoded.command_id.len())))?;
    if decoded.subscription_id.is_empty() {
        return Err(bad("names no subscription".to_owned()));
    }
    match decoded.body {
        Some(Body::Command(command)) => {
            Ok(Said::Command(Asked { command_id, subscription_id: decoded.subscription_id, command }))
        }
        Some(Body::Result(result)) => Ok(Said::Result { command_id, result }),
        None => Err(bad("is neither command nor result".to_owned())),
    }
}

fn decode<M: Message + Default>(record: &Record) -> Result<M, String> {
    let Some(payload) = &record.payload else {
        return Err("is a tombstone, which nobody writes here".to_owned());
    };
    M::decode(payload.clone()).map_err(|error| format!("is not what this topic holds: {error}"))
}

fn check_schema(schema: u32) -> Result<(), String> {
    match schema {
        1..=SCHEMA => Ok(()),
        other => Err(format!("has schema {other}, this version reads up to {SCHEMA}; upgrade this process")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::{Command, Scope};
    use bytes::Bytes;

    fn record(payload: Option<Vec<u8>>) -> Record {
        Record {
            offset: 7,
            timestamp_ms: 0,
            key: None,
            payload: payload.map(Bytes::from),
            headers: Vec::new(),
        }
    }

    fn said(record_of: &CommandRecord) -> Result<Said, String> {
        command(3, &record(Some(record_of.encode_to_vec()))).map_err(|e| e.to_string())
    }

    fn valid() -> CommandRecord {
        CommandRecord {
            schema: SCHEMA,
            command_id: Bytes::from_static(&[1; 16]),
            subscription_id: "s".into(),
            at_ms: 0,
            body: Some(Body::Command(Command::default())),
        }
    }

    #[test]
    fn commands_and_results_are_told_apart() {
        assert!(matches!(said(&valid()), Ok(Said::Command(asked)) if asked.subscription_id == "s"));
        let result = CommandRecord { body: Some(Body::Result(CommandResult::default())), ..valid() };
        assert!(matches!(said(&result), Ok(Said::Result { command_id: [1, ..], .. })));
    }

    #[test]
    fn what_cannot_be_understood_is_told_with_its_place() {
        for (wrong, says) in [
            (CommandRecord { schema: 2, ..valid() }, "upgrade"),
            (CommandRecord { schema: 0, ..valid() }, "upgrade"),
            (CommandRecord { command_id: Bytes::from_static(b"short"), ..valid() }, "5 bytes"),
            (CommandRecord { subscription_id: String::new(), ..valid() }, "names no subscription"),
            (CommandRecord { body: None, ..valid() }, "neither"),
        ] {
            let Err(text) = said(&wrong) else { panic!("{says}") };
            assert!(text.starts_with("commands partition 3 offset 7 ") && text.contains(says), "{text}");
        }
        assert!(command(0, &record(None)).is_err());
        assert!(subscription(0, &record(Some(vec![0xff; 9]))).is_err());
    }

    #[test]
    fn a_subscription_has_an_owner() {
        let mut state =
            Subscription { id: "s".into(), scope: Some(Scope::default()), ..Subscription::default() };
        let encode = |state: &Subscription| {
            let record_of = SubscriptionRecord { schema: SCHEMA, subscription: Some(state.clone()) };
            subscription(0, &record(Some(record_of.encode_to_vec())))
        };
        assert_eq!(encode(&state), Ok(state.clone()));
        state.scope = None;
        assert!(encode(&state).is_err());
    }
}
