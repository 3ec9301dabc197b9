//! Retry policies: what settles a delivery, and when the next attempt is due.

use crate::subscription::Profile;
use aerogram_wire::v1::{Outcome, Reason};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How long our own faults are retried beyond the policy's schedule before they are escalated as ours.
const PLATFORM_GRACE_MS: i64 = DAY_MS;
/// Our own fault is tried again at this pace; such a try does not count against the policy.
const PLATFORM_RETRY_MS: i64 = MINUTE_MS;

/// Which HTTP statuses mean success.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Success {
    /// Every 2xx.
    Any2xx,
    /// Just these.
    Statuses(Vec<u16>),
}

impl Success {
    fn accepts(&self, status: u16) -> bool {
        match self {
            Success::Any2xx => (200..300).contains(&status),
            Success::Statuses(list) => list.contains(&status),
        }
    }
}

/// What settles which way, and the delays between attempts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    pub name: String,
    pub success: Success,
    /// The delay before each attempt after the first, counted from the end of the one before; 0 means at once.
    pub delays_ms: Vec<i64>,
    /// Adds 0 to this many percent to a delay; never takes away.
    pub jitter_percent: u8,
    /// 410 ends the delivery and deactivates the subscription.
    pub gone_deactivates: bool,
    /// `Retry-After` on 429 and 503 is honoured up to this; `None`: it changes nothing.
    pub retry_after_cap_ms: Option<i64>,
}

/// What came of one HTTP try, as the shell saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttemptResult {
    pub started_at_ms: i64,
    pub duration_ms: u32,
    pub answer: Answer,
    /// For the record of an attempt that failed.
    pub remark: Remark,
}

/// What people want to know about an attempt that failed, beside its answer. Kept with the attempt, each text cut to its
/// limit.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Remark {
    /// Why there was no answer.
    pub problem: String,
    /// Names a problem with TLS.
    pub tls_problem: String,
    /// The beginning of what the receiver answered.
    pub excerpt: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The receiver answered.
    Status { status: u16, retry_after_ms: Option<i64> },
    /// It did not; the outcome says why (timeout, dns, connect, tls, blocked, platform_error).
    Failed(Outcome),
}

/// What to do after an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Delivered,
    /// Failed, and the next attempt follows at once.
    AtOnce,
    /// The next attempt is due then. `counted`: the one just made counts against the policy.
    Retry {
        due_at_ms: i64,
        counted: bool,
    },
    Escalate(Reason),
}

/// What a `Retry-After` header asks for, in milliseconds from now: seconds, or an HTTP date. `None`: neither.
pub fn retry_after_ms(value: &str, now_ms: i64) -> Option<i64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(i64::from(seconds) * SECOND_MS);
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    Some((date.timestamp().as_millisecond() - now_ms).max(0))
}

impl Policy {
    /// The schedule over about three days; any 2xx succeeds; 410 ends it; `Retry-After` is honoured up to an hour.
    pub fn standard() -> Self {
        Self {
            name: "standard".into(),
            success: Success::Any2xx,
            delays_ms: vec![
                5 * SECOND_MS,
                30 * SECOND_MS,
                2 * MINUTE_MS,
                10 * MINUTE_MS,
                HOUR_MS,
                3 * HOUR_MS,
                6 * HOUR_MS,
                12 * HOUR_MS,
                DAY_MS,
                DAY_MS,
            ],
            jitter_percent: 20,
            gone_deactivates: true,
            retry_after_cap_ms: Some(HOUR_MS),
        }
    }

    /// The contract of the staffing platform: 200 and 201 only; at once, at once, after a minute, at once.
    pub fn staffing() -> Self {
        Self {
            name: "staffing".into(),
            success: Success::Statuses(vec![200, 201]),
            delays_ms: vec![0, MINUTE_MS, 0],
            jitter_percent: 0,
            gone_deactivates: false,
            retry_after_cap_ms: None,
        }
    }

    /// Attempts at most, our own faults aside.
    pub fn attempts_max(&self) -> u32 {
        self.delays_ms.len() as u32 + 1
    }

    /// The name of an answer.
    pub fn outcome(&self, answer: Answer) -> Outcome {
        match answer {
            Answer::Failed(outcome) => outcome,
            Answer::Status { status, .. } if self.success.accepts(status) => Outcome::Delivered,
            Answer::Status { status: 429, .. } => Outcome::Http429,
            Answer::Status { status, .. } => match status {
                400..500 => Outcome::Http4xx,
                500..600 => Outcome::Http5xx,
                _ => Outcome::HttpOther,
            },
        }
    }

