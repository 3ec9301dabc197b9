//! Every state that the subscriptions ever had, told from the commands: what a handler may write, and who signs.

use aerogram_domain::commands::partition::{ANSWERS_KEPT_MS, Asked, CommandId};
use aerogram_domain::policy::{Policies, Policy};
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::command_result::Outcome;
use aerogram_wire::v1::{CommandResult, Refusal, Status, Subscription, Update};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A day ends by handlers' clocks.
const CLOCKS_DIFFER_MS: i64 = 10_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Before an expiry, when it may be moved.
const RENEWABLE_MS: i64 = 5 * DAY_MS;

/// A state, and what follows from it.
pub struct Known {
    pub state: Arc<Subscription>,
    /// What was noted of its receiver while this version was the last: a note is no other version.
    notes: BTreeSet<i64>,
    pub policy: Arc<Policy>,
    /// Nonces of the keys that sign from then on: the one in force, and the one before with its end.
    key: Option<Bytes>,
    previous: Option<(Bytes, i64)>,
}

impl Known {
    /// Whether the version was ever so.
    pub fn was(&self, state: &Subscription) -> bool {
        let failing_since_ms = state.failing_since_ms;
        self.notes.contains(&failing_since_ms)
            && Subscription { failing_since_ms, ..Subscription::clone(&self.state) } == *state
    }
}

#[derive(Default)]
struct Kept {
    /// By version, from 1.
    versions: Vec<Known>,
    /// When it got its URL, or was made active, by true time.
    begun_ms: i64,
    /// Since when it has not been active, by true time.
    off_since_ms: Option<i64>,
    /// The last version that a deliverer deactivated, and the first active one after it.
    gone: Option<u64>,
    back: Option<u64>,
}

#[derive(Default)]
pub struct Book {
    subscriptions: BTreeMap<String, Kept>,
    /// When each command was decided last, and the answers it got. There are several only if a day was between.
    answered: BTreeMap<CommandId, (i64, Vec<CommandResult>)>,
}

fn owner_of(state: &Subscription) -> Option<&aerogram_wire::v1::Scope> {
    state.scope.as_ref()
}

impl Book {
    /// A version of a subscription.
    pub fn known(&self, id: &str, version: u64) -> Option<&Known> {
        self.subscriptions.get(id)?.versions.get(usize::try_from(version.checked_sub(1)?).ok()?)
    }

    /// A version and all later ones.
    pub fn since(&self, id: &str, version: u64) -> impl Iterator<Item = &Known> {
        let versions = self.subscriptions.get(id).into_iter().flat_map(|kept| &kept.versions);
        versions.skip(version.saturating_sub(1) as usize)
    }

    /// The policies of a version and of all later ones.
    pub fn policies_since(&self, id: &str, version: u64) -> impl Iterator<Item = &Arc<Policy>> {
        self.since(id, version).map(|known| &known.policy)
    }

    /// Whether this or a later version is inactive, because it was given up or for another reason.
    pub fn was_inactive(&self, id: &str, version: u64, gave_up: bool) -> bool {
        let inactive = |state: &Subscription| state.status() == Status::Inactive && state.gave_up == gave_up;
        self.since(id, version).any(|known| inactive(&known.state))
    }

    /// Since when it is called as it is now.
    pub fn begun_ms(&self, id: &str) -> i64 {
        self.subscriptions.get(id).map_or(0, |kept| kept.begun_ms)
    }

    pub fn off_since_ms(&self, id: &str) -> Option<i64> {
        self.subscriptions.get(id)?.off_since_ms
    }

    /// Whether this version is one after a deactivation by a deliverer and an owner's change of mind.
    pub fn is_back(&self, id: &str, version: u64) -> bool {
        self.subscriptions.get(id).and_then(|kept| kept.back).is_some_and(|back| version >= back)
    }

    pub fn is_answered(&self, command_id: &CommandId) -> bool {
        self.answered.contains_key(command_id)
    }

