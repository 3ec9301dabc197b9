//! What differs between subscriptions and between hosts: retry policies and limits.

use crate::declare::settings;
use crate::rules::{any, between, maybe_between, some_of, such, waits};
use crate::sections::{BURST_MAX, LONGEST_MS, PER_MINUTE_MAX};
use crate::values::StatusMatch;

settings! {
    /// A retry policy.
    PolicySettings {
        /// Statuses that count as success.
        success: Vec<StatusMatch> = vec![StatusMatch::Class(2)], some_of(100, "a status such as 200, or a class such as \"2xx\"");
        /// The wait before each attempt after the first, in milliseconds; 0 means at once. One more attempt than waits.
        delays_ms: Vec<u64> = Vec::new(), waits(LONGEST_MS);
        /// Up to this share of a wait is added to it at random, in percent.
        jitter_percent: u32 = 0, between(0, 100);
        /// Whether 410 ends the delivery and deactivates the subscription.
        gone_deactivates: bool = false, any();
        /// Longest `Retry-After` that is honoured, in milliseconds; left out, the header changes nothing.
        retry_after_cap_ms: Option<u64> = None, maybe_between(0, LONGEST_MS);
    }

    /// What a profile's subscriptions get unless they say it themselves.
    ProfileSettings {
        /// The retry policy; left out, `staffing` for the profile of that name, and `standard` for the others.
        policy: Option<String> = None, such("standard, staffing or a name in policies, or left out");
        /// Attempts that are begun for one subscription in a minute, at most; left out, as many as there are. A subscription may
        /// ask for less of this and of what follows, never for more.
        rate_per_minute: Option<u64> = None, maybe_between(1, PER_MINUTE_MAX);
        /// Of these, how many at once after a pause; left out, a tenth of a second's worth, at least one.
        burst: Option<u64> = None, maybe_between(1, BURST_MAX);
        /// Requests in flight for one subscription, at most; left out, `deliverer.lane_concurrency`.
        concurrency: Option<u64> = None, maybe_between(1, 10_000);
        /// Time for one whole request, in milliseconds; left out, `deliverer.request_timeout_ms`.
        timeout_ms: Option<u64> = None, maybe_between(1, 600_000);
    }

    /// What a host is not to be asked for more than, whatever subscriptions lead there and whatever processes send.
    HostSettings {
        /// Attempts that are begun in a minute, at most; left out, `deliverer.host_rate_per_minute`; 0: as many as there are.
        rate_per_minute: Option<u64> = None, maybe_between(0, PER_MINUTE_MAX);
        /// Of these, how many at once after a pause; left out, `deliverer.host_burst`, or where the rate is said here, a tenth of
        /// a second's worth, at least one.
        burst: Option<u64> = None, maybe_between(1, BURST_MAX);
    }
}

impl PolicySettings {
    /// Policies that are always there.
    pub const BUILT_IN: [&'static str; 2] = ["standard", "staffing"];
}

impl ProfileSettings {
    /// The profiles there are.
    pub const NAMES: [&'static str; 4] = ["flight", "portal", "order", "staffing"];
}
