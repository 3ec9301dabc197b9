//! Receivers that fail for long. That one fails is noted in its subscription, by a command; so it outlives every process,
//! and who owns the partition days later knows since when. After days without a success the subscription is deactivated.
//!
//! What was noted is believed only while nothing speaks against it. Owners follow one another, and what one of them wrote
//! may come late: a note that this owner found when it began is true, for whatever its predecessors saw after that they
//! noted too, or it is repeated from the lines that they left (rule 5); one that comes later and is not this owner's own
//! is taken back. Whoever changes the subscription begins anew. In doubt a receiver does well: at worst it is noted later.
//!
//! Times are those of the lines in `attempts`, told by the brokers, so that owners whose clocks differ agree about them.

mod commands;
#[cfg(test)]
mod tests;

use crate::sabotage::{Rule, removed};
use crate::subscription::is_same_receiver;
use aerogram_wire::v1::{Status, Subscription};
use std::collections::{BTreeSet, HashMap};

/// Time between looks at what is to be noted.
const LOOK_MS: i64 = 500;
/// Subscriptions at one look: when a million receivers fail at once, others have commands too.
const LOOK_MAX: usize = 50;
/// What the table does not say after this time is asked for again.
const ASK_AGAIN_MS: i64 = 30_000;

/// When failing is noted, and when it ends a subscription.
#[derive(Clone, Debug)]
pub struct FailingConfig {
    /// A receiver that failed without a success for so long is noted.
    pub noted_after_ms: i64,
    /// A subscription whose receiver failed for so long, on at least three different fifths of it, is deactivated; 0: never.
    pub give_up_after_ms: i64,
    /// Receivers whose failures are remembered; those beyond are noted when others do well again.
    pub remembered_max: usize,
}

impl Default for FailingConfig {
    fn default() -> Self {
        Self { noted_after_ms: 60_000, give_up_after_ms: 5 * 24 * 60 * 60 * 1_000, remembered_max: 10_000 }
    }
}

/// Of the time after which a subscription is given up, a day is this part: by default they are the calendar's, in UTC.
const DAYS: i64 = 5;
/// On so many different ones its receiver must have failed. Few events, each tried for a minute, say little of the time between.
const DAYS_MIN: usize = 3;

/// Different days, as many as matter.
#[derive(Clone, Copy, Default)]
struct Days([Option<i64>; DAYS_MIN]);

impl Days {
    fn add(&mut self, day: i64) {
        if !self.0.contains(&Some(day))
            && let Some(free) = self.0.iter_mut().find(|day| day.is_none())
        {
            *free = Some(day);
        }
    }

    fn are_enough(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }
}

impl FailingConfig {
    fn day(&self, at_ms: i64) -> i64 {
        at_ms.div_euclid((self.give_up_after_ms / DAYS).max(1))
    }
}

/// Failures in a row, as this owner saw them.
#[derive(Clone, Copy)]
struct Streak {
    /// When the line about the first was appended.
    since_ms: i64,
    /// When it was read, by the monotonic clock.
    read_ms: i64,
    /// When lines about failures were appended.
    days: Days,
}

/// What the command handler was asked to note, and the table does not say yet.
#[derive(Clone, Copy)]
struct Asked {
    since_ms: i64,
    /// Tells wishes apart, but not the repetitions of one.
    number: u64,
    at_ms: i64,
    /// By a success whose record is not settled before this is written.
    by_success: bool,
    /// A success came after it.
    outdated: bool,
}

#[derive(Default)]
struct Known {
    streak: Option<Streak>,
    /// What the table says is not so any more, or came from somebody else.
    refuted: bool,
    asked: Option<Asked>,
    /// It was deactivated for failing since then.
    gave_up: Option<i64>,
    wake_ms: Option<i64>,
}

/// What is known beyond the table, by subscription. Nothing is known of most.
pub struct Failing {
    config: FailingConfig,
    known: HashMap<String, Known>,
    /// Whom to look at again, by when.
    wakes: BTreeSet<(i64, String)>,
    wishes: u64,
    next_look_ms: i64,
}

/// A note to be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Wish {
    since_ms: i64,
    number: u64,
}

impl Failing {
    pub fn new(config: FailingConfig) -> Self {
        let (known, wakes) = (HashMap::new(), BTreeSet::new());
        Self { config, known, wakes, wishes: 0, next_look_ms: i64::MIN }
    }