    /// Decides about attempt number `attempts_made` (this one included). `first_seen_ms` is when the run
    /// was first tried, `now_ms` the end of the attempt, `entropy` any random number.
    pub fn decide(
        &self,
        answer: Answer,
        attempts_made: u32,
        first_seen_ms: i64,
        now_ms: i64,
        entropy: u64,
    ) -> Verdict {
        match self.outcome(answer) {
            Outcome::Delivered => return Verdict::Delivered,
            Outcome::PlatformError => return self.after_own_fault(first_seen_ms, now_ms),
            _ => {}
        }
        if self.gone_deactivates && matches!(answer, Answer::Status { status: 410, .. }) {
            return Verdict::Escalate(Reason::Gone);
        }
        let Some(&delay) = self.delays_ms.get(attempts_made.saturating_sub(1) as usize) else {
            return Verdict::Escalate(Reason::Exhausted);
        };
        let asked = self.asked_by_receiver(answer);
        if delay == 0 && asked == 0 {
            return Verdict::AtOnce;
        }
        let waits = (delay + self.jitter(delay, entropy)).max(asked);
        Verdict::Retry { due_at_ms: now_ms + waits, counted: true }
    }

    fn after_own_fault(&self, first_seen_ms: i64, now_ms: i64) -> Verdict {
        let schedule: i64 = self.delays_ms.iter().sum();
        if now_ms - first_seen_ms > schedule + PLATFORM_GRACE_MS {
            Verdict::Escalate(Reason::Platform)
        } else {
            Verdict::Retry { due_at_ms: now_ms + PLATFORM_RETRY_MS, counted: false }
        }
    }

    /// How long the receiver asks to be left alone, in milliseconds; 0: it does not, or the policy takes no notice.
    pub fn asked_by_receiver(&self, answer: Answer) -> i64 {
        match (self.retry_after_cap_ms, answer) {
            (Some(cap), Answer::Status { status: 429 | 503, retry_after_ms: Some(asked) }) => {
                asked.clamp(0, cap)
            }
            _ => 0,
        }
    }

    fn jitter(&self, delay_ms: i64, entropy: u64) -> i64 {
        let span = delay_ms * i64::from(self.jitter_percent) / 100;
        if span == 0 { 0 } else { (entropy % (span.unsigned_abs() + 1)) as i64 }
    }
}

/// The policies of this installation, by name; the two built-in ones are always there.
#[derive(Clone, Debug)]
pub struct Policies {
    by_name: BTreeMap<String, Arc<Policy>>,
    standard: Arc<Policy>,
    /// Names; a profile that is not here has its built-in one.
    by_profile: HashMap<Profile, String>,
}

impl Policies {
    /// Built-in policies and those of the configuration, which may replace a built-in one.
    pub fn new(configured: impl IntoIterator<Item = Policy>) -> Self {
        let mut by_name: BTreeMap<_, _> =
            [Policy::standard(), Policy::staffing()].map(|p| (p.name.clone(), Arc::new(p))).into();
        by_name.extend(configured.into_iter().map(|p| (p.name.clone(), Arc::new(p))));
        let standard = by_name.get("standard").cloned().unwrap_or_else(|| Arc::new(Policy::standard()));
        Self { by_name, standard, by_profile: HashMap::new() }
    }

    /// Other policies, by name, for subscriptions of these profiles that name none themselves.
    #[must_use]
    pub fn with_profiles(mut self, configured: impl IntoIterator<Item = (Profile, String)>) -> Self {
        self.by_profile.extend(configured);
        self
    }

    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// What the subscription says itself goes before its profile; a name nobody knows any more is `standard`.
    pub fn of(&self, policy: &str, profile: &str) -> Arc<Policy> {
        let name = if policy.is_empty() { self.of_profile(profile) } else { policy };
        self.by_name.get(name).unwrap_or(&self.standard).clone()
    }

