//! How receivers do, as the valid lines tell: what may be noted of one, and when it may be given up.

use super::{Oracle, short};
use aerogram_domain::commands::partition::Asked;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::{Line, Outcome, Reason, Subscription};
use std::collections::{BTreeMap, BTreeSet};

/// On so many days one must have failed that is given up.
const DAYS_MIN: usize = 3;

/// What the lines said of the attempts of one subscription, by the brokers' clock.
#[derive(Default)]
struct Told {
    /// Where in `attempts` each line stands, and when its attempt failed, if it did not succeed.
    lines: Vec<(i64, Option<i64>)>,
    /// Noted when a success had come already: by an owner that was gone when its command was carried out. The one after it
    /// takes it back, if it lives long enough.
    stale: BTreeSet<i64>,
    /// Noted when its deliverer began.
    found: BTreeSet<i64>,
    /// When attempts that failed were begun, and when that was told.
    failed_ms: Vec<i64>,
}

impl Told {
    /// Whether an attempt failed then, and none succeeded since, by the lines before an offset.
    fn fails_since(&self, since_ms: i64, upto: i64) -> bool {
        let read = self.lines.iter().rev().skip_while(|(offset, _)| *offset >= upto);
        read.map_while(|(_, badly_ms)| *badly_ms).any(|badly_ms| badly_ms == since_ms)
    }
}

#[derive(Default)]
pub struct Health(BTreeMap<String, Told>);

impl Oracle {
    /// A valid line was appended.
    pub(super) fn told(&mut self, subscription_id: String, offset: i64, line: &Line, now_ms: i64) {
        let Some(attempt) = &line.attempt else { return };
        let told = self.health.0.entry(subscription_id).or_default();
        match attempt.outcome() {
            Outcome::Delivered => told.lines.push((offset, None)),
            Outcome::PlatformError => {}
            _ => {
                told.lines.push((offset, Some(now_ms)));
                told.failed_ms.extend([attempt.started_at_ms, now_ms]);
            }
        }
    }

    /// A command is being written that notes how a receiver does, by who has read `attempts` up to `upto`.
    pub fn note(&mut self, subscription_id: &str, since_ms: i64, upto: i64) {
        let told = self.health.0.get(subscription_id);
        let right = since_ms == 0 || told.is_some_and(|told| told.fails_since(since_ms, upto));
        self.check(right, || {
            format!("(h) {subscription_id} is noted as failing since {since_ms}, and is not")
        });
    }

    /// A command is being written that gives a subscription up. `found`: what its deliverer found noted when it began.
    pub fn give_up(&mut self, subscription_id: &str, since_ms: i64, found_ms: Option<i64>, day_ms: i64) {
        let told = self.health.0.entry(subscription_id.to_owned()).or_default();
        let since = told.failed_ms.iter().filter(|at_ms| **at_ms >= since_ms).chain([&since_ms]);
        let days = since.map(|at_ms| at_ms / day_ms).collect::<BTreeSet<_>>().len();
        told.found.extend(found_ms);
        let excused = told.stale.contains(&since_ms) && found_ms == Some(since_ms);
        let right = told.fails_since(since_ms, i64::MAX);
        if excused && !right {
            self.count("given up by a note that came too late");
        }
        self.check(right || excused, || {
            format!("(h) {subscription_id} is given up for failing since {since_ms}, and did well since")
        });
        self.check(days >= DAYS_MIN, || {
            format!("(h) {subscription_id} is given up for failing on {days} days")
        });
    }

    /// A command was carried out.
    pub(super) fn noted(&mut self, asked: &Asked, next: &Subscription) {
        let (id, since_ms) = (&asked.subscription_id, next.failing_since_ms);
        let told = self.health.0.entry(id.clone()).or_default();
        if next.gave_up && matches!(asked.command.change, Some(Change::Deactivate(_))) {
            let right = since_ms >= self.book.begun_ms(id) || told.found.contains(&since_ms);
            return self.check(right, || format!("(h) {id} was given up for what it was before"));
        }
        if !matches!(asked.command.change, Some(Change::NoteHealth(_))) {
            return;
        }
        if since_ms != 0 && !told.fails_since(since_ms, i64::MAX) {
            told.stale.insert(since_ms);
            self.count("notes that came too late");
        }
    }

    /// A line ends a run without an attempt, because its subscription is off: for the right reason.
    pub(super) fn off(&mut self, key: RunKey, line: &Line) {
        let Some(expected) = self.expected.get(&key) else { return };
        let (id, version) = (&expected.subscription_id, expected.version);
        let (gave_up, what) = match line.reason() {
            Reason::SubscriptionInactive => (false, "cancelled as inactive"),
            Reason::SubscriptionGaveUp => (true, "escalated without an attempt"),
            _ => return,
        };
        let was = self.book.was_inactive(id, version, gave_up);
        self.count(what);
        self.check(was, || format!("(h) {} was {what} for nothing", short(key)));
    }
}
