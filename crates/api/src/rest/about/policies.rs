//! `GET /policies`

use std::collections::BTreeMap;
use std::sync::Arc;

use aerogram_domain::policy::{Policy, Success};
use aerogram_domain::subscription::Profile;
use aerogram_settings::{PolicySettings, Settings, StatusMatch};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::words::within;
use crate::rest::Api;
use crate::rest::auth::Keeper;

#[derive(Serialize, ToSchema)]
#[schema(as = Policies)]
struct Listed<'a> {
    policies: Vec<&'a View>,
}

/// A retry policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Policy, examples(json!({
    "name": "staffing",
    "attemptsMax": 4,
    "delaysMs": [0, 60000, 0],
    "jitterPercent": 0,
    "successes": ["200", "201"],
    "goneDeactivates": false,
    "retryAfterMaxMs": null,
    "profiles": ["staffing"],
    "summary": "4 attempts within about a minute; 200 and 201 are success",
})))]
pub struct View {
    name: String,
    /// Attempts at most, our own faults aside.
    attempts_max: u64,
    /// The wait before each attempt after the first, counted from the end of the one before; 0: at once.
    delays_ms: Vec<u64>,
    /// Up to this share of a wait is added to it at random.
    jitter_percent: u32,
    /// Statuses that are success, such as `200`, and whole classes, such as `2xx`.
    successes: Vec<String>,
    /// Whether 410 ends the delivery and makes the subscription inactive.
    gone_deactivates: bool,
    /// The longest `Retry-After` that is honoured; `null`: it changes nothing.
    #[schema(required)]
    retry_after_max_ms: Option<u64>,
    /// Profiles whose subscriptions have it unless they say otherwise.
    #[schema(value_type = [Profile])]
    profiles: Vec<&'static str>,
    /// The same in a few words.
    summary: String,
}

/// Those there are, by name.
pub struct Policies(BTreeMap<String, View>);

impl Policies {
    /// The built-in ones, and those of the configuration, which may replace a built-in one.
    pub fn of(settings: &Settings) -> Self {
        let built_in = [Policy::standard(), Policy::staffing()].map(View::of_built_in);
        let configured = settings.policies.iter().map(|(name, policy)| View::of_configured(name, policy));
        let mut all: BTreeMap<_, _> =
            built_in.into_iter().chain(configured).map(|view| (view.name.clone(), view)).collect();
        for profile in Profile::ALL {
            let configured = settings.profiles.get(profile.name()).and_then(|of| of.policy.as_deref());
            if let Some(view) = all.get_mut(configured.unwrap_or(profile.policy())) {
                view.profiles.push(profile.name());
            }
        }
        Self(all)
    }

    /// Whether there is one of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl View {
    fn of_built_in(policy: Policy) -> Self {
        let successes = match policy.success {
            Success::Any2xx => vec!["2xx".to_owned()],
            Success::Statuses(statuses) => statuses.iter().map(ToString::to_string).collect(),
        };
        let ms = |ms: i64| ms.max(0).unsigned_abs();
        Self {
            name: policy.name,
            delays_ms: policy.delays_ms.into_iter().map(ms).collect(),
            jitter_percent: policy.jitter_percent.into(),
            successes,
            gone_deactivates: policy.gone_deactivates,
            retry_after_max_ms: policy.retry_after_cap_ms.map(ms),
            ..Self::nothing()
        }
        .summed_up()
    }

    fn of_configured(name: &str, policy: &PolicySettings) -> Self {
        let success = |accepted: &StatusMatch| match accepted {
            StatusMatch::Code(status) => status.to_string(),
            StatusMatch::Class(class) => format!("{class}xx"),
        };
        Self {
            name: name.to_owned(),
            delays_ms: policy.delays_ms.clone(),
            jitter_percent: policy.jitter_percent,
            successes: policy.success.iter().map(success).collect(),
            gone_deactivates: policy.gone_deactivates,
            retry_after_max_ms: policy.retry_after_cap_ms,
            ..Self::nothing()
        }
        .summed_up()
    }

    const fn nothing() -> Self {
        Self {
            name: String::new(),
            attempts_max: 0,
            delays_ms: Vec::new(),
            jitter_percent: 0,
            successes: Vec::new(),
            gone_deactivates: false,
            retry_after_max_ms: None,
            profiles: Vec::new(),
            summary: String::new(),
        }
    }

    fn summed_up(self) -> Self {
        let attempts_max = self.delays_ms.len() as u64 + 1;
        let attempts = match attempts_max {
            1 => "one attempt".to_owned(),
            several => format!("{several} attempts{}", within(self.delays_ms.iter().sum())),
        };
        let verb = if self.successes.len() == 1 { "is" } else { "are" };
        let statuses = self.successes.join(", ");
        let statuses = match statuses.rsplit_once(", ") {
            Some((first, last)) => format!("{first} and {last}"),
            None => statuses,
        };
        Self { attempts_max, summary: format!("{attempts}; {statuses} {verb} success"), ..self }
    }
}

/// Lists retry policies.
///
/// What a subscription's `policy` may name: the built-in ones and those of this installation, by name.
#[utoipa::path(
    get,
    path = "/policies",
    operation_id = "listPolicies",
    tag = "Installation",
    responses((status = 200, description = "All of them.", body = Listed)),
)]
pub async fn policies(State(api): State<Arc<Api>>, _caller: Keeper) -> Response {
    Json(Listed { policies: api.policies.0.values().collect() }).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_settings::ProfileSettings;

    #[test]
    fn what_is_configured_stands_beside_what_is_built_in() {
        let mut settings = Settings::default();
        let brisk = PolicySettings {
            success: vec![StatusMatch::Code(200), StatusMatch::Class(3), StatusMatch::Code(404)],
            delays_ms: vec![500],
            ..PolicySettings::default()
        };
        let standard = PolicySettings::default();
        settings.policies.extend([("brisk".to_owned(), brisk), ("standard".to_owned(), standard)]);
        let of_orders = ProfileSettings { policy: Some("brisk".to_owned()), ..ProfileSettings::default() };
        settings.profiles.insert("order".to_owned(), of_orders);
        let policies = Policies::of(&settings);
        let names: Vec<_> = policies.0.keys().map(String::as_str).collect();
        assert_eq!(names, ["brisk", "staffing", "standard"]);
        let [brisk, standard, staffing] = ["brisk", "standard", "staffing"].map(|name| &policies.0[name]);
        assert_eq!(brisk.successes, ["200", "3xx", "404"]);
        assert_eq!(brisk.summary, "2 attempts within about a second; 200, 3xx and 404 are success");
        assert_eq!((standard.attempts_max, standard.summary.as_str()), (1, "one attempt; 2xx is success"));
        assert_eq!((&brisk.profiles, &standard.profiles), (&vec!["order"], &vec!["flight", "portal"]));
        assert_eq!(
            (&staffing.profiles, &staffing.successes),
            (&vec!["staffing"], &vec!["200".to_owned(), "201".to_owned()])
        );
        assert!(policies.contains("brisk") && !policies.contains(""));
    }

    #[test]
    fn the_built_in_ones_are_told_as_they_are() {
        let policies = Policies::of(&Settings::default());
        let summaries: Vec<_> = policies.0.values().map(|view| view.summary.as_str()).collect();
        assert_eq!(
            summaries,
            [
                "4 attempts within about a minute; 200 and 201 are success",
                "11 attempts within about 3 days; 2xx is success"
            ]
        );
        let standard = &policies.0["standard"];
        assert_eq!((standard.delays_ms.len(), standard.retry_after_max_ms), (10, Some(3_600_000)));
    }
}
