//! One callback URL for all subscriptions of a pair in an environment, under the profiles that allow only one.
//!
//! No lock holds two creations apart, be it in one process or in two. So it is asked before a creation, and again once the
//! creation can be seen by all: of two, the one seen last sees the other in any case, and goes unless the other does.

use std::sync::Arc;

use super::Profile;
use crate::catalogue::Environment;
use aerogram_wire::v1::{Status, Subscription};
use url::Url;

/// Where only one URL is allowed. Of whose subscriptions is the caller's matter: all functions are given those of one pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    profile: Profile,
    environment: Environment,
}

/// The version of a subscription that nobody has changed since its creation; only such a one may be taken back.
pub const AS_CREATED: u64 = 1;

/// After this a creation has been answered, and nobody takes it back any more, in milliseconds.
pub const SETTLED_AFTER_MS: i64 = 4_000;

/// What becomes of a subscription that was just created.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// It is the only one, has the URL of the others, or was changed since.
    Stays,
    /// This later one has another URL, and will go unless it was there before this one could be seen; then this one goes.
    Waits(Arc<Subscription>),
    /// This earlier one has another URL: the new one goes.
    Goes(Arc<Subscription>),
    /// It is not there any more.
    Gone,
}

impl Place {
    /// `None`: any number of URLs is allowed.
    pub fn new(profile: Profile, environment: Environment) -> Option<Self> {
        profile.one_callback_url().then_some(Self { profile, environment })
    }

    /// The place of a subscription.
    pub fn of(subscription: &Subscription) -> Option<Self> {
        let profile = Profile::parse(&subscription.profile)?;
        Self::new(profile, Environment::parse(&subscription.environment)?)
    }

    /// The name of the profile.
    pub fn profile(self) -> &'static str {
        self.profile.name()
    }

    /// The name of the environment.
    pub fn environment(self) -> &'static str {
        self.environment.as_str()
    }

    /// The earliest of the pair's subscriptions that stands in the way of one with this URL; those that are inactive do as
    /// well, for they can be made active again.
    pub fn conflict<'a>(self, url: &str, pair: &'a [Arc<Subscription>]) -> Option<&'a Arc<Subscription>> {
        self.among(pair).filter(|other| !same_url(&other.callback_url, url)).min_by_key(|s| order(s))
    }

    /// Those of the pair's subscriptions that have to get this URL, the earliest first.
    pub fn to_move<'a>(self, url: &str, pair: &'a [Arc<Subscription>]) -> Vec<&'a Arc<Subscription>> {
        let mut others: Vec<_> = self.among(pair).filter(|other| other.callback_url != url).collect();
        others.sort_by_key(|s| order(s));
        others
    }

    /// Those that have to get this URL before the one that is named in a move does. It is the last one: what was interrupted
    /// leaves it as it was, so that the same move still fits it.
    pub fn to_move_before<'a>(
        self,
        named: &str,
        url: &str,
        pair: &'a [Arc<Subscription>],
    ) -> Vec<&'a Arc<Subscription>> {
        self.to_move(url, pair).into_iter().filter(|other| other.id != named).collect()
    }

    /// What becomes of the subscription `id` after its creation, all that could be seen then being in `pair`. To be asked by
    /// the request that created it, by no other.
    pub fn after_creation(self, id: &str, pair: &[Arc<Subscription>]) -> Verdict {
        let Some(created) = self.among(pair).find(|s| s.id == id) else { return Verdict::Gone };
        if created.version != AS_CREATED {
            return Verdict::Stays;
        }
        match self.conflict(&created.callback_url, pair) {
            None => Verdict::Stays,
            Some(other) if order(other) < order(created) => Verdict::Goes(Arc::clone(other)),
            Some(other) => Verdict::Waits(Arc::clone(other)),
        }
    }

    /// What a repeat of its creation finds at `now_ms`: the repeat takes nothing back, so it never goes. It waits as long as
    /// the request that created it may still do so; later another URL beside it is that of a move that is not through.
    pub fn after_repeat(self, id: &str, pair: &[Arc<Subscription>], now_ms: i64) -> Verdict {
        let created_at_ms = self.among(pair).find(|s| s.id == id).map_or(0, |s| s.created_at_ms);
        match self.after_creation(id, pair) {
            Verdict::Goes(other) | Verdict::Waits(other)
                if now_ms.saturating_sub(created_at_ms) < SETTLED_AFTER_MS =>
            {
                Verdict::Waits(other)
            }
            Verdict::Goes(_) | Verdict::Waits(_) | Verdict::Stays => Verdict::Stays,
            Verdict::Gone => Verdict::Gone,
        }
    }

    fn among(self, pair: &[Arc<Subscription>]) -> impl Iterator<Item = &Arc<Subscription>> {
        pair.iter().filter(move |s| s.status() != Status::Deleted && Self::of(s) == Some(self))
    }
}