    fn of_profile(&self, profile: &str) -> &str {
        let Some(profile) = Profile::parse(profile) else { return "standard" };
        self.by_profile.get(&profile).map_or(profile.policy(), String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NO: Answer = Answer::Status { status: 500, retry_after_ms: None };

    #[test]
    fn staffing_is_four_attempts_at_0_0_60_0() {
        let p = Policy::staffing();
        assert_eq!(p.decide(NO, 1, 0, 5, 0), Verdict::AtOnce);
        assert_eq!(p.decide(NO, 2, 0, 5, 9), Verdict::Retry { due_at_ms: 60_005, counted: true });
        assert_eq!(p.decide(NO, 3, 0, 5, 0), Verdict::AtOnce);
        assert_eq!(p.decide(NO, 4, 0, 5, 0), Verdict::Escalate(Reason::Exhausted));
    }

    #[test]
    fn staffing_treats_410_204_and_retry_after_as_any_failure() {
        let p = Policy::staffing();
        for status in [204, 301, 404, 410, 429, 503] {
            let answer = Answer::Status { status, retry_after_ms: Some(9_000_000) };
            assert_eq!(p.decide(answer, 1, 0, 5, 0), Verdict::AtOnce, "{status}");
        }
        assert_eq!(
            p.decide(Answer::Status { status: 201, retry_after_ms: None }, 1, 0, 5, 0),
            Verdict::Delivered
        );
    }

    #[test]
    fn standard_ends_at_410_and_honours_retry_after_within_its_cap() {
        let p = Policy::standard();
        let answer = |status, retry_after_ms| Answer::Status { status, retry_after_ms };
        assert_eq!(p.decide(answer(410, None), 1, 0, 0, 0), Verdict::Escalate(Reason::Gone));
        assert_eq!(p.decide(answer(204, None), 1, 0, 0, 0), Verdict::Delivered);
        let Verdict::Retry { due_at_ms, .. } = p.decide(answer(429, Some(90_000)), 1, 0, 0, 0) else {
            panic!()
        };
        assert_eq!(due_at_ms, 90_000);
        let Verdict::Retry { due_at_ms, .. } = p.decide(answer(503, Some(i64::MAX)), 1, 0, 0, 0) else {
            panic!()
        };
        assert_eq!(due_at_ms, HOUR_MS);
        let Verdict::Retry { due_at_ms, .. } = p.decide(answer(500, Some(90_000)), 1, 0, 0, 0) else {
            panic!()
        };
        assert_eq!(due_at_ms, 5_000);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after_ms(" 120 ", 0), Some(120_000));
        assert_eq!(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000 - 5_000), Some(5_000));
        assert_eq!(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_778_000), Some(0));
        assert_eq!(retry_after_ms("soon", 0), None);
        assert_eq!(retry_after_ms("-1", 0), None);
    }

    #[test]
    fn our_own_fault_never_counts_and_is_escalated_as_ours() {
        let p = Policy::staffing();
        let fault = Answer::Failed(Outcome::PlatformError);
        assert_eq!(p.decide(fault, 4, 0, 10, 0), Verdict::Retry { due_at_ms: 60_010, counted: false });
        assert_eq!(p.decide(fault, 4, 0, MINUTE_MS + DAY_MS + 1, 0), Verdict::Escalate(Reason::Platform));
    }

    #[test]
    fn a_subscription_goes_before_its_profile_and_that_before_the_built_in() {
        let named = |name: &str| Policy { name: name.into(), ..Policy::standard() };
        let built_in = Policies::new([]);
        let configured = Policies::new([named("brisk"), named("slow")])
            .with_profiles([(Profile::Order, "brisk".into()), (Profile::Staffing, "gone".into())]);
        for (policy, profile, before, since) in [
            ("", "order", "standard", "brisk"),
            ("", "portal", "standard", "standard"),
            ("", "flight", "standard", "standard"),
            ("", "later", "standard", "standard"),
            ("slow", "order", "standard", "slow"),
            ("staffing", "order", "staffing", "staffing"),
            ("retired", "order", "standard", "standard"),
            ("", "staffing", "staffing", "standard"),
        ] {
            assert_eq!(built_in.of(policy, profile).name, before, "{policy:?} {profile}");
            assert_eq!(configured.of(policy, profile).name, since, "{policy:?} {profile}");
        }
    }

    proptest! {
        #[test]
        fn jitter_only_adds_and_at_most_its_share(attempt in 1u32..=10, entropy: u64, now in 0i64..1 << 40) {
            let p = Policy::standard();
            let base = p.delays_ms[attempt as usize - 1];
            let Verdict::Retry { due_at_ms, counted } = p.decide(NO, attempt, now, now, entropy) else { panic!() };
            prop_assert!(counted);
            prop_assert!(due_at_ms - now >= base);
            prop_assert!(due_at_ms - now <= base * 120 / 100);
        }

        #[test]
        fn a_policy_always_ends(delays in prop::collection::vec(0i64..1000, 0..20), entropy: u64) {
            let p = Policy { delays_ms: delays, ..Policy::standard() };
            prop_assert_eq!(p.decide(NO, p.attempts_max(), 0, 0, entropy), Verdict::Escalate(Reason::Exhausted));
            for n in 1..p.attempts_max() {
                prop_assert!(!matches!(p.decide(NO, n, 0, 0, entropy), Verdict::Escalate(_)));
            }
        }
    }
}
