//! The receivers, one a subscription, each with its own temper.

use crate::limits::REQUEST_TIMEOUT_MS;
use aerogram_domain::limits::{Installation, Rate};
use aerogram_domain::policy::{Answer, Policies, Policy, Success};
use aerogram_domain::subscription::Profile;
use aerogram_wire::v1::{Limits, Outcome};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Policies with the shape of the built-in ones, in the world's times.
pub fn policies() -> Arc<Policies> {
    let standard = Policy {
        delays_ms: vec![2_000, 10_000, 30_000],
        retry_after_cap_ms: Some(20_000),
        ..Policy::standard()
    };
    let staffing = Policy { delays_ms: vec![0, 15_000, 0], ..Policy::staffing() };
    let brisk = Policy {
        name: "brisk".into(),
        success: Success::Any2xx,
        delays_ms: vec![0, 0, 1_000, 0],
        jitter_percent: 50,
        gone_deactivates: false,
        retry_after_cap_ms: None,
    };
    let patient = Policy {
        name: "patient".into(),
        success: Success::Statuses(vec![200, 204]),
        delays_ms: vec![5_000, 60_000],
        jitter_percent: 0,
        gone_deactivates: true,
        retry_after_cap_ms: Some(90_000),
    };
    Arc::new(Policies::new([standard, staffing, brisk, patient]))
}

/// What receivers may be asked for at most.
pub fn installation() -> Arc<Installation> {
    let slow = Limits { rate_per_minute: 60, burst: 2, concurrency: 1, timeout_ms: 0 };
    Arc::new(Installation {
        concurrency: 2,
        profiles: [(Profile::Portal, slow)].into(),
        hosts: [("shared.example".to_owned(), Rate::new(40, 2))].into(),
        ..Installation::default()
    })
}

#[derive(Clone, Copy)]
struct Temper {
    good_percent: u32,
    gone_percent: u32,
    silent_percent: u32,
    /// Our own faults on the way to it.
    ours_percent: u32,
}

#[derive(Default)]
pub struct Receivers {
    tempers: BTreeMap<String, Temper>,
}

impl Receivers {
    /// What it answers, and after how long.
    pub fn answer(&mut self, rng: &mut fastrand::Rng, calm: bool, subscription_id: &str) -> (Answer, i64) {
        let temper = *self.tempers.entry(subscription_id.to_owned()).or_insert_with(|| Temper {
            good_percent: rng.choice([10, 30, 45, 80]).unwrap_or(45),
            gone_percent: rng.choice([0, 0, 0, 10]).unwrap_or(0),
            silent_percent: rng.choice([0, 5, 30]).unwrap_or(5),
            ours_percent: rng.choice([1, 2, 2, 50]).unwrap_or(2),
        });
        let Temper { good_percent, gone_percent, silent_percent, ours_percent } = temper;
        let (good, gone, silent, ours) =
            if calm { (80, 0, 0, 0) } else { (good_percent, gone_percent, silent_percent, ours_percent) };
        let status = |status, retry_after_ms| Answer::Status { status, retry_after_ms };
        let takes_ms = rng.i64(0..2_000);
        let mut dice = rng.u32(..100);
        let mut is = |percent: u32| {
            let hit = dice < percent;
            dice = dice.saturating_sub(percent);
            hit
        };
        if is(good) {
            (status(200, None), takes_ms)
        } else if is(gone) {
            (status(410, None), takes_ms)
        } else if is(silent) {
            (Answer::Failed(Outcome::Timeout), REQUEST_TIMEOUT_MS)
        } else if is(ours) {
            (Answer::Failed(Outcome::PlatformError), takes_ms)
        } else {
            match rng.u32(..20) {
                1 => (status(204, None), takes_ms),
                2 | 3 => (status(429, Some(rng.i64(0..30_000))), takes_ms),
                4 => (Answer::Failed(Outcome::Connect), takes_ms),
                _ => (status(500, None), takes_ms),
            }
        }
    }
}
