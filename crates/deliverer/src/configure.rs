//! Settings as the decisions take them.

use aerogram_domain::deliverer::{Config, FailingConfig, LaneConfig, Shared};
use aerogram_domain::limits::{Budget, Installation, Limiter, Rate};
use aerogram_domain::policy::{Policies, Policy, Success};
use aerogram_domain::subscription::Profile;
use aerogram_settings::{PolicySettings, ProfileSettings, Settings, StatusMatch};
use aerogram_wire::v1::Limits;
use std::sync::{Arc, Mutex};

/// Limits of one partition; what is said for the process is divided by `partitions`.
pub fn limits(settings: &Settings, partitions: i32) -> Config {
    let d = &settings.deliverer;
    let ms = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let partitions = usize::try_from(partitions.max(1)).unwrap_or(1);
    Config {
        lanes: LaneConfig {
            concurrency: d.lane_concurrency,
            bytes_max: d.lane_bytes_max,
            wait_max_ms: ms(d.lane_wait_max_ms),
            failing_min_ms: ms(d.lane_failing_min_ms),
            failures_max: u32::try_from(d.lane_failures_max).unwrap_or(u32::MAX),
            ..LaneConfig::default()
        },
        in_flight_max: (d.in_flight_max / partitions).max(1),
        items_max: d.items_max_per_partition,
        item_bytes_max: d.item_bytes_max_per_partition,
        memory_bytes_max: d.memory_bytes_max_per_partition,
        failing: FailingConfig {
            noted_after_ms: ms(d.failing_noted_after_ms),
            give_up_after_ms: ms(d.give_up_after_ms),
            ..FailingConfig::default()
        },
        horizon_ms: ms(d.horizon_ms),
        lease_ms: ms(settings.kafka.session_timeout_ms) - ms(d.lease_margin_ms),
        commit_interval_ms: ms(d.commit_interval_ms),
        line_batch_max: d.line_batch_max,
        line_batch_wait_ms: ms(d.line_batch_wait_ms),
        ..Config::default()
    }
}

/// What the partitions of the process share; `leases`: tokens of rate limits are leased from what all processes share.
pub fn shared(settings: &Settings, partitions: i32, leases: bool) -> Shared {
    let partitions = usize::try_from(partitions.max(1)).unwrap_or(1);
    Shared {
        policies: Arc::new(policies(settings)),
        installation: Arc::new(installation(settings)),
        limiter: Arc::new(Mutex::new(Limiter::new(leases, partitions))),
        item_bytes: Arc::new(Budget::new(settings.deliverer.item_bytes_max)),
        memory_bytes: Arc::new(Budget::new(settings.deliverer.memory_bytes_max)),
    }
}

/// What receivers may be asked for at most.
fn installation(settings: &Settings) -> Installation {
    let d = &settings.deliverer;
    let profiles = settings.profiles.iter();
    let hosts = settings.hosts.iter().map(|(name, host)| {
        // Who says a rate and no burst does not mean that of all hosts.
        let usual = if host.rate_per_minute.is_some() { 0 } else { d.host_burst };
        let burst = host.burst.unwrap_or(usual);
        (name.clone(), rate(host.rate_per_minute.unwrap_or(d.host_rate_per_minute), burst))
    });
    Installation {
        concurrency: d.lane_concurrency,
        timeout_ms: whole(d.request_timeout_ms),
        profiles: profiles.filter_map(|(name, of)| Some((Profile::parse(name)?, limits_of(of)))).collect(),
        hosts: hosts.collect(),
        host: rate(d.host_rate_per_minute, d.host_burst),
    }
}

fn limits_of(profile: &ProfileSettings) -> Limits {
    let said = |value: Option<u64>| value.map_or(0, whole);
    Limits {
        rate_per_minute: said(profile.rate_per_minute),
        burst: said(profile.burst),
        concurrency: said(profile.concurrency),
        timeout_ms: said(profile.timeout_ms),
    }
}