    /// A transaction with what a command led to is committed. `handler_ms` is the handler's clock. Says what came about,
    /// for a summary.
    pub fn decided(
        &mut self,
        asked: &Asked,
        next: Option<&Arc<Subscription>>,
        result: &CommandResult,
        (handler_ms, now_ms): (i64, i64),
        policies: &Policies,
    ) -> Result<&'static str, String> {
        let id = &asked.subscription_id;
        let (decided_ms, earlier) = self.answered.entry(asked.command_id).or_default();
        let age_ms = now_ms - *decided_ms;
        // After a day it may still be remembered, or not.
        let remembered = !earlier.is_empty() && age_ms < ANSWERS_KEPT_MS - CLOCKS_DIFFER_MS;
        match next {
            Some(next) if remembered => {
                let what = format!("{id} at version {}", next.version);
                return Err(format!("(c) a command of {age_ms} ms ago was carried out again: {what}"));
            }
            None if earlier.contains(result) => return Ok("commands repeated"),
            None if remembered => return Err(format!("(c) {id}: a repeated command has another answer")),
            _ => {}
        }
        *decided_ms = now_ms;
        earlier.push(result.clone());
        let Some(next) = next else {
            let last = self.subscriptions.get(id).and_then(|kept| kept.versions.last());
            return match result.outcome {
                Some(Outcome::Refused(refusal)) => refused(asked, last, refusal, handler_ms),
                _ => Ok("commands that change nothing"),
            };
        };
        let kept = self.subscriptions.entry(id.clone()).or_default();
        kept.check(asked, next)?;
        kept.write(asked, next, handler_ms, now_ms, policies.of(&next.policy, &next.profile))
    }

    /// The nonces of the keys that sign a request by this version, in their order.
    pub fn keys(&self, id: &str, version: u64, wall_ms: i64) -> Vec<Bytes> {
        let Some(known) = self.known(id, version) else { return Vec::new() };
        let previous = known.previous.iter().filter(|(_, until_ms)| wall_ms < *until_ms);
        known.key.iter().chain(previous.map(|(key, _)| key)).cloned().collect()
    }

    /// Whether a key was replaced in that version or just before, and signs no more.
    pub fn has_old_key(&self, id: &str, version: u64) -> bool {
        self.known(id, version).is_some_and(|known| known.previous.is_some())
    }
}

/// Whether there was a reason to refuse, and what came about.
fn refused(
    asked: &Asked,
    last: Option<&Known>,
    refusal: i32,
    handler_ms: i64,
) -> Result<&'static str, String> {
    let (change, wanted) = (asked.command.change.as_ref(), asked.command.expected_version);
    let last = last.map(|last| last.state.as_ref());
    let expires_ms = last.map_or(0, |last| last.expires_at_ms);
    let has_expired = expires_ms != 0 && expires_ms <= handler_ms;
    let is_creation = matches!(change, Some(Change::Create(_)));
    let (right, what) = match Refusal::try_from(refusal).unwrap_or_default() {
        Refusal::AlreadyExists => (is_creation && last.is_some(), "creations refused"),
        Refusal::NotFound => {
            let by_system = matches!(change, Some(Change::NoteHealth(_) | Change::Deactivate(_)));
            let theirs = |last: &Subscription| by_system || owner_of(last) == asked.command.scope.as_ref();
            let there = last.is_some_and(|last| last.status() != Status::Deleted && theirs(last));
            (!is_creation && !there, "commands refused")
        }
        Refusal::VersionMismatch => {
            let other = last.is_some_and(|last| last.version != wanted);
            (wanted != 0 && other, "commands for another version refused")
        }
        Refusal::Expired => match change {
            Some(Change::Renew(_)) => (has_expired, "renewals refused as too late"),
            Some(Change::Update(update)) => {
                (has_expired && update.status() == Status::Active, "activations of what expired refused")
            }
            _ => (false, "refused"),
        },
        Refusal::NotRenewable => {
            let too_early = expires_ms == 0 || handler_ms < expires_ms - RENEWABLE_MS;
            let is_renewal = matches!(change, Some(Change::Renew(_)));
            let what = if expires_ms == 0 {
                "renewals of what never expires refused"
            } else {
                "renewals refused as too early"
            };
            (is_renewal && too_early, what)
        }
        Refusal::Conflict => match change {
            Some(Change::Deactivate(deactivate)) => {
                let noted_ms = last.map_or(0, |last| last.failing_since_ms);
                (deactivate.failing_since_ms != noted_ms, "deactivations refused")
            }
            _ => (false, "refused"),
        },
        Refusal::Invalid => {
            let empty = matches!(change, Some(Change::Update(update)) if *update == Update::default());
            (empty, "empty updates refused")
        }
        Refusal::Unspecified => (false, "refused"),
    };
    if right {
        Ok(what)
    } else {
        Err(format!("(c) refused for nothing, {refusal}: {asked:?} after {last:?}"))
    }
}

