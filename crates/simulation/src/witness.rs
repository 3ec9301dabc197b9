//! What one ownership knows of the notes about its receivers, told a second time: which it found, which it asked for, and
//! which came from somebody else and must be taken back.

use aerogram_wire::v1::{Status, Subscription};
use std::collections::{BTreeMap, BTreeSet};

/// A note that is not its own is taken back within this time, if the ownership is sure...
const WITHIN_MS: i64 = 60_000;
/// ...and it has had so many occasions.
const OCCASIONS: u32 = 20;

struct Foreign {
    since_ms: i64,
    read_ms: i64,
    occasions: u32,
}

#[derive(Default)]
pub struct Witness {
    /// The table was read to its end.
    whole: bool,
    found: BTreeMap<String, i64>,
    asked: BTreeSet<(String, i64)>,
    foreign: BTreeMap<String, Foreign>,
}

impl Witness {
    /// A state was read after another.
    pub fn reads(&mut self, now_ms: i64, before: Option<&Subscription>, state: &Subscription) {
        let (id, since_ms) = (&state.id, state.failing_since_ms);
        if !self.whole {
            self.found.insert(id.clone(), since_ms);
            return;
        }
        let goes_on = before.is_some_and(|before| {
            before.status() == Status::Active && before.callback_url == state.callback_url
        });
        if !goes_on || state.status() != Status::Active {
            self.asked.retain(|(asked, _)| asked != id);
        }
        if before.is_some_and(|before| before.failing_since_ms == since_ms && goes_on) {
            return;
        }
        self.foreign.remove(id);
        let own = since_ms == 0 || self.asked.contains(&(id.clone(), since_ms));
        if !own && state.status() == Status::Active {
            self.foreign.insert(id.clone(), Foreign { since_ms, read_ms: now_ms, occasions: 0 });
        }
    }

    pub fn is_whole(&mut self) {
        self.whole = true;
    }

    /// It asks for a note.
    pub fn asks(&mut self, id: &str, since_ms: i64) {
        self.foreign.remove(id);
        if since_ms != 0 {
            self.asked.insert((id.to_owned(), since_ms));
        }
    }

    /// What was noted when it began.
    pub fn found(&self, id: &str) -> Option<i64> {
        self.found.get(id).copied()
    }

    /// It had an occasion to take notes back; what it should have taken back long ago, if there is any.
    pub fn looks(&mut self, now_ms: i64) -> Option<String> {
        self.foreign.values_mut().for_each(|foreign| foreign.occasions += 1);
        let overdue =
            |foreign: &Foreign| foreign.occasions > OCCASIONS && now_ms - foreign.read_ms > WITHIN_MS;
        let (id, foreign) = self.foreign.iter().find(|(_, foreign)| overdue(foreign))?;
        Some(format!("(h) a note of {id} that is not its deliverer's stays: since {}", foreign.since_ms))
    }
}
