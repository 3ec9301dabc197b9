//! How far a replay looks: no further than fanout is.
//!
//! Fanout makes the live delivery of every event that it is not done with. Would a replay send such an event, its receiver got it
//! twice, as two runs. So a replay looks at an event only once fanout is done with it: then history tells whether it made a
//! delivery, and nobody will make another. What fanout made is left out as whatever was delivered or is under way; what it did
//! not make, whether the subscription was not there yet, was inactive, or was made so lately that fanout had not read it, is
//! sent. So whatever fanout knew of the subscription, each event arrives, and once.
//!
//! Fanout is done with what stands before its committed offset: deliveries and receipts of that are acknowledged, so they are in a
//! history that was brought up to date after the offset was asked for. A fanout that is restarted goes on there, and may emit
//! again what it had begun behind it; of what stands before it never looks at anything again. A partition in which nothing came
//! has the offset 0, and an event that somebody had fanout pass over counts as done with: nobody else will send it.

use std::fmt::{self, Write as _};

/// What of a partition of `events` a replay is about, as it stood when the replay began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Fanout was done with everything before this offset.
    pub done: i64,
    /// What stands there or later came after the replay had begun, or after its time.
    pub end: i64,
}

/// What to do with a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// Look at what stands before this offset.
    Before(i64),
    /// Wait for fanout.
    Wait,
    /// Nothing is left to be looked at.
    Over,
}

impl Reach {
    /// `fanout`: its committed offset; `end`: of what the replay is about in the partition.
    pub fn new(fanout: i64, end: i64) -> Self {
        Self { done: fanout.min(end), end }
    }

    /// `next`: where to go on; `fanout`: its committed offset now.
    pub fn look(self, next: i64, fanout: i64) -> Look {
        if next >= self.end {
            Look::Over
        } else if next >= fanout {
            Look::Wait
        } else {
            Look::Before(fanout.min(self.end))
        }
    }

    /// Whether a replay that sends even what was delivered (`all`) sends this event so. Of one that fanout was not done with when
    /// the replay began, the live delivery is the one that was asked for.
    pub fn sends_again(self, offset: i64) -> bool {
        offset < self.done
    }
}

/// What a replay waits for fanout with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waits {
    /// Of `events`.
    pub partitions: usize,
    /// At most: offsets that hold no event are among them.
    pub events: i64,
}

impl Waits {
    /// As a replay stands, each in the order of the partitions; `None`: there is something that it can look at, or nothing is left.
    pub fn of(reaches: &[Reach], next_offsets: &[i64], fanout: &[i64]) -> Option<Self> {
        let mut waits = Self { partitions: 0, events: 0 };
        for (reach, (next, fanout)) in reaches.iter().zip(next_offsets.iter().zip(fanout)) {
            match reach.look(*next, *fanout) {
                Look::Over => {}
                Look::Before(_) => return None,
                Look::Wait => {
                    waits.partitions += 1;
                    waits.events += reach.end - next;
                }
            }
        }
        (waits.partitions > 0).then_some(waits)
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partitions, events } = self;
        write!(
            formatter,
            "fanout, which has not dealt with the last of its time yet: {events} events at most, in {partitions} \
             partitions of events"
        )
    }
}

/// As it stands in the progress of a task, in the order of the partitions.
pub fn encode_reaches(reaches: &[Reach]) -> String {
    let mut text = String::from("r1");
    for Reach { done, end } in reaches {
        // Writing to a string cannot fail.
        let _ = write!(text, ":{done}-{end}");
    }
    text
}

/// What was written so; `None`: nothing was, or it is of another format. Then it is found out again.
pub fn decode_reaches(text: &str) -> Option<Vec<Reach>> {
    let number = |text: &str| text.parse().ok().filter(|number: &i64| *number >= 0);
    let reach = |text: &str| {
        let (done, end) = text.split_once('-')?;
        Some(Reach { done: number(done)?, end: number(end)? })
    };
    text.strip_prefix("r1:")?.split(':').map(reach).collect()
}
