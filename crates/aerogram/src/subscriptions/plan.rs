//! What has to be done: declared × existing → steps. Nothing here asks or writes.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, change};
use super::declared::{Declared, Pair};
use super::existing::Existing;
use super::one_url;

#[cfg(test)]
mod tests;

/// How far a plan may go.
#[derive(Clone, Copy, Default, Debug)]
pub struct Reach<'n> {
    /// Deletes what the file does not name.
    pub prune: bool,
    /// Sets the secrets of what exists.
    pub set_secrets: bool,
    /// The time, as the api writes it.
    pub now: &'n str,
}

/// What is done about one subscription.
#[derive(Debug)]
pub enum Step<'p> {
    Update {
        declared: &'p Declared,
        existing: &'p Existing,
        change: Change,
        /// What has no change of its own, and gets its URL too.
        moves: Vec<&'p Existing>,
    },
    Create(&'p Declared),
    Prune(&'p Pair, &'p Existing),
    /// It would be deleted, if all went well.
    Keep {
        pair: &'p Pair,
        existing: &'p Existing,
        why: String,
    },
    Unchanged(&'p Declared, &'p Existing),
    Cannot {
        declared: &'p Declared,
        existing: Option<&'p Existing>,
        why: Vec<String>,
    },
}

/// What each pair has; or why that is not known.
pub type There = BTreeMap<Pair, Result<Vec<Existing>, String>>;

/// The steps in the order in which they are carried out: updates before creations, because a customer may have one
/// callback URL, which an update moves; deletions last, because whoever is to be replaced goes on receiving until then.
pub fn plan<'p>(declared: &'p [Declared], there: &'p There, reach: Reach<'_>) -> Vec<Step<'p>> {
    let mut steps = Vec::new();
    for (pair, existing) in there {
        let of_pair: Vec<&Declared> = declared.iter().filter(|one| one.pair == *pair).collect();
        match existing {
            Ok(existing) => of_one(pair, &of_pair, existing, reach, &mut steps),
            Err(why) => steps.extend(of_pair.into_iter().map(|declared| Step::Cannot {
                declared,
                existing: None,
                why: vec![format!("what its pair has is not known: {why}")],
            })),
        }
    }
    steps.sort_by_key(Step::turn);
    steps
}

fn of_one<'p>(
    pair: &'p Pair,
    declared: &[&'p Declared],
    there: &'p [Existing],
    reach: Reach<'_>,
    steps: &mut Vec<Step<'p>>,
) {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut meant: BTreeMap<&str, Vec<&Declared>> = BTreeMap::new();
    let mut all = Vec::new();
    for &declared in declared {
        let same_name: Vec<&Existing> =
            there.iter().filter(|one| one.name.is_some() && one.name == declared.name).collect();
        named.extend(same_name.iter().map(|one| one.id.as_str()));
        named.extend(
            there.iter().filter(|one| Some(&one.id) == declared.id.as_ref()).map(|one| one.id.as_str()),
        );
        let found = found(declared, there, &same_name);
        if let Ok(Some(existing)) = &found {
            meant.entry(existing.id.as_str()).or_default().push(declared);
        }
        all.push((declared, found));
    }
    let step = |(declared, found): (&'p Declared, Result<Option<&'p Existing>, String>)| match found {
        Err(why) => Step::Cannot { declared, existing: None, why: vec![why] },
        Ok(None) => Step::Create(declared),
        Ok(Some(existing)) => {
            let others = meant.get(existing.id.as_str()).into_iter().flatten();
            if let Some(other) = others.copied().find(|other| !std::ptr::eq(*other, declared)) {
                let why = format!(
                    "line {} means the same one, {}: say it in one place, or give the other a name that is not there yet",
                    other.place.line, existing.id
                );
                return Step::Cannot { declared, existing: Some(existing), why: vec![why] };
            }
            match change(declared, existing, reach.set_secrets, reach.now) {
                Err(why) => Step::Cannot { declared, existing: Some(existing), why },
                Ok(change) if change.is_empty() => Step::Unchanged(declared, existing),
                Ok(change) => Step::Update { declared, existing, change, moves: Vec::new() },
            }
        }
    };
    let mut own: Vec<Step<'p>> = all.into_iter().map(step).collect();
    one_url::refuse_different(&mut own);
    let unnamed: Vec<&Existing> = there.iter().filter(|one| !named.contains(one.id.as_str())).collect();
    if reach.prune && impossible(&own).is_none() {
        one_url::follow(&mut own, there, &unnamed.iter().map(|one| one.id.as_str()).collect());
    }
    let kept = impossible(&own);
    if !reach.prune || kept.is_some() {
        one_url::follow(&mut own, there, &BTreeSet::new());
    }
    steps.append(&mut own);
    if reach.prune {
        steps.extend(unnamed.into_iter().map(|existing| match &kept {
            None => Step::Prune(pair, existing),
            Some(label) => {
                Step::Keep { pair, existing, why: kept_because(label, "can't become what the file says") }
            }
        }));
    }
}

