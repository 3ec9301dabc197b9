//! The requests that a partition may have open, as places: which lanes have how many, and which may take one more.
//!
//! No lane has more than are free, and no operator more than twice as many, so that something is always left for others.
//! Slow receivers keep their places for long: all of them together get a part, which is not counted as their operator's. Of
//! a new one nobody knows how long it takes, so each gets a few until it has answered, and all of them together half. Where
//! only one subscription is active, nothing has to be left for others.

use std::collections::HashMap;

/// Slow lanes together have this part of the places.
const SLOW_PART: usize = 4;
/// A lane of which nobody knows has so many at most.
const NEW_OPEN_MAX: usize = 4;

/// How long a receiver keeps a place, as its lane was counted last.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Speed {
    /// It has not answered yet.
    #[default]
    New,
    Quick,
    Slow,
}

/// So many places, for so many lanes together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    pub places: usize,
    pub lanes: usize,
}

pub struct Places {
    all: usize,
    new: usize,
    slow: usize,
    /// Of lanes that are not slow, by operator; none is not kept.
    by_operator: HashMap<String, usize>,
    /// Slow lanes in which something waits or is open, as of the last look.
    pub slow_lanes: usize,
    /// Somebody else has a subscription in this partition, whose deliveries may stand behind what is polled.
    pub shared: bool,
}

impl Places {
    pub fn new(all: usize) -> Self {
        Self { all, new: 0, slow: 0, by_operator: HashMap::new(), slow_lanes: 0, shared: true }
    }

    fn for_slow(&self) -> usize {
        (self.all / SLOW_PART).max(1)
    }

    fn half(&self) -> usize {
        self.all.div_ceil(2)
    }

    /// Whether a lane that has `open` of them may take one more; `free`: so many are not taken.
    pub fn has_one_for(&self, speed: Speed, open: usize, free: usize) -> bool {
        if !self.shared {
            return free > 0;
        }
        match speed {
            Speed::Quick => open < free,
            Speed::Slow => self.slow < self.for_slow(),
            Speed::New => {
                // Those that were found to be slow while they were new have more than their part.
                let new = self.new + self.slow.saturating_sub(self.for_slow());
                open < free.min(NEW_OPEN_MAX) && new < self.half()
            }
        }
    }

    /// Whether an operator's lanes have as many as they may.
    pub fn has_none_for(&self, operator: &str, free: usize) -> bool {
        self.shared && self.by_operator.get(operator).is_some_and(|open| *open >= 2 * free)
    }

    pub fn take(&mut self, operator: &str, speed: Speed, n: usize) {
        match speed {
            Speed::New => self.new += n,
            Speed::Slow => self.slow += n,
            Speed::Quick => {}
        }
        if speed != Speed::Slow && n > 0 {
            match self.by_operator.get_mut(operator) {
                Some(open) => *open += n,
                None => _ = self.by_operator.insert(operator.to_owned(), n),
            }
        }
    }

    /// What was taken by this operator at this speed.
    pub fn give_back(&mut self, operator: &str, speed: Speed, n: usize) {
        match speed {
            Speed::New => self.new = self.new.saturating_sub(n),
            Speed::Slow => self.slow = self.slow.saturating_sub(n),
            Speed::Quick => {}
        }
        if speed != Speed::Slow
            && let Some(open) = self.by_operator.get_mut(operator)
        {
            *open = open.saturating_sub(n);
            if *open == 0 {
                self.by_operator.remove(operator);
            }
        }
    }

    /// What a lane gets at best, when `concurrency` is all that it may have.
    pub fn share(&self, speed: Speed, concurrency: usize) -> Share {
        if !self.shared {
            return Share { places: concurrency.min(self.all), lanes: 1 };
        }
        match speed {
            Speed::Slow => Share { places: concurrency.min(self.for_slow()), lanes: self.slow_lanes.max(1) },
            // A new one only until it has answered.
            Speed::New | Speed::Quick => Share { places: concurrency.min(self.half()), lanes: 1 },
        }
    }

    #[cfg(test)]
    pub fn taken_by_slow(&self) -> usize {
        self.slow
    }
}
