//! What was refused is kept, and may be decided about again.

use super::{Accepted, Format, Incoming, Policy, Refusal, accept};
use aerogram_wire::{
    SCHEMA,
    v1::{Origin, Rejected},
};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};

const KEY_BYTES_MAX: usize = 1024;
const HEADERS_MAX: usize = 32;
const HEADER_BYTES_MAX: usize = 512;

/// The record of `rejected` that keeps what was refused. What is large is cut: it must always fit.
pub fn rejected(
    policy: &Policy,
    incoming: Incoming<'_>,
    refusal: &Refusal,
    origin: Origin,
    now_ms: i64,
) -> Rejected {
    let cut = |bytes: &Bytes, max: usize| bytes.slice(..bytes.len().min(max));
    let payload = incoming.payload.cloned().unwrap_or_default();
    let (headers, headers_incomplete) = kept(incoming.headers);
    Rejected {
        schema: SCHEMA,
        reason: refusal.code().as_str().to_owned(),
        errors: refusal.errors().iter().map(ToString::to_string).collect(),
        origin: Some(origin),
        scope: policy.scope.clone(),
        key: incoming.key.map(|key| cut(key, KEY_BYTES_MAX)).unwrap_or_default(),
        payload: cut(&payload, policy.max_event_bytes),
        payload_truncated: payload.len() > policy.max_event_bytes,
        rejected_at_ms: now_ms,
        headers,
        settled: None,
        headers_incomplete,
    }
}

/// The headers that are kept, those first that say what a record is; and whether one of those is not kept as it came.
fn kept(headers: &[(String, Bytes)]) -> (HashMap<String, String>, bool) {
    let says_what_it_is = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("ce_") || name == "content-type"
    };
    // Of headers with one name the last counts, whatever its case.
    let mut seen = HashSet::new();
    let mut last: Vec<&(String, Bytes)> =
        headers.iter().rev().filter(|(name, _)| seen.insert(name.to_ascii_lowercase())).collect();
    last.sort_by_key(|(name, _)| !says_what_it_is(name));
    let (mut kept, mut incomplete) = (HashMap::new(), false);
    for (at, (name, value)) in last.into_iter().enumerate() {
        let (kept_name, kept_value) = (text(name.as_bytes()), text(value));
        let whole = at < HEADERS_MAX && kept_name == *name && kept_value.as_bytes() == value.as_ref();
        incomplete |= says_what_it_is(name) && !whole;
        if at < HEADERS_MAX {
            kept.insert(kept_name, kept_value);
        }
    }
    (kept, incomplete)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(HEADER_BYTES_MAX)]).into_owned()
}

/// Why a record of `rejected` cannot be decided about again.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotDecidable {
    /// Only its beginning was kept.
    #[error(
        "its payload was larger than ingest.max_event_bytes and only the beginning was kept; let the publisher send it \
         again, smaller"
    )]
    Truncated,
    /// A header that says what it is was not kept as it came.
    #[error(
        "a content-type or ce_ header was too long, one too many or not UTF-8 and was not kept as it came; let the \
         publisher send it again"
    )]
    Headers,
    /// It is still refused.
    #[error("it is still refused: {0}")]
    Refused(Refusal),
}

/// Decides about a record of `rejected` again, by the rules of today. An event that states no time happened when it was
/// rejected, not now.
///
/// # Errors
/// It cannot be decided about, or is still wrong.
pub fn again(
    policy: &Policy,
    format: &Format,
    rejected: &Rejected,
    now_ms: i64,
) -> Result<Accepted, NotDecidable> {
    if rejected.payload_truncated {
        return Err(NotDecidable::Truncated);
    }
    if rejected.headers_incomplete && matches!(format, Format::CloudEvents) {
        return Err(NotDecidable::Headers);
    }
    let headers: Vec<(String, Bytes)> = rejected
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Bytes::copy_from_slice(value.as_bytes())))
        .collect();
    let incoming = Incoming { key: Some(&rejected.key), payload: Some(&rejected.payload), headers: &headers };
    let origin = rejected.origin.clone().unwrap_or_default();
    let mut accepted =
        accept(policy, format, incoming, origin, rejected.rejected_at_ms).map_err(NotDecidable::Refused)?;
    accepted.envelope.accepted_at_ms = now_ms;
    Ok(accepted)
}
