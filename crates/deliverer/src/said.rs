//! What is wrong for many requests at once is said now and then, not for each of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two lines about the same.
const AGAIN: Duration = Duration::from_secs(60);
/// Things remembered, at most.
const SUBJECTS_MAX: usize = 256;

/// When something was said last, by what it is about.
#[derive(Default)]
pub struct Said(Mutex<HashMap<String, Entry>>);

struct Entry {
    at: Instant,
    since: u64,
}

impl Said {
    /// `None` when it was said less than a minute before `now`; otherwise how often it was left unsaid since.
    pub fn may_say(&self, subject: &str, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = said.get_mut(subject) {
            if now.duration_since(entry.at) < AGAIN {
                entry.since += 1;
                return None;
            }
            let unsaid = std::mem::take(&mut entry.since);
            entry.at = now;
            return Some(unsaid);
        }
        if said.len() >= SUBJECTS_MAX {
            said.retain(|_, entry| now.duration_since(entry.at) < AGAIN);
        }
        if said.len() < SUBJECTS_MAX {
            said.insert(subject.to_owned(), Entry { at: now, since: 0 });
        }
        Some(0)
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
        for n in 0..10 * SUBJECTS_MAX {
            said.may_say(&n.to_string(), now);
        }
        assert!(said.0.lock().unwrap().len() <= SUBJECTS_MAX);
    }
}