/// What stands in the way of deletions: a line may be meant for the one that nothing names, or be there to replace it.
fn impossible(steps: &[Step<'_>]) -> Option<String> {
    steps.iter().find_map(|step| match step {
        Step::Cannot { declared, .. } => Some(declared.label().to_owned()),
        _ => None,
    })
}

/// Why something is not deleted.
pub fn kept_because(label: &str, what: &str) -> String {
    format!("not deleted, because {label} {what}")
}

fn found<'p>(
    declared: &Declared,
    there: &'p [Existing],
    same_name: &[&'p Existing],
) -> Result<Option<&'p Existing>, String> {
    if let Some(id) = &declared.id {
        return by_id(id, there.iter().find(|one| one.id == *id), same_name);
    }
    match same_name {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => {
            let ids = several.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(", ");
            Err(format!("there are {} of this name ({ids}): say with id which is meant", several.len()))
        }
    }
}

fn by_id<'p>(
    id: &str,
    found: Option<&'p Existing>,
    same_name: &[&Existing],
) -> Result<Option<&'p Existing>, String> {
    match same_name.iter().find(|one| one.id != id) {
        Some(other) if found.is_some_and(|found| found.name != other.name) => {
            Err(format!("another one has this name: {}", other.id))
        }
        _ => found.map(Some).ok_or_else(|| {
            format!("the pair has no subscription {id}; without id it would be found by its name, or created")
        }),
    }
}

impl<'p> Step<'p> {
    /// Makes it one that can't be.
    pub fn refuse(&mut self, because: String) {
        let (declared, existing): (&'p Declared, _) = match self {
            Step::Create(declared) => (declared, None),
            Step::Update { declared, existing, .. } | Step::Unchanged(declared, existing) => {
                (declared, Some(*existing))
            }
            Step::Cannot { why, .. } => return why.push(because),
            Step::Prune(..) | Step::Keep { .. } => return,
        };
        *self = Step::Cannot { declared, existing, why: vec![because] };
    }

    /// Whose it is.
    pub const fn pair(&self) -> &'p Pair {
        match self {
            Step::Create(declared)
            | Step::Update { declared, .. }
            | Step::Unchanged(declared, _)
            | Step::Cannot { declared, .. } => &declared.pair,
            Step::Prune(pair, _) | Step::Keep { pair, .. } => pair,
        }
    }

    const fn turn(&self) -> u8 {
        match self {
            Step::Update { .. } => 0,
            Step::Create(_) => 1,
            Step::Prune(..) | Step::Keep { .. } => 2,
            Step::Unchanged(..) => 3,
            Step::Cannot { .. } => 4,
        }
    }

    pub const fn is_difference(&self) -> bool {
        !matches!(self, Step::Unchanged(..))
    }
}