    /// Since when its receiver fails, if `noted_ms` is what the table says; `None`: it does well, as far as is known.
    pub fn since_ms(&self, id: &str, noted_ms: i64) -> Option<i64> {
        let known = self.known.get(id);
        let noted = (noted_ms != 0 && known.is_none_or(|known| !known.refuted)).then_some(noted_ms);
        noted.or_else(|| Some(known?.streak?.since_ms))
    }

    /// A state was read after the table had been whole; `before`: the one before it.
    pub fn read(&mut self, now_ms: i64, before: Option<&Subscription>, state: &Subscription) {
        let (id, since_ms) = (state.id.as_str(), state.failing_since_ms);
        let Some(before) = before.filter(|before| is_same_receiver(before, state)) else {
            self.forget(id);
            // Compacted, one record may say that it begins anew and that it fails, which was noted of what it was before.
            if since_ms != 0 && state.status() == Status::Active {
                self.refute(now_ms, id);
            }
            return;
        };
        if since_ms == before.failing_since_ms {
            return;
        }
        let known = self.known.get_mut(id);
        let asked = known.as_ref().and_then(|known| known.asked).filter(|asked| asked.since_ms == since_ms);
        if let (Some(known), Some(asked)) = (known, asked) {
            (known.asked, known.refuted) = (None, asked.outdated);
            self.wake(id, now_ms);
        } else if since_ms == 0 {
            self.forget(id);
        } else if !removed(Rule::ForeignNote) {
            self.refute(now_ms, id);
        }
    }

    fn refute(&mut self, now_ms: i64, id: &str) {
        self.known.entry(id.to_owned()).or_default().refuted = true;
        self.wake(id, now_ms);
    }

    /// An attempt succeeded; the line that says so may still be on its way.
    pub fn well(&mut self, now_ms: i64, id: &str, noted_ms: i64) {
        if noted_ms == 0 && !self.known.contains_key(id) {
            return;
        }
        let known = self.known.entry(id.to_owned()).or_default();
        known.streak = None;
        let asked = known.asked.as_mut().filter(|asked| asked.since_ms != 0);
        known.refuted = (noted_ms != 0 || asked.is_some()) && !removed(Rule::SuccessRefutes);
        if let Some(asked) = asked {
            asked.outdated = known.refuted;
        }
        if known.refuted || known.asked.is_some() {
            self.wake(id, now_ms + ASK_AGAIN_MS);
        } else {
            self.forget(id);
        }
    }

    /// The line about a success was appended at `well_ms`: whether that takes a note back, which follows from the line as
    /// its other consequences do.
    fn takes_back(&mut self, now_ms: i64, id: &str, noted_ms: i64, well_ms: i64) -> bool {
        if let Some(known) = self.known.get_mut(id) {
            // In the order of the lines; one that began after it goes on.
            known.streak = known.streak.filter(|streak| streak.since_ms > well_ms);
        }
        let asked = self.known.get(id).and_then(|known| known.asked);
        if asked.is_some_and(|asked| asked.by_success && asked.since_ms == 0) {
            return false;
        }
        let noted = [noted_ms, asked.map_or(0, |asked| asked.since_ms)];
        if !noted.into_iter().any(|since_ms| since_ms != 0 && since_ms <= well_ms)
            || removed(Rule::SuccessRefutes)
        {
            return false;
        }
        let number = self.number();
        let known = self.known.entry(id.to_owned()).or_default();
        known.refuted = true;
        known.asked = Some(Asked { since_ms: 0, number, at_ms: now_ms, by_success: true, outdated: false });
        self.wake(id, now_ms + ASK_AGAIN_MS);
        true
    }

    /// The line about a failure was appended at `told_ms`.
    fn failed(&mut self, now_ms: i64, id: &str, told_ms: i64) {
        if !self.known.contains_key(id) && self.known.len() >= self.config.remembered_max {
            return;
        }
        let day = self.config.day(told_ms);
        let known = self.known.entry(id.to_owned()).or_default();
        let is_new = known.streak.is_none();
        let begun = Streak { since_ms: told_ms, read_ms: now_ms, days: Days::default() };
        known.streak.get_or_insert(begun).days.add(day);
        if is_new {
            self.wake(id, now_ms + self.config.noted_after_ms);
        }
    }