fn rate(per_minute: u64, burst: u64) -> Option<Rate> {
    Rate::new(whole(per_minute), whole(burst))
}

fn whole(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The built-in policies and the configured ones, and what the configuration says of profiles.
fn policies(settings: &Settings) -> Policies {
    let configured = settings.policies.iter().map(|(name, policy)| policy_of(name, policy));
    let of_profiles = settings
        .profiles
        .iter()
        .filter_map(|(name, profile)| Some((Profile::parse(name)?, profile.policy.clone()?)));
    Policies::new(configured).with_profiles(of_profiles)
}

fn policy_of(name: &str, settings: &PolicySettings) -> Policy {
    let statuses = settings.success.iter().flat_map(|accepted| match accepted {
        StatusMatch::Code(status) => *status..=*status,
        StatusMatch::Class(class) => {
            let first = *class * 100;
            first..=first + 99
        }
    });
    Policy {
        name: name.to_owned(),
        success: Success::Statuses(statuses.collect()),
        delays_ms: settings.delays_ms.iter().map(|ms| i64::try_from(*ms).unwrap_or(i64::MAX)).collect(),
        jitter_percent: u8::try_from(settings.jitter_percent).unwrap_or(100),
        gone_deactivates: settings.gone_deactivates,
        retry_after_cap_ms: settings.retry_after_cap_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_settings::HostSettings;
    use aerogram_wire::v1::Subscription;

    #[test]
    fn limits_of_profiles_and_hosts_are_those_of_the_settings() {
        let mut settings = Settings::default();
        let profile =
            ProfileSettings { rate_per_minute: Some(600), concurrency: Some(3), ..Default::default() };
        settings.profiles.insert("order".to_owned(), profile);
        settings.deliverer.host_rate_per_minute = 6_000;
        settings.deliverer.host_burst = 70;
        let of = |rate_per_minute, burst| HostSettings { rate_per_minute, burst };
        for (name, host) in [
            ("a.example", of(Some(60), None)),
            ("b.example", of(None, Some(5))),
            ("c.example", of(Some(0), None)),
        ] {
            settings.hosts.0.insert(name.to_owned(), host);
        }
        let installation = installation(&settings);
        let terms = |host: &str| {
            let callback_url = format!("https://{host}/");
            installation.terms(&Subscription { profile: "order".into(), callback_url, ..Default::default() })
        };
        let rates = |host| {
            let limits = terms(host).limits;
            limits.iter().map(|limit| (limit.rate.per_minute(), limit.rate.burst())).collect::<Vec<_>>()
        };
        assert_eq!((terms("d.example").concurrency, terms("d.example").timeout_ms), (3, 10_000));
        assert_eq!(rates("d.example"), [(600, 1), (6_000, 70)]);
        assert_eq!(rates("a.example"), [(600, 1), (60, 1)]);
        assert_eq!(rates("b.example"), [(600, 1), (6_000, 5)]);
        assert_eq!(rates("c.example"), [(600, 1)]);
    }

    #[test]
    fn every_profile_can_be_configured() {
        assert_eq!(ProfileSettings::NAMES, Profile::ALL.map(Profile::name));
        for built_in in PolicySettings::BUILT_IN {
            assert!(Policies::new([]).contains(built_in), "{built_in}");
        }
        for profile in Profile::ALL {
            let other = Profile::ALL.into_iter().find(|other| other.policy() != profile.policy());
            let policy = other.map(|other| other.policy().to_owned());
            let mut settings = Settings::default();
            let configured = ProfileSettings { policy: policy.clone(), ..ProfileSettings::default() };
            settings.profiles.insert(profile.name().to_owned(), configured);
            let policies = policies(&settings);
            assert_eq!(Some(policies.of("", profile.name()).name.clone()), policy);
            assert_eq!(policies.of(profile.policy(), profile.name()).name, profile.policy());
        }
    }
}
