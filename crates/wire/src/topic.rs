//! The one list of topics: names, families, retention, and who alone writes them.

/// An internal topic. Its full name is `{prefix}.{name}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Topic {
    Events,
    Commands,
    Subscriptions,
    Matches,
    Deliveries,
    Attempts,
    Pending,
    Meta,
    Escalations,
    Timers,
    Rejected,
    Tasks,
}

/// Topics of a family have one partition count; partition p of all of them speaks of the same keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Partitioned by murmur2(subscription id).
    Subscription,
    /// Partitioned by murmur2(subject).
    Event,
    /// One partition.
    Single,
}

/// What happens to old records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retention {
    /// Kept for the configured time.
    Time,
    /// Kept for the configured long time.
    LongTime,
    /// A day.
    Day,
    /// The last record a key is kept.
    Compacted,
}

/// The layout pinned in `meta` by `aerogram topics create`; producers compute partitions from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    pub layout_id: String,
    pub partitions: i32,
    pub event_partitions: i32,
}

impl Layout {
    /// The pinned partition count of a topic.
    pub fn partitions_of(&self, topic: Topic) -> i32 {
        match topic.family() {
            Family::Subscription => self.partitions,
            Family::Event => self.event_partitions,
            Family::Single => 1,
        }
    }
}

impl Topic {
    pub const ALL: [Topic; 12] = [
        Topic::Events,
        Topic::Commands,
        Topic::Subscriptions,
        Topic::Matches,
        Topic::Deliveries,
        Topic::Attempts,
        Topic::Pending,
        Topic::Meta,
        Topic::Escalations,
        Topic::Timers,
        Topic::Rejected,
        Topic::Tasks,
    ];

    /// The name without prefix; also the value of metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Events => "events",
            Topic::Commands => "commands",
            Topic::Subscriptions => "subscriptions",
            Topic::Matches => "matches",
            Topic::Deliveries => "deliveries",
            Topic::Attempts => "attempts",
            Topic::Pending => "pending",
            Topic::Meta => "meta",
            Topic::Escalations => "escalations",
            Topic::Timers => "timers",
            Topic::Rejected => "rejected",
            Topic::Tasks => "tasks",
        }
    }

    /// The name on the broker.
    pub fn full_name(self, prefix: &str) -> String {
        format!("{prefix}.{}", self.name())
    }

    pub const fn family(self) -> Family {
        match self {
            Topic::Commands
            | Topic::Subscriptions
            | Topic::Deliveries
            | Topic::Attempts
            | Topic::Pending
            | Topic::Escalations => Family::Subscription,
            Topic::Events | Topic::Matches | Topic::Timers => Family::Event,
            Topic::Meta | Topic::Rejected | Topic::Tasks => Family::Single,
        }
    }

    pub const fn retention(self) -> Retention {
        match self {
            Topic::Subscriptions | Topic::Pending | Topic::Meta | Topic::Timers => Retention::Compacted,
            Topic::Escalations | Topic::Tasks => Retention::LongTime,
            Topic::Commands => Retention::Day,
            Topic::Events | Topic::Matches | Topic::Deliveries | Topic::Attempts | Topic::Rejected => {
                Retention::Time
            }
        }
    }

    /// Who alone writes it; the table of `docs/architecture.md`.
    pub const fn writers(self) -> &'static [&'static str] {
        match self {
            Topic::Events => &["ingest", "scheduler"],
            Topic::Commands => &["api", "deliverer"],
            Topic::Subscriptions => &["api"],
            Topic::Matches => &["fanout"],
            Topic::Deliveries => &["fanout", "scheduler"],
            Topic::Attempts => &["deliverer"],
            Topic::Pending => &["deliverer", "api"],
            Topic::Meta => &["aerogram topics create"],
            Topic::Escalations => &["deliverer", "api"],
            Topic::Timers => &["scheduler"],
            Topic::Rejected => &["ingest"],
            Topic::Tasks => &["api"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_prefixed() {
        let names: BTreeSet<_> = Topic::ALL.iter().map(|t| t.full_name("a")).collect();
        assert_eq!(names.len(), Topic::ALL.len());
        assert!(names.contains("a.deliveries"));
    }

    #[test]
    fn what_shares_keys_shares_partitions() {
        let layout = Layout { layout_id: "l".into(), partitions: 12, event_partitions: 6 };
        for topic in
            [Topic::Commands, Topic::Subscriptions, Topic::Deliveries, Topic::Attempts, Topic::Pending]
        {
            assert_eq!(layout.partitions_of(topic), 12);
        }
        assert_eq!(layout.partitions_of(Topic::Events), layout.partitions_of(Topic::Matches));
    }
}
