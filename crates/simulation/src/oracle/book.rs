//! Every state that the subscriptions ever had, told from the commands: what a handler may write, and who signs.

use aerogram_domain::commands::partition::{ANSWERS_KEPT_MS, Asked, CommandId};
use aerogram_domain::policy::{Policies, Policy};
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::command_result::Outcome;
use aerogram_wire::v1::{CommandResult, Status, Subscription};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A day ends by handlers' clocks.
const CLOCKS_DIFFER_MS: i64 = 10_000;

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
            return Ok(match result.outcome {
                Some(Outcome::Refused(_)) => "commands refused",
                _ => "commands that change nothing",
            });
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
