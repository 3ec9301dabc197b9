//! Which limits are in force for a subscription: what it asks for itself, its profile and the installation; the strictest of
//! each. A subscription can ask for less than its profile allows, never for more.

use super::{Key, Limit, Rate};
use crate::subscription::Profile;
use aerogram_wire::v1::{Limits, Subscription};
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

/// What this installation allows.
#[derive(Clone, PartialEq, Debug)]
pub struct Installation {
    /// Requests open at once for one subscription.
    pub concurrency: usize,
    /// Time for one whole request.
    pub timeout_ms: u32,
    /// What the configuration says of profiles; 0 says nothing.
    pub profiles: HashMap<Profile, Limits>,
    /// Of a destination, by its name or by name and port; `None`: it has no limit.
    pub hosts: HashMap<String, Option<Rate>>,
    /// Of each destination that is not named.
    pub host: Option<Rate>,
}

impl Default for Installation {
    fn default() -> Self {
        Self {
            concurrency: usize::MAX,
            timeout_ms: 10_000,
            profiles: HashMap::new(),
            hosts: HashMap::new(),
            host: None,
        }
    }
}

/// What is in force for one subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// A request takes a token of each.
    pub limits: Vec<Limit>,
    pub concurrency: usize,
    pub timeout_ms: u32,
    /// Where it leads, as [`host_of`] has it.
    pub host: Arc<str>,
}

impl Terms {
    /// The longest time between two tokens, in microseconds; 0: there is no limit.
    pub fn interval_us(&self) -> i64 {
        self.limits.iter().map(|limit| limit.rate.interval_us()).max().unwrap_or(0)
    }
}

impl Installation {
    pub fn terms(&self, subscription: &Subscription) -> Terms {
        let of_profile =
            Profile::parse(&subscription.profile).and_then(|profile| self.profiles.get(&profile));
        let all = [subscription.limits.as_ref(), of_profile];
        let said = |of: fn(&Limits) -> u32| {
            all.into_iter().flatten().map(of).filter(|value| *value > 0).min().unwrap_or(u32::MAX)
        };
        let rates = all.into_iter().flatten().filter_map(|said| Rate::new(said.rate_per_minute, said.burst));
        let own = rates
            .reduce(Rate::stricter)
            .map(|rate| Limit { key: Key::Subscription(subscription.id.as_str().into()), rate });
        let host = host_of(&subscription.callback_url);
        let shared = self.of_host(&host).map(|(name, rate)| Limit { key: Key::Host(name), rate });
        Terms {
            limits: own.into_iter().chain(shared).collect(),
            concurrency: usize::try_from(said(|limits| limits.concurrency))
                .unwrap_or(usize::MAX)
                .min(self.concurrency)
                .max(1),
            timeout_ms: said(|limits| limits.timeout_ms).min(self.timeout_ms).max(1),
            host: host.into(),
        }
    }

    /// The limit of a destination, and the name that it is shared by: what is said of the name alone is for all its ports.
    fn of_host(&self, host: &str) -> Option<(Arc<str>, Rate)> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        match self.hosts.get_key_value(host).or_else(|| self.hosts.get_key_value(name)) {
            Some((known, rate)) => rate.map(|rate| (known.as_str().into(), rate)),
            None => self.host.map(|rate| (host.into(), rate)),
        }
    }
}

/// Name and port that a URL leads to, in lower case and whatever way it is written; empty for what is no URL.
pub fn host_of(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return String::new() };
    let (name, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    format!("{}:{port}", name.strip_suffix('.').unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(rate_per_minute: u32, burst: u32, concurrency: u32, timeout_ms: u32) -> Limits {
        Limits { rate_per_minute, burst, concurrency, timeout_ms }
    }

    fn subscription(profile: &str, limits: Option<Limits>) -> Subscription {
        Subscription {
            id: "s".into(),
            profile: profile.into(),
            callback_url: "https://Hooks.Example./a?b".into(),
            limits,
            ..Subscription::default()
        }
    }

    fn installation() -> Installation {
        Installation {
            concurrency: 64,
            profiles: [(Profile::Order, said(600, 0, 8, 5_000)), (Profile::Portal, said(0, 0, 0, 0))].into(),
            ..Installation::default()
        }
    }

    fn own(per_minute: u32, burst: u32) -> Vec<Limit> {
        let rate = Rate::new(per_minute, burst).unwrap();
        vec![Limit { key: Key::Subscription("s".into()), rate }]
    }

    #[test]
    fn a_subscription_asks_for_less_and_never_for_more() {
        let terms = |profile, limits| installation().terms(&subscription(profile, limits));
        let nothing = terms("portal", None);
        assert_eq!((nothing.limits.len(), nothing.concurrency, nothing.timeout_ms), (0, 64, 10_000));
        let profile = terms("order", None);
        assert_eq!((&profile.limits, profile.concurrency, profile.timeout_ms), (&own(600, 1), 8, 5_000));
        let less = terms("order", Some(said(60, 0, 2, 1_000)));
        assert_eq!((&less.limits, less.concurrency, less.timeout_ms), (&own(60, 1), 2, 1_000));
        let more = terms("order", Some(said(6_000, 50, 100, 60_000)));
        assert_eq!((&more.limits, more.concurrency, more.timeout_ms), (&own(600, 1), 8, 5_000));
        let alone = terms("flight", Some(said(6_000, 50, 100, 60_000)));
        assert_eq!((&alone.limits, alone.concurrency, alone.timeout_ms), (&own(6_000, 50), 64, 10_000));
    }

    #[test]
    fn a_host_is_the_same_however_it_is_written() {
        for url in ["https://hooks.example/", "https://HOOKS.example:443/a", "https://hooks.example.?x"] {
            assert_eq!(host_of(url), "hooks.example:443", "{url}");
        }
        assert_eq!(host_of("https://0x7f.1:8443/"), "127.0.0.1:8443");
        assert_eq!(host_of("https://[::1]:8443/"), "[::1]:8443");
        assert_eq!(host_of("hooks"), "");
    }

    #[test]
    fn what_is_said_of_a_name_is_shared_by_its_ports_and_goes_before_what_is_said_of_all() {
        let rate = |n| Rate::new(n, 0);
        let mut installation = Installation { host: rate(50), ..installation() };
        let key = |installation: &Installation, url: &str| {
            installation.of_host(&host_of(url)).map(|(name, rate)| (name.to_string(), rate.per_minute()))
        };
        assert_eq!(key(&installation, "https://a.example/"), Some(("a.example:443".into(), 50)));
        installation.hosts = [("a.example".into(), rate(7)), ("a.example:8443".into(), rate(8))].into();
        installation.hosts.insert("free.example".into(), None);
        assert_eq!(key(&installation, "https://a.example/"), Some(("a.example".into(), 7)));
        assert_eq!(key(&installation, "https://a.example:9000/"), Some(("a.example".into(), 7)));
        assert_eq!(key(&installation, "https://a.example:8443/"), Some(("a.example:8443".into(), 8)));
        assert_eq!(key(&installation, "https://free.example/"), None);
        let terms = installation.terms(&subscription("order", None));
        assert_eq!(terms.limits.len(), 2);
        assert_eq!(terms.interval_us(), 1_200_000);
    }
}
