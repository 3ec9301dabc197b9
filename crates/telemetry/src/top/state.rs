//! How a subscription does, in one word, by what its deliverer and its scheduler say.

use serde::Serialize;

use super::{Lane, Parked, Sending, Top, locked};

/// How a subscription does, in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its receiver keeps failing: only probes are sent.
    Shut,
    /// The last attempts failed.
    Failing,
    /// Its receiver asked for patience.
    Paused,
    /// A limit delays it.
    Limited,
    /// Its answers take long.
    Slow,
    /// Its deliverer says a word of a later version.
    Unknown,
    /// What was parked flows back by credits.
    Paced,
    /// Nothing is wrong.
    Well,
}

impl State {
    /// The worst first.
    pub const ALL: [Self; 8] = [
        Self::Shut,
        Self::Failing,
        Self::Paused,
        Self::Limited,
        Self::Slow,
        Self::Unknown,
        Self::Paced,
        Self::Well,
    ];

    /// As its deliverer says.
    #[must_use]
    pub const fn of(lane: Lane) -> Self {
        match lane {
            Lane::Shut => Self::Shut,
            Lane::Failing => Self::Failing,
            Lane::Paused => Self::Paused,
            Lane::Limited => Self::Limited,
            Lane::Slow => Self::Slow,
            Lane::Unknown => Self::Unknown,
            Lane::Well => Self::Well,
        }
    }

    /// The deliverer knows how the receiver does. After it started anew the scheduler knows more: that it sends probes only.
    #[must_use]
    pub fn of_both(sending: Option<&Sending>, parked: Option<&Parked>) -> Self {
        let probed = parked.is_some_and(|parked| parked.shut && parked.parked > 0);
        match sending.map(|sending| sending.lane) {
            None | Some(Lane::Failing) if probed => Self::Shut,
            None | Some(Lane::Well) if parked.is_some_and(|parked| parked.parked > 0) => Self::Paced,
            None => Self::Well,
            Some(lane) => Self::of(lane),
        }
    }

    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shut => "shut",
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::Limited => "limited",
            Self::Slow => "slow",
            Self::Unknown => "unknown",
            Self::Paced => "paced",
            Self::Well => "well",
        }
    }
}

/// What the partitions of this process say of one subscription.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Known {
    /// What the one that sends for it does; `None`: nothing.
    pub sending: Option<Sending>,
    /// What the one that holds what waits for it does; `None`: nothing.
    pub parked: Option<Parked>,
    /// Partitions that were asked and had everything on their lists that does not do well.
    pub sending_partitions: usize,
    /// Partitions that were asked and had everything on their lists for which something is parked.
    pub parked_partitions: usize,
}

impl Top {
    /// What is said of this subscription.
    #[must_use]
    pub fn known_of(&self, subscription_id: &str) -> Known {
        locked(&self.shared).lists.known_of(subscription_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::ROWS_MAX;

    #[test]
    fn a_word_is_written_as_it_is_named() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }

    #[test]
    fn a_full_list_does_not_tell_of_what_is_not_on_it() {
        let top = Top::default();
        let (mut one, mut full, mut waits) = (top.sending(), top.sending(), top.parked());
        let row = |id: &str, lane| Sending { subscription_id: id.into(), lane, ..Sending::default() };
        one.publish(0, |_| vec![row("a", Lane::Slow)]);
        full.publish(0, |most| (0..most).map(|n| row(&format!("n{n}"), Lane::Shut)).collect());
        waits.publish(0, |_| vec![Parked { subscription_id: "b".into(), parked: 1, ..Parked::default() }]);
        let known = top.known_of("a");
        assert_eq!(known.sending, Some(row("a", Lane::Slow)));
        assert_eq!((known.parked, known.sending_partitions, known.parked_partitions), (None, 1, 1));
        assert_eq!(top.known_of("b").parked.map(|parked| parked.parked), Some(1));
        let last = format!("n{}", ROWS_MAX - 1);
        assert_eq!(top.known_of(&last).sending.map(|sending| sending.lane), Some(Lane::Shut));
        assert_eq!(top.known_of("c").sending, None);
        drop(full);
        assert_eq!(top.known_of(&last).sending, None);
    }
}
