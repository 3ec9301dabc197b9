//! The words that events are searched by. They stand by spans of time, so that what is written at one time stands together: so it is
//! written fastest, and what is too old goes at once. What they lead to may be gone; whoever finds them looks.

use std::collections::HashSet;

use aerogram_domain::history::search_words;
use aerogram_wire::v1::Delivery;
use rusqlite::{Transaction, params};

use super::place::EventCursor;
use crate::deliveries::Names;

pub const TABLES: &str = "
CREATE TABLE event_words (
    span INTEGER NOT NULL,
    word TEXT NOT NULL,
    operator INTEGER NOT NULL,
    accepted_at_ms INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (span, word, operator, accepted_at_ms, partition, offset)
) STRICT, WITHOUT ROWID;
";

/// What goes when only what was accepted then or later is kept: whole spans ([`SPAN_MS`]).
pub const DROP: &str =
    "DELETE FROM event_words WHERE (span, word, operator, accepted_at_ms, partition, offset) IN
     (SELECT span, word, operator, accepted_at_ms, partition, offset FROM event_words
     WHERE span < ?1 / 21600000 ORDER BY span, word, operator, accepted_at_ms, partition, offset LIMIT ?2) RETURNING accepted_at_ms";

/// In milliseconds. The longer, the more of the file is written at one time; the shorter, the more places to look at.
const SPAN_MS: i64 = 21_600_000;

/// The span of a moment, in spans since 1970.
pub const fn span_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(SPAN_MS)
}

/// Events that are remembered; past it they are written anew, which changes nothing.
const REMEMBERED_MAX: usize = 10_000;

/// Events whose words are written: each has many deliveries. When a transaction fails they may not be: begin with new ones.
#[derive(Default)]
pub struct Remembered(HashSet<EventCursor>);

/// An event, as its words lead to it.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    pub at: EventCursor,
    pub operator: &'a str,
    /// The publisher's.
    pub event_id: &'a str,
    pub words: &'a [String],
}

impl Named<'_> {
    /// A repetition changes nothing.
    pub fn insert(
        &self,
        transaction: &Transaction<'_>,
        names: &mut Names,
        remembered: &mut Remembered,
    ) -> rusqlite::Result<()> {
        if self.words.is_empty() || remembered.0.contains(&self.at) {
            return Ok(());
        }
        let EventCursor { accepted_at_ms, position } = self.at;
        let (span, operator) = (span_of(accepted_at_ms), names.word(transaction, self.operator)?);
        let mut insert = transaction
            .prepare_cached("INSERT OR IGNORE INTO event_words VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        for word in self.words {
            let Named { event_id, .. } = self;
            insert.execute(params![
                span,
                word,
                operator,
                accepted_at_ms,
                position.partition,
                position.offset,
                event_id
            ])?;
        }
        if remembered.0.len() >= REMEMBERED_MAX {
            remembered.0.clear();
        }
        remembered.0.insert(self.at);
        Ok(())
    }
}

/// Those of the delivery's event; none, unless this is the first record of a live run: all others repeat it.
pub fn of_delivery(delivery: &Delivery) -> Vec<String> {
    let is_first = delivery.run == 0 && delivery.seq == 0 && !delivery.from_pending && !delivery.once;
    let event = delivery.event.as_ref().filter(|_| is_first);
    event.map(|event| search_words(&event.subject, &event.data)).unwrap_or_default()
}
