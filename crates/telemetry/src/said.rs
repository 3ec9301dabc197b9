//! What is wrong for many requests at once is said now and then, not for each of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two lines about the same.
const AGAIN: Duration = Duration::from_secs(60);
/// Things remembered, at most, unless told otherwise.
const SUBJECTS_MAX: usize = 256;
/// Least time between two looks for what may be forgotten, when there is no room.
const SWEEP_AGAIN: Duration = Duration::from_secs(1);

/// When something was said last, by what it is about; shared by tasks. Subjects for which there is no room share one entry, so that lines
/// are bounded as well.
pub struct Said {
    subjects_max: usize,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    subjects: HashMap<String, Entry>,
    others: Option<Entry>,
    swept: Option<Instant>,
}

struct Entry {
    at: Instant,
    since: u64,
}

impl Default for Said {
    fn default() -> Self {
        Self::of(SUBJECTS_MAX)
    }
}

impl Said {
    /// With room for so many subjects.
    #[must_use]
    pub fn of(subjects_max: usize) -> Self {
        Self { subjects_max, memory: Mutex::default() }
    }

    /// `None` when it was said less than a minute before `now`; otherwise how often it was left unsaid since.
    pub fn may_say(&self, subject: &str, now: Instant) -> Option<u64> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = memory.subjects.get_mut(subject) {
            return entry.may_say(now);
        }
        if memory.subjects.len() >= self.subjects_max
            && memory.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP_AGAIN)
        {
            memory.swept = Some(now);
            memory.subjects.retain(|_, entry| now.duration_since(entry.at) < AGAIN);
        }
        let first = Entry { at: now, since: 0 };
        if memory.subjects.len() < self.subjects_max {
            memory.subjects.insert(subject.to_owned(), first);
            return Some(0);
        }
        match &mut memory.others {
            Some(others) => others.may_say(now),
            none => {
                *none = Some(first);
                Some(0)
            }
        }
    }
}

impl Entry {
    fn may_say(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.at) < AGAIN {
            self.since += 1;
            return None;
        }
        self.at = now;
        Some(std::mem::take(&mut self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_a_minute() {
        let (said, now) = (Said::default(), Instant::now());
        assert_eq!(said.may_say("k1", now), Some(0));
        assert_eq!(said.may_say("k2", now), Some(0), "another");
        for _ in 0..3 {
            assert_eq!(said.may_say("k1", now + AGAIN - Duration::from_millis(1)), None);
        }
        assert_eq!(said.may_say("k1", now + AGAIN), Some(3));
        assert_eq!(said.may_say("k1", now + AGAIN), None);
    }

    #[test]
    fn memory_and_lines_are_bounded() {
        let (said, now) = (Said::of(3), Instant::now());
        let pass = |at| -> Vec<u64> {
            (0..100).filter_map(|subject: u32| said.may_say(&subject.to_string(), at)).collect()
        };
        assert_eq!(pass(now), [0; 4], "three by name, one for all others");
        assert!(pass(now + AGAIN / 2).is_empty());
        assert_eq!(pass(now + AGAIN), [1, 1, 1, 96 + 97], "what was left unsaid of all others is counted");
        assert_eq!(said.may_say("another", now + 3 * AGAIN), Some(0), "what is old makes room");
        assert_eq!(said.memory.lock().unwrap().subjects.len(), 1);
    }
}
