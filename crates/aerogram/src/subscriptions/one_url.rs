//! Where a customer has one callback URL: what moves along with an update, and what can't be created. The rule is that of
//! [`aerogram_domain::subscription::one_url`], the pair's subscriptions are those the api showed.

use std::collections::BTreeSet;
use std::sync::Arc;

use aerogram_domain::catalogue::Environment;
use aerogram_domain::subscription::Profile;
use aerogram_domain::subscription::one_url::Place;
use aerogram_wire::v1::Subscription;

use super::declared::Declared;
use super::existing::Existing;
use super::plan::Step;

/// Lines that want different URLs where there is one: each would undo the other, in every run.
pub fn refuse_different(steps: &mut [Step<'_>]) {
    let wanted: Vec<(Place, &Declared)> = steps.iter().filter_map(wanted).collect();
    for step in steps {
        let Some((place, declared)) = self::wanted(step) else { continue };
        let other =
            wanted.iter().find(|(other, line)| *other == place && line.callback_url != declared.callback_url);
        let Some((_, other)) = other else { continue };
        let why = format!(
            "the profile {} allows one callbackUrl for {}, and line {} has {}",
            place.profile(),
            place.environment(),
            other.place.line,
            other.callback_url
        );
        step.refuse(why);
    }
}

/// What of the pair's gets another URL with the updates, and what no creation can have then. `pruned`: ids of what will not
/// be there any more.
pub fn follow<'p>(steps: &mut [Step<'p>], there: &'p [Existing], pruned: &BTreeSet<&str>) {
    let mut now: Vec<Arc<Subscription>> = there.iter().map(shown).collect();
    let updated: BTreeSet<String> = steps.iter().filter_map(updated).collect();
    for step in &mut *steps {
        let Step::Update { declared, existing, moves, .. } = step else { continue };
        let Some(place) = Place::of(&shown(existing)) else { continue };
        let url = &declared.callback_url;
        let moved: BTreeSet<String> =
            place.to_move(url, &now).into_iter().map(|one| one.id.clone()).collect();
        for one in now.iter_mut().filter(|one| moved.contains(&one.id)) {
            url.clone_into(&mut Arc::make_mut(one).callback_url);
        }
        let said = |one: &&Existing| {
            moved.contains(&one.id) && !updated.contains(&one.id) && !pruned.contains(one.id.as_str())
        };
        *moves = there.iter().filter(said).collect();
    }
    now.retain(|one| !pruned.contains(one.id.as_str()));
    for step in steps {
        let Step::Create(declared) = step else { continue };
        let place = declared.profile.as_deref().and_then(Profile::parse);
        let place = place.zip(Environment::parse(&declared.environment));
        let Some(place) = place.and_then(|(profile, environment)| Place::new(profile, environment)) else {
            continue;
        };
        let Some(other) = place.conflict(&declared.callback_url, &now) else { continue };
        let name = there.iter().find(|one| one.id == other.id).map_or(other.id.as_str(), Existing::label);
        let why = format!(
            "the profile {} allows one callbackUrl for {}, and {name} has {}: change that one's, and it moves all",
            place.profile(),
            place.environment(),
            other.callback_url
        );
        step.refuse(why);
    }
}

fn wanted<'p>(step: &Step<'p>) -> Option<(Place, &'p Declared)> {
    let (Step::Update { declared, existing, .. } | Step::Unchanged(declared, existing)) = step else {
        return None;
    };
    Some((Place::of(&shown(existing))?, declared))
}

fn updated(step: &Step<'_>) -> Option<String> {
    if let Step::Update { existing, .. } = step { Some(existing.id.clone()) } else { None }
}

/// As far as the rule looks at it.
fn shown(one: &Existing) -> Arc<Subscription> {
    Arc::new(Subscription {
        id: one.id.clone(),
        callback_url: one.callback_url.clone(),
        profile: one.profile.clone(),
        environment: one.environment.clone(),
        ..Subscription::default()
    })
}