/// Clocks of two writers differ, so this is no order in time; it is the same for everyone, which is enough.
fn order(subscription: &Subscription) -> (i64, &str) {
    (subscription.created_at_ms, &subscription.id)
}

/// As the URL standard compares them: `https://A.example` is `https://a.example/`.
fn same_url(one: &str, other: &str) -> bool {
    one == other || matches!((Url::parse(one), Url::parse(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "https://a.example/hook";
    const B: &str = "https://b.example/hook";
    const PLACE: Place = Place { profile: Profile::Staffing, environment: Environment::Production };

    fn subscription(id: &str, created_at_ms: i64, url: &str) -> Arc<Subscription> {
        with(id, created_at_ms, url, |_| ())
    }

    fn with(
        id: &str,
        created_at_ms: i64,
        url: &str,
        change: impl FnOnce(&mut Subscription),
    ) -> Arc<Subscription> {
        let mut subscription = Subscription {
            id: id.into(),
            version: AS_CREATED,
            created_at_ms,
            callback_url: url.into(),
            profile: "staffing".into(),
            environment: "production".into(),
            status: Status::Active.into(),
            ..Subscription::default()
        };
        change(&mut subscription);
        Arc::new(subscription)
    }

    fn ids(found: Vec<&Arc<Subscription>>) -> Vec<&str> {
        found.into_iter().map(|s| s.id.as_str()).collect()
    }

    #[test]
    fn only_staffing_has_one_url() {
        for profile in Profile::ALL {
            let place = Place::new(profile, Environment::NonProduction);
            assert_eq!(place.is_some(), profile == Profile::Staffing);
        }
        assert_eq!(Place::of(&subscription("s", 1, A)), Some(PLACE));
        assert_eq!(Place::of(&with("s", 1, A, |s| s.environment.clear())), Some(PLACE));
        assert_eq!(Place::of(&with("s", 1, A, |s| s.profile = "flight".into())), None);
    }

    #[test]
    fn the_earliest_with_another_url_stands_in_the_way() {
        let pair = [
            with("other-profile", 1, B, |s| s.profile = "order".into()),
            with("other-environment", 1, B, |s| s.environment = "non-production".into()),
            with("deleted", 1, B, |s| s.set_status(Status::Deleted)),
            subscription("late", 3, B),
            with("early", 2, B, |s| s.set_status(Status::Inactive)),
            subscription("same", 1, A),
        ];
        assert_eq!(PLACE.conflict(A, &pair).map(|s| s.id.as_str()), Some("early"));
        assert_eq!(PLACE.conflict(B, &pair).map(|s| s.id.as_str()), Some("same"));
        assert_eq!(PLACE.conflict(A, &pair[..3]), None);
        assert_eq!(PLACE.conflict("HTTPS://A.example:443/hook", &pair[5..]), None);
        assert!(PLACE.conflict("https://a.example/hook/", &pair[5..]).is_some());
    }

    #[test]
    fn all_others_move_and_a_repeat_moves_what_is_left() {
        let pair = [
            subscription("c", 3, B),
            subscription("b", 3, A),
            with("a", 1, A, |s| s.set_status(Status::Inactive)),
            with("elsewhere", 1, A, |s| s.environment = "non-production".into()),
        ];
        assert_eq!(ids(PLACE.to_move(B, &pair)), ["a", "b"]);
        assert_eq!(ids(PLACE.to_move(A, &pair)), ["c"]);
        assert_eq!(ids(PLACE.to_move("https://c.example/", &pair)), ["a", "b", "c"]);
        assert_eq!(ids(PLACE.to_move_before("b", "https://c.example/", &pair)), ["a", "c"]);
        assert_eq!(ids(PLACE.to_move_before("c", B, &pair)), ["a", "b"]);
    }

    #[test]
    fn what_was_changed_since_its_creation_is_not_taken_back() {
        let changed = |id: &str, created_at_ms: i64, url: &str, version: u64| {
            with(id, created_at_ms, url, |s| s.version = version)
        };
        let moved = [changed("a", 1, A, 3), changed("b", 2, B, 2), subscription("c", 3, B)];
        for untouched in ["a", "b"] {
            assert_eq!(PLACE.after_creation(untouched, &moved), Verdict::Stays);
        }
        assert_eq!(PLACE.after_creation("c", &moved), Verdict::Goes(Arc::clone(&moved[0])));
    }

    /// Whatever a move has reached when it is interrupted, and whoever is repeated then.
    #[test]
    fn a_repeat_takes_nothing_back() {
        let move_interrupted = [
            subscription("a", 1, A),
            with("b", 2, B, |s| s.version = 2),
            subscription("c", 3, A),
            with("d", 4, B, |s| s.version = 2),
        ];
        let just_now = SETTLED_AFTER_MS - 1;
        for id in ["a", "b", "c", "d"] {
            assert_eq!(PLACE.after_repeat(id, &move_interrupted, 4 + SETTLED_AFTER_MS), Verdict::Stays);
            let soon = PLACE.after_repeat(id, &move_interrupted, just_now);
            assert!(matches!(soon, Verdict::Waits(_) | Verdict::Stays), "{id}: {soon:?}");
        }
        // It may still be the later one of two creations at once, that goes.
        let other = Arc::clone(&move_interrupted[1]);
        assert_eq!(PLACE.after_repeat("c", &move_interrupted, just_now), Verdict::Waits(other));
        assert_eq!(PLACE.after_repeat("c", &move_interrupted[2..3], just_now), Verdict::Stays);
        assert_eq!(PLACE.after_repeat("c", &[], just_now), Verdict::Gone);
        assert_eq!(
            PLACE.after_repeat("c", &move_interrupted, i64::MIN),
            Verdict::Waits(Arc::clone(&move_interrupted[1]))
        );
    }

    #[test]
    fn of_two_creations_at_once_the_later_goes() {
        let pair = [subscription("a", 5, A), subscription("b", 5, B)];
        assert_eq!(PLACE.after_creation("a", &pair), Verdict::Waits(Arc::clone(&pair[1])));
        assert_eq!(PLACE.after_creation("b", &pair), Verdict::Goes(Arc::clone(&pair[0])));
        assert_eq!(PLACE.after_creation("a", &pair[..1]), Verdict::Stays);
        assert_eq!(PLACE.after_creation("b", &pair[..1]), Verdict::Gone);
        let same = [subscription("a", 5, A), subscription("b", 4, A)];
        assert_eq!(PLACE.after_creation("a", &same), Verdict::Stays);
        // Who goes is settled with the earliest, though a later one is in the way as well.
        let three = [subscription("a", 1, A), subscription("b", 2, B), subscription("c", 3, A)];
        assert_eq!(PLACE.after_creation("b", &three), Verdict::Goes(Arc::clone(&three[0])));
        assert_eq!(PLACE.after_creation("c", &three), Verdict::Goes(Arc::clone(&three[1])));
    }

    /// Creations become visible one after the other in any order, each looks at any time after it is visible, sees what is
    /// visible then, and goes at the latest when its patience ends. What is left has one URL, and is not nothing.
    #[test]
    fn whatever_the_order_one_url_is_left() {
        let mut random = fastrand::Rng::with_seed(0x5eed_0001);
        for case in 0..20_000 {
            let count = random.usize(2..5);
            let urls = [A, B, "https://c.example/"];
            let all: Vec<_> = (0..count)
                .map(|n| subscription(&n.to_string(), random.i64(1..4), urls[random.usize(..3)]))
                .collect();
            let (mut hidden, mut visible, mut waiting) = (all.clone(), Vec::new(), Vec::new());
            random.shuffle(&mut hidden);
            while !(hidden.is_empty() && waiting.is_empty()) {
                if let Some(next) = hidden.pop_if(|_| waiting.is_empty() || random.bool()) {
                    visible.push(Arc::clone(&next));
                    waiting.push((next, 0));
                    continue;
                }
                let at = random.usize(..waiting.len());
                let (own, looks) = waiting.swap_remove(at);
                match PLACE.after_creation(&own.id, &visible) {
                    Verdict::Stays => {}
                    Verdict::Waits(_) if looks < 3 => waiting.push((own, looks + 1)),
                    Verdict::Waits(_) | Verdict::Goes(_) => visible.retain(|s| s.id != own.id),
                    Verdict::Gone => panic!("nobody else takes {} away", own.id),
                }
            }
            let left = visible.first().map(|first| PLACE.conflict(&first.callback_url, &visible));
            assert_eq!(left, Some(None), "case {case}: {visible:?}");
        }
    }
}
