//! Conditions between settings.

use crate::error::SettingError;
use crate::sections::{PolicySettings, ProfileSettings, Settings, SourceSettings};
use crate::values::SourceFormat;

/// Pushes what does not fit together. A pair with a key that is wrong by itself is left out: its value here is only
/// the default.
pub(crate) fn across(settings: &Settings, errors: &mut Vec<SettingError>) {
    let Settings { kafka, topics, deliverer, scheduler, ingest, seal, .. } = settings;
    let rules = [
        (
            "kafka.session_timeout_ms",
            "kafka.max_poll_interval_ms",
            kafka.session_timeout_ms <= kafka.max_poll_interval_ms,
            "must not be longer than kafka.max_poll_interval_ms",
        ),
        (
            "topics.min_insync_replicas",
            "topics.replication_factor",
            topics.min_insync_replicas <= topics.replication_factor,
            "must not be more than topics.replication_factor, or nothing can be written",
        ),
        (
            "deliverer.lease_margin_ms",
            "kafka.session_timeout_ms",
            deliverer.lease_margin_ms.saturating_add(deliverer.commit_interval_ms) < kafka.session_timeout_ms,
            "and deliverer.commit_interval_ms together must be shorter than kafka.session_timeout_ms, or nothing is ever sent",
        ),
        (
            "deliverer.request_timeout_ms",
            "kafka.max_poll_interval_ms",
            deliverer.request_timeout_ms < kafka.max_poll_interval_ms,
            "must be shorter than kafka.max_poll_interval_ms",
        ),
        (
            "deliverer.horizon_ms",
            "scheduler.staleness_max_ms",
            deliverer.horizon_ms > scheduler.staleness_max_ms.saturating_add(kafka.write_expiry_ms),
            "must be longer than scheduler.staleness_max_ms and kafka.write_expiry_ms together",
        ),
        (
            "scheduler.staleness_max_ms",
            "topics.delete_retention_ms",
            scheduler.staleness_max_ms < topics.delete_retention_ms / 2,
            "must be shorter than half of topics.delete_retention_ms",
        ),
        (
            "ingest.max_event_bytes",
            "ingest.http_max_body_bytes",
            ingest.max_event_bytes <= ingest.http_max_body_bytes,
            "must not be more than ingest.http_max_body_bytes",
        ),
        (
            "seal.current",
            "seal.keys",
            seal.current.is_empty() || seal.keys.contains_key(&seal.current),
            "names no key of seal.keys",
        ),
    ];
    for (key, other, holds, problem) in rules {
        let wrong = |key: &str| errors.iter().any(|e| e.key == key || e.key.starts_with(&format!("{key}.")));
        if !holds && !wrong(key) && !wrong(other) {
            errors.push(SettingError {
                key: key.to_owned(),
                origin: None,
                problem: problem.to_owned(),
                allowed: String::new(),
            });
        }
    }
    profiles(settings, errors);
    sources(&ingest.sources, errors);
}

/// Profiles that there are, with policies that there are. A policy that is wrong by itself counts as there.
fn profiles(settings: &Settings, errors: &mut Vec<SettingError>) {
    let Settings { profiles, policies, .. } = settings;
    for (name, profile) in profiles {
        let mut wrong = |key: String, problem: String, allowed: String| {
            if !errors.iter().any(|e| e.key == key) {
                errors.push(SettingError { key, origin: None, problem, allowed });
            }
        };
        if !ProfileSettings::NAMES.contains(&name.as_str()) {
            let allowed = ProfileSettings::NAMES.join(", ");
            wrong(format!("profiles.{name}"), "is not a profile".to_owned(), allowed);
        }
        let Some(policy) = &profile.policy else { continue };
        if !PolicySettings::BUILT_IN.contains(&policy.as_str()) && !policies.contains_key(policy) {
            let configured = policies.keys().map(String::as_str);
            let allowed: Vec<_> = PolicySettings::BUILT_IN.into_iter().chain(configured).collect();
            let problem = format!("{policy:?} is not a policy");
            wrong(format!("profiles.{name}.policy"), problem, allowed.join(", "));
        }
    }
}

/// What the settings of an upstream topic say together. A source with a key that is wrong by itself is left out.
fn sources(sources: &[SourceSettings], errors: &mut Vec<SettingError>) {
    for (index, source) in sources.iter().enumerate() {
        let place = format!("ingest.sources[{index}]");
        let beginning = format!("{place}.");
        if errors.iter().any(|e| e.key == place || e.key.starts_with(&beginning)) {
            continue;
        }
        let mut wrong = |key: &str, problem: String| {
            let (key, allowed) = (format!("{place}.{key}"), String::new());
            errors.push(SettingError { key, origin: None, problem, allowed });
        };
        if sources.iter().take(index).any(|earlier| earlier.topic == source.topic) {
            wrong("topic", format!("{:?} stands there twice", source.topic));
        }
        match (&source.mapping, source.format) {
            (None, SourceFormat::Json) => {
                wrong("mapping", "is required with format \"json\"".to_owned());
            }
            (Some(_), other @ (SourceFormat::CloudEvents | SourceFormat::Protobuf)) => {
                wrong("mapping", format!("is for format \"json\", and this one is {:?}", other.as_str()));
            }
            (Some(mapping), SourceFormat::Json) => {
                let bound = source.operators.len() == 1 && source.operators.iter().all(|id| id != "*");
                if mapping.operator.is_none() && !bound {
                    let problem = "is required, unless operators names exactly one operator";
                    wrong("mapping.operator", problem.to_owned());
                }
            }
            (None, _) => {}
        }
    }
}
