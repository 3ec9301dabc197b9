//! Where an ownership begins to fold `attempts`.

use aerogram_domain::deliverer::{Resume, Why};
use aerogram_kafka::From;

/// Where the fold of `attempts` begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin {
    /// Where the last commit says.
    WithTheCommit,
    /// At what is remembered since this time; broker clocks may differ.
    Since { ms: i64 },
    /// At the beginning of what retention has left.
    WithWhatIsLeft,
}

/// How far the clocks of brokers may differ.
const CLOCKS_DIFFER_MAX_MS: i64 = 10_000;

impl Begin {
    pub fn because(why: Why) -> Self {
        match why {
            Why::OlderThanMemory { event_appended_at_ms: ms } => Begin::Since { ms },
            Why::ForeignClaim | Why::TableBehind => Begin::WithTheCommit,
        }
    }

    /// From where to read, and what the decisions are to know of it.
    pub fn apply(self, resume: Resume) -> (From, Resume) {
        // The first record read tells the offset.
        let elsewhere =
            Resume { fold_from: i64::MAX, epoch_there: None, covers_from_ms: None, ..resume.clone() };
        match self {
            Begin::WithTheCommit => (From::Offset(resume.fold_from), resume),
            Begin::Since { ms } => {
                (From::Time(ms - CLOCKS_DIFFER_MAX_MS), Resume { covers_from_ms: Some(ms), ..elsewhere })
            }
            Begin::WithWhatIsLeft if resume.fold_from == 0 => (From::Beginning, resume),
            // What retention removed is older than anything that can come again.
            Begin::WithWhatIsLeft => {
                (From::Beginning, Resume { covers_from_ms: Some(i64::MIN), ..elsewhere })
            }
        }
    }
}
