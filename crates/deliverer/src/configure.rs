//! Settings as the decisions take them.

use aerogram_domain::deliverer::{Config, LaneConfig};
use aerogram_domain::policy::{Policies, Policy, Success};
use aerogram_domain::subscription::Profile;
use aerogram_settings::{PolicySettings, Settings, StatusMatch};

/// Limits of one partition; what is said for the process is divided by `partitions`.
pub fn limits(settings: &Settings, partitions: i32) -> Config {
    let d = &settings.deliverer;
    let ms = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let partitions = usize::try_from(partitions.max(1)).unwrap_or(1);
    Config {
        lanes: LaneConfig {
            concurrency: d.lane_concurrency,
            capacity: d.lane_capacity,
            wait_max_ms: ms(d.lane_wait_max_ms),
            failing_min_ms: ms(d.lane_failing_min_ms),
            failures_max: u32::try_from(d.lane_failures_max).unwrap_or(u32::MAX),
            ..LaneConfig::default()
        },
        in_flight_max: (d.in_flight_max / partitions).max(1),
        items_max: d.items_max_per_partition,
        item_bytes_max: d.item_bytes_max_per_partition,
        memory_bytes_max: d.memory_bytes_max_per_partition,
        horizon_ms: ms(d.horizon_ms),
        lease_ms: ms(settings.kafka.session_timeout_ms) - ms(d.lease_margin_ms),
        commit_interval_ms: ms(d.commit_interval_ms),
        line_batch_max: d.line_batch_max,
        line_batch_wait_ms: ms(d.line_batch_wait_ms),
        ..Config::default()
    }
}

/// The built-in policies and the configured ones, and what the configuration says of profiles.
pub fn policies(settings: &Settings) -> Policies {
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
    use aerogram_settings::ProfileSettings;

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
            settings.profiles.insert(profile.name().to_owned(), ProfileSettings { policy: policy.clone() });
            let policies = policies(&settings);
            assert_eq!(Some(policies.of("", profile.name()).name.clone()), policy);
            assert_eq!(policies.of(profile.policy(), profile.name()).name, profile.policy());
        }
    }
}
