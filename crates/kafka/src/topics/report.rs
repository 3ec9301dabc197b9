//! What was found and made, for people.

use std::fmt;

use aerogram_wire::{Layout, Topic};

use super::admin::Values;
use super::wanted::Wanted;

/// What `create` and `check` found.
#[derive(Debug, Clone)]
pub struct Report {
    pub prefix: String,
    /// `None` when nothing is pinned yet.
    pub layout: Option<Layout>,
    /// Whether this run pinned it.
    pub layout_made: bool,
    pub topics: Vec<TopicLine>,
    pub groups: Vec<GroupLine>,
    /// Differences between settings and layout.
    pub notes: Vec<String>,
}

/// One topic.
#[derive(Debug, Clone)]
pub struct TopicLine {
    pub topic: Topic,
    pub name: String,
    /// `None` when it does not exist.
    pub partitions: Option<i32>,
    pub state: TopicState,
}

/// How a topic is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicState {
    Made,
    Good,
    Missing,
    /// Each difference in words.
    Wrong(Vec<String>),
}

/// One group on one of the topics that drive it.
#[derive(Debug, Clone)]
pub struct GroupLine {
    pub group: String,
    pub topic: String,
    pub partitions: i32,
    /// Partitions without a committed offset.
    pub missing: Vec<i32>,
    /// First offsets this run committed.
    pub committed: usize,
}

pub(super) fn line(
    wanted: &Wanted,
    pinned: i32,
    partitions: Option<i32>,
    config: Option<&Values>,
) -> TopicLine {
    let state = match partitions {
        None => TopicState::Missing,
        Some(there) => {
            let mut wrong = Vec::new();
            if there != pinned {
                wrong.push(format!("{there} partitions instead of {pinned}"));
            }
            for (key, value) in &wanted.config {
                let is = config.and_then(|config| config.get(*key)).map_or("unknown", String::as_str);
                if is != value {
                    wrong.push(format!("{key} is {is}, should be {value}"));
                }
            }
            if wrong.is_empty() { TopicState::Good } else { TopicState::Wrong(wrong) }
        }
    };
    TopicLine { topic: wanted.topic, name: wanted.name.clone(), partitions, state }
}

impl Report {
    /// Whether every role can run.
    pub fn is_good(&self) -> bool {
        self.layout.is_some()
            && self.notes.is_empty()
            && self.topics.iter().all(|line| matches!(line.state, TopicState::Made | TopicState::Good))
            && self.groups.iter().all(|line| line.missing.is_empty())
    }

    pub(super) fn mark_made(&mut self, made: &[Topic]) {
        for line in &mut self.topics {
            if made.contains(&line.topic) && line.state == TopicState::Good {
                line.state = TopicState::Made;
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.layout {
            Some(layout) => {
                let (id, made) = (&layout.layout_id, if self.layout_made { " (made now)" } else { "" });
                let (partitions, events) = (layout.partitions, layout.event_partitions);
                writeln!(f, "layout {id}{made}: {partitions} partitions, {events} for events")?;
            }
            None => {
                writeln!(f, "no layout under the prefix {:?}: run `aerogram topics create`", self.prefix)?;
            }
        }
        for note in &self.notes {
            writeln!(f, "  differs: {note}")?;
        }
        let width = self.topics.iter().map(|line| line.name.len()).max().unwrap_or(0);
        for TopicLine { name, partitions, state, .. } in &self.topics {
            let partitions = partitions.map_or_else(|| "-".to_owned(), |n| n.to_string());
            writeln!(f, "  {name:<width$}  {partitions:>5}  {state}")?;
        }
        for GroupLine { group, topic, partitions, missing, committed } in &self.groups {
            write!(f, "  group {group} on {topic}: ")?;
            match (missing.is_empty(), *committed) {
                (true, 0) => writeln!(f, "all {partitions} partitions have an offset"),
                (true, made) => writeln!(f, "first offset committed for {made} partitions"),
                (false, _) => writeln!(
                    f,
                    "no offset for partitions {missing:?}: run `aerogram topics create` if the group never ran; \
                     otherwise find out where it stood, because it would begin at 0"
                ),
            }?;
        }
        let properties = self.topics.iter().any(|line| matches!(line.state, TopicState::Wrong(_)));
        if properties {
            writeln!(
                f,
                "properties are set with kafka-configs.sh --alter --entity-type topics --entity-name TOPIC --add-config \
                 KEY=VALUE; partition counts never change: to grow, choose a new kafka.topic_prefix and let the old one drain"
            )?;
        }
        write!(f, "{}", if self.is_good() { "all good" } else { "not good: see above" })
    }
}

impl fmt::Display for TopicState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made => f.write_str("made"),
            Self::Good => f.write_str("good"),
            Self::Missing => f.write_str("MISSING: run `aerogram topics create`"),
            Self::Wrong(differences) => write!(f, "WRONG: {}", differences.join("; ")),
        }
    }
}
