//! What has to be done: declared × existing → steps. Nothing here asks or writes.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, change};
use super::declared::{Declared, Pair};
use super::existing::Existing;

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
    Update { declared: &'p Declared, existing: &'p Existing, change: Change },
    Create(&'p Declared),
    Prune(&'p Pair, &'p Existing),
    Unchanged(&'p Declared, &'p Existing),
    Cannot { declared: &'p Declared, existing: Option<&'p Existing>, why: Vec<String> },
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
    for &declared in declared {
        let same_name: Vec<&Existing> =
            there.iter().filter(|one| one.name.is_some() && one.name == declared.name).collect();
        named.extend(same_name.iter().map(|one| one.id.as_str()));
        let found = match &declared.id {
            Some(id) => {
                let found = there.iter().find(|one| one.id == *id);
                named.extend(found.map(|one| one.id.as_str()));
                by_id(id, found, &same_name)
            }
            None => match same_name.as_slice() {
                [] => Ok(None),
                [one] => Ok(Some(*one)),
                several => {
                    let ids = several.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(", ");
                    Err(format!(
                        "there are {} of this name ({ids}): say with id which is meant",
                        several.len()
                    ))
                }
            },
        };
        steps.push(match found {
            Err(why) => Step::Cannot { declared, existing: None, why: vec![why] },
            Ok(None) => Step::Create(declared),
            Ok(Some(existing)) => match change(declared, existing, reach.set_secrets, reach.now) {
                Err(why) => Step::Cannot { declared, existing: Some(existing), why },
                Ok(change) if change.is_empty() => Step::Unchanged(declared, existing),
                Ok(change) => Step::Update { declared, existing, change },
            },
        });
    }
    if reach.prune {
        let unnamed = there.iter().filter(|one| !named.contains(one.id.as_str()));
        steps.extend(unnamed.map(|one| Step::Prune(pair, one)));
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

impl Step<'_> {
    const fn turn(&self) -> u8 {
        match self {
            Step::Update { .. } => 0,
            Step::Create(_) => 1,
            Step::Prune(..) => 2,
            Step::Unchanged(..) => 3,
            Step::Cannot { .. } => 4,
        }
    }

    pub const fn is_difference(&self) -> bool {
        !matches!(self, Step::Unchanged(..))
    }
}