    /// Whether its receiver has failed for as long as to give it up, and often enough in that time, by a line appended at
    /// `told_ms` about a run that was tried at these times. True once.
    fn gives_up(
        &mut self,
        id: &str,
        noted_ms: i64,
        told_ms: i64,
        tried_ms: impl Iterator<Item = i64>,
    ) -> bool {
        let after_ms = self.config.give_up_after_ms;
        let known = self.known.get(id);
        let is_noted = noted_ms != 0 && known.is_none_or(|known| !known.refuted);
        let asked = known.is_some_and(|known| known.gave_up == Some(noted_ms));
        if after_ms <= 0 || !is_noted || asked || told_ms.saturating_sub(noted_ms) < after_ms {
            return false;
        }
        // What former owners saw is not known, but for the first failure and for what the run itself tells.
        let mut days = known.and_then(|known| known.streak).map_or(Days::default(), |streak| streak.days);
        let known_ms = [noted_ms, told_ms].into_iter().chain(tried_ms.filter(|at_ms| *at_ms >= noted_ms));
        known_ms.for_each(|at_ms| days.add(self.config.day(at_ms)));
        if !days.are_enough() && !removed(Rule::DaysOfFailing) {
            return false;
        }
        // Also when it is one of those that are too many to be remembered: the table soon says that it is over.
        self.known.entry(id.to_owned()).or_default().gave_up = Some(noted_ms);
        true
    }

    /// Whether this owner has seen it fail for as long as is noted.
    fn is_sustained(&self, now_ms: i64, id: &str) -> bool {
        let streak = self.known.get(id).and_then(|known| known.streak);
        streak.is_some_and(|streak| now_ms - streak.read_ms >= self.config.noted_after_ms)
    }

    /// Those to be looked at now, some at a time.
    fn due(&mut self, now_ms: i64) -> Vec<String> {
        let mut due = Vec::new();
        if now_ms < self.next_look_ms {
            return due;
        }
        self.next_look_ms = now_ms + LOOK_MS;
        while due.len() < LOOK_MAX
            && self.wakes.first().is_some_and(|(wake_ms, _)| *wake_ms <= now_ms)
            && let Some((_, id)) = self.wakes.pop_first()
        {
            if let Some(known) = self.known.get_mut(&id) {
                known.wake_ms = None;
            }
            due.push(id);
        }
        due
    }

    /// What should be noted and is not.
    fn wish(&mut self, now_ms: i64, id: &str, noted_ms: i64) -> Option<Wish> {
        let known = self.known.get(id)?;
        if let Some(asked) = known.asked.filter(|asked| now_ms - asked.at_ms < ASK_AGAIN_MS) {
            self.wake(id, asked.at_ms + ASK_AGAIN_MS);
            return None;
        }
        let is_noted = noted_ms != 0 && !known.refuted;
        let due_ms = known.streak.map(|streak| streak.read_ms + self.config.noted_after_ms);
        let wanted_ms = match (known.streak, due_ms) {
            _ if is_noted => noted_ms,
            (Some(streak), Some(due_ms)) if due_ms <= now_ms => streak.since_ms,
            _ => 0,
        };
        if wanted_ms == noted_ms {
            if known.streak.is_none() {
                self.forget(id);
            } else if let Some(due_ms) = due_ms.filter(|due_ms| *due_ms > now_ms) {
                self.wake(id, due_ms);
            }
            return None;
        }
        let repeated = known.asked.filter(|asked| asked.since_ms == wanted_ms);
        let number = repeated.map_or_else(|| self.number(), |asked| asked.number);
        let by_success = repeated.is_some_and(|asked| asked.by_success);
        let known = self.known.get_mut(id)?;
        known.asked = Some(Asked { since_ms: wanted_ms, number, at_ms: now_ms, by_success, outdated: false });
        self.wake(id, now_ms + ASK_AGAIN_MS);
        Some(Wish { since_ms: wanted_ms, number })
    }

    fn number(&mut self) -> u64 {
        self.wishes += 1;
        self.wishes
    }

    /// Looks at it then, if not before.
    fn wake(&mut self, id: &str, at_ms: i64) {
        let Some(known) = self.known.get_mut(id) else { return };
        if known.wake_ms.is_some_and(|wake_ms| wake_ms <= at_ms) {
            return;
        }
        if let Some(wake_ms) = known.wake_ms.replace(at_ms) {
            self.wakes.remove(&(wake_ms, id.to_owned()));
        }
        self.wakes.insert((at_ms, id.to_owned()));
    }

    fn forget(&mut self, id: &str) {
        if let Some(wake_ms) = self.known.remove(id).and_then(|known| known.wake_ms) {
            self.wakes.remove(&(wake_ms, id.to_owned()));
        }
    }
}
