//! Conditions between settings.

use crate::error::SettingError;
use crate::profiles::{PolicySettings, ProfileSettings};
use crate::sections::{Settings, SourceSettings};
use crate::values::SourceFormat;

/// Pushes what does not fit together. A pair with a key that is wrong by itself is left out: its value here is only
/// the default.
pub(crate) fn across(settings: &Settings, errors: &mut Vec<SettingError>) {
    let Settings { kafka, topics, deliverer, scheduler, ingest, api, seal, .. } = settings;
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
            "scheduler.probe_wait_min_ms",
            "scheduler.probe_wait_max_ms",
            scheduler.probe_wait_min_ms <= scheduler.probe_wait_max_ms,
            "must not be longer than scheduler.probe_wait_max_ms",
        ),
        (
            "deliverer.failing_noted_after_ms",
            "deliverer.give_up_after_ms",
            deliverer.give_up_after_ms == 0 || deliverer.failing_noted_after_ms <= deliverer.give_up_after_ms,
            "must not be longer than deliverer.give_up_after_ms: only what was noted is given up",
        ),
        (
            "ingest.max_event_bytes",
            "ingest.http_max_body_bytes",
            ingest.max_event_bytes <= ingest.http_max_body_bytes,
            "must not be more than ingest.http_max_body_bytes",
        ),
        (
            "api.history_retention_ms",
            "topics.retention_ms",
            api.history_retention_ms.is_none_or(|ms| ms <= topics.retention_ms),
            "must not be longer than topics.retention_ms: the history is made anew from what the topics hold",
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
    hosts(settings, errors);
    sources(&ingest.sources, errors);
}

/// Profiles that there are, with policies that there are. A policy that is wrong by itself counts as there.
fn profiles(settings: &Settings, errors: &mut Vec<SettingError>) {
    let Settings { profiles, policies, deliverer, .. } = settings;
    for (name, profile) in profiles {
        let rate_key = format!("profiles.{name}.rate_per_minute");
        let rated = profile.rate_per_minute.is_some() || errors.iter().any(|e| e.key == rate_key);
        let mut wrong = |key: String, problem: String, allowed: String| {
            if !errors.iter().any(|e| e.key == key) {
                errors.push(SettingError { key, origin: None, problem, allowed });
            }
        };
        if !ProfileSettings::NAMES.contains(&name.as_str()) {
            let allowed = ProfileSettings::NAMES.join(", ");
            wrong(format!("profiles.{name}"), "is not a profile".to_owned(), allowed);
        }
        // They would do nothing, and somebody would rely on them.
        if profile.burst.is_some() && !rated {
            let problem = "means nothing without rate_per_minute".to_owned();
            wrong(format!("profiles.{name}.burst"), problem, String::new());
        }
        let (concurrency, timeout_ms) = (deliverer.lane_concurrency as u64, deliverer.request_timeout_ms);
        if profile.concurrency.is_some_and(|more| more > concurrency) {
            let problem = format!("must not be more than deliverer.lane_concurrency, which is {concurrency}");
            wrong(format!("profiles.{name}.concurrency"), problem, String::new());
        }
        if profile.timeout_ms.is_some_and(|longer| longer > timeout_ms) {
            let problem =
                format!("must not be longer than deliverer.request_timeout_ms, which is {timeout_ms}");
            wrong(format!("profiles.{name}.timeout_ms"), problem, String::new());
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

/// A burst belongs to a rate.
fn hosts(settings: &Settings, errors: &mut Vec<SettingError>) {
    let rate = settings.deliverer.host_rate_per_minute;
    let all = ("deliverer.host_burst".to_owned(), settings.deliverer.host_burst, rate);
    let each = settings.hosts.iter().map(|(name, host)| {
        (format!("hosts.{name}.burst"), host.burst.unwrap_or_default(), host.rate_per_minute.unwrap_or(rate))
    });
    for (key, burst, rate) in std::iter::once(all).chain(each) {
        let rate_key = format!("{}rate_per_minute", key.trim_end_matches("burst"));
        if burst != 0 && rate == 0 && !errors.iter().any(|e| e.key == key || e.key == rate_key) {
            let (problem, allowed) = ("means nothing without a rate".to_owned(), String::new());
            errors.push(SettingError { key, origin: None, problem, allowed });
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