/// A calendar month after a time, told by counting days.
fn month_later_ms(from_ms: i64) -> i64 {
    let (mut year, mut month, mut day) = (1970, 0, from_ms.div_euclid(DAY_MS));
    let days_of = |year: i64, month: usize| match month {
        1 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    while day >= days_of(year, month) {
        day -= days_of(year, month);
        (year, month) = if month == 11 { (year + 1, 0) } else { (year, month + 1) };
    }
    let (next_year, next_month) = if month == 11 { (year + 1, 0) } else { (year, month + 1) };
    let left = days_of(year, month) - day;
    from_ms + (left + day.min(days_of(next_year, next_month) - 1)) * DAY_MS
}

impl Kept {
    /// What holds whatever the command was.
    fn check(&self, asked: &Asked, next: &Subscription) -> Result<(), String> {
        let id = &asked.subscription_id;
        let is_creation = matches!(asked.command.change, Some(Change::Create(_)));
        let Some(last) = self.versions.last().map(|known| &known.state) else {
            return if is_creation && next.version == 1 {
                Ok(())
            } else {
                Err(format!("(c) {id} came to be by no creation"))
            };
        };
        let is_note = matches!(asked.command.change, Some(Change::NoteHealth(_)));
        let by_system = is_note || matches!(asked.command.change, Some(Change::Deactivate(_)));
        let wanted = asked.command.expected_version;
        let what = if is_creation {
            "was created twice"
        } else if last.status() == Status::Deleted {
            "was changed after its deletion"
        } else if next.version != last.version + u64::from(!is_note)
            || next.updated_at_ms < last.updated_at_ms
        {
            "has versions or times that do not grow"
        } else if !by_system && (owner_of(last) != asked.command.scope.as_ref()) {
            "was changed by somebody else"
        } else if wanted != 0 && wanted != last.version {
            "was changed by a command for another version"
        } else {
            return Ok(());
        };
        Err(format!("(c) {id} {what}, at version {}", next.version))
    }

    fn write(
        &mut self,
        asked: &Asked,
        next: &Arc<Subscription>,
        handler_ms: i64,
        now_ms: i64,
        policy: Arc<Policy>,
    ) -> Result<&'static str, String> {
        let last = self.versions.last();
        let (mut key, mut previous) =
            last.map_or((None, None), |last| (last.key.clone(), last.previous.clone()));
        let was_active = last.is_some_and(|last| last.state.status() == Status::Active);
        let is_active = next.status() == Status::Active;
        let wish = |holds: bool| if holds { Ok(()) } else { Err(format!("(c) {next:?} is not {asked:?}")) };
        let expiry_ms = last.map_or(next.expires_at_ms, |last| last.state.expires_at_ms);
        wish(matches!(asked.command.change, Some(Change::Renew(_))) || next.expires_at_ms == expiry_ms)?;
        let moved = last.is_some_and(|last| last.state.callback_url != next.callback_url);
        let mut what = "subscriptions updated";
        match &asked.command.change {
            Some(Change::Create(create)) => {
                let wanted = create.subscription.as_ref();
                key = wanted.and_then(|wanted| wanted.signing_key.clone()).map(|key| key.nonce);
                wish(is_active)?;
                what = "subscriptions created";
            }
            Some(Change::Update(update)) => {
                wish(update.policy.as_ref().is_none_or(|policy| *policy == next.policy))?;
                wish(update.callback_url.is_empty() || update.callback_url == next.callback_url)?;
                wish(update.status() == Status::Unspecified || update.status() == next.status())?;
                wish(next.failing_since_ms == 0 || !moved)?;
                if is_active && !was_active {
                    wish(next.expires_at_ms == 0 || next.expires_at_ms > handler_ms)?;
                    wish(next.failing_since_ms == 0 && !next.gave_up)?;
                    let gave_up = last.is_some_and(|last| last.state.gave_up);
                    what =
                        if gave_up { "given up and active again" } else { "subscriptions activated again" };
                } else if last.is_some_and(|last| last.policy.name != policy.name) {
                    what = "policies changed";
                }
            }
            Some(Change::Delete(_)) => {
                (key, previous) = (None, None);
                wish(next.status() == Status::Deleted)?;
                what = "subscriptions deleted";
            }
            Some(Change::Deactivate(deactivate)) => {
                wish(next.status() == Status::Inactive && was_active)?;
                wish(next.gave_up == (deactivate.failing_since_ms != 0))?;
                wish(!next.gave_up || next.failing_since_ms == deactivate.failing_since_ms)?;
                self.gone = Some(next.version);
                what = if next.gave_up { "subscriptions given up" } else { "deactivations after 410" };
            }
            Some(Change::ReplaceSigningKey(replacement)) => {
                previous = key.map(|key| (key, handler_ms + replacement.overlap_ms));
                key = replacement.signing_key.clone().map(|key| key.nonce);
                what = "keys replaced";
            }
            Some(Change::Renew(_)) => {
                let before_ms = last.map_or(0, |last| last.state.expires_at_ms);
                wish((before_ms - RENEWABLE_MS..before_ms).contains(&handler_ms))?;
                wish(next.expires_at_ms == month_later_ms(before_ms))?;
                wish(is_active == was_active)?;
                what = "subscriptions renewed";
            }
            Some(Change::NoteHealth(note)) => {
                wish(was_active && next.failing_since_ms == note.failing_since_ms)?;
                let Some(last) = self.versions.last_mut() else { return wish(false).map(|()| what) };
                last.notes.insert(note.failing_since_ms);
                wish(last.was(next))?;
                last.state = next.clone();
                return Ok(if note.failing_since_ms == 0 { "notes taken back" } else { "receivers noted" });
            }
            None => wish(false)?,
        }
        // What the handler sees to be over is left out, and so it is over for every clock.
        previous = previous.filter(|(_, until_ms)| handler_ms < *until_ms);
        if moved || is_active && !was_active {
            self.begun_ms = now_ms;
        }
        if is_active {
            self.off_since_ms = None;
            if !was_active && self.gone.is_some() {
                self.back = Some(next.version);
            }
        } else {
            self.off_since_ms.get_or_insert(now_ms);
        }
        let notes = [next.failing_since_ms].into();
        self.versions.push(Known { state: next.clone(), notes, policy, key, previous });
        Ok(what)
    }
}
