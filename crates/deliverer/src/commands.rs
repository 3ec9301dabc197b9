//! What the deliverer asks the command handler for, and says of it.

use aerogram_domain::commands::partition::CommandId;
use aerogram_domain::time::iso_millis;
use aerogram_telemetry::Said;
use aerogram_wire::SCHEMA;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::{Command, CommandRecord, Deactivate, NoteHealth, command_record};
use bytes::Bytes;
use std::time::Instant;

/// After 410. The command's id is the run's, so that a repetition is recognised: the delivery id is a hash, which another run
/// of the same delivery shares.
pub fn deactivation(key: &RunKey, subscription_id: &str, reason: String) -> CommandRecord {
    let mut id = key.delivery_id;
    id.iter_mut().zip(key.run.to_be_bytes()).for_each(|(byte, run)| *byte ^= run);
    command(&id, subscription_id, Change::Deactivate(Deactivate { reason, failing_since_ms: 0 }))
}

/// That the receiver fails since then, or, with 0, that it does well again. It is said for each subscription now and then.
pub fn note(
    said: &Said,
    command_id: &CommandId,
    subscription_id: &str,
    failing_since_ms: i64,
) -> CommandRecord {
    if let Some(unsaid) = said.may_say(&format!("{subscription_id} noted"), Instant::now()) {
        if failing_since_ms == 0 {
            tracing::info!(subscription = subscription_id, unsaid, "its receiver does well again");
        } else {
            let since = iso_millis(failing_since_ms);
            tracing::warn!(
                subscription = subscription_id,
                since,
                unsaid,
                "its receiver fails without a success"
            );
        }
    }
    command(command_id, subscription_id, Change::NoteHealth(NoteHealth { failing_since_ms }))
}

/// After failing for too long; carried out only while it is still noted as failing since then.
pub fn giving_up(
    command_id: &CommandId,
    subscription_id: &str,
    failing_since_ms: i64,
    reason: String,
) -> CommandRecord {
    tracing::warn!(subscription = subscription_id, "it is given up, and will be made inactive: {reason}");
    command(command_id, subscription_id, Change::Deactivate(Deactivate { reason, failing_since_ms }))
}

fn command(command_id: &CommandId, subscription_id: &str, change: Change) -> CommandRecord {
    CommandRecord {
        schema: SCHEMA,
        command_id: Bytes::copy_from_slice(command_id),
        subscription_id: subscription_id.to_owned(),
        at_ms: aerogram_telemetry::wall_ms(),
        body: Some(command_record::Body::Command(Command {
            scope: None,
            expected_version: 0,
            actor: "deliverer".into(),
            change: Some(change),
        })),
    }
}
