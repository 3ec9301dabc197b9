//! Events that may be one of those that are searched for: by a word, by their subject, by their id. Each of these is read in the
//! order of the list, and no further than somebody wants to know.

use std::collections::BTreeMap;

use aerogram_domain::history::{Status, search_word};
use aerogram_domain::identity::Position;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::place::EventCursor;
use super::search::EventSearch;
use super::words::span_of;
use crate::deliveries::code;

/// It stands there, or did.
pub struct Candidate {
    pub at: EventCursor,
    /// The publisher's; empty: it is not known.
    pub event_id: String,
}

/// Where they are looked for.
pub struct Candidates {
    text: String,
    /// `None`: the text is too long to be one.
    word: Option<String>,
    operator: Operator,
    /// Its name; `None`: any.
    of_operator: Option<String>,
    /// The numbers of the owners whose deliveries are looked at.
    owners: Vec<i64>,
    not_before_ms: i64,
}

/// By the number of its name.
enum Operator {
    Any,
    One(i64),
    /// It is not named anywhere.
    Unknown,
}

/// The newest of them; so many, at most.
struct Newest {
    wanted: usize,
    found: BTreeMap<EventCursor, String>,
}

impl Newest {
    fn add(&mut self, (at, event_id): (EventCursor, String)) {
        self.found.insert(at, event_id);
        if self.found.len() > self.wanted {
            self.found.pop_first();
        }
    }

    /// What is older would be left out.
    fn oldest(&self) -> Option<EventCursor> {
        self.found.keys().next().copied().filter(|_| self.found.len() == self.wanted)
    }
}

/// Begins with where, and of whom.
const IN_ORDER: &str = "AND (accepted_at_ms, partition, offset) < (?, ?, ?) AND accepted_at_ms >= ?
     ORDER BY accepted_at_ms DESC, partition DESC, offset DESC LIMIT ?";
/// The same of live runs, which were issued when their event was accepted.
const RUNS_IN_ORDER: &str = "AND run = 0 AND once = 0
     AND (issued_at_ms, event_partition, event_offset) < (?, ?, ?) AND issued_at_ms >= ?
     ORDER BY issued_at_ms DESC, event_partition DESC, event_offset DESC LIMIT ?";

impl Candidates {
    pub fn of(view: &Connection, search: &EventSearch) -> rusqlite::Result<Self> {
        let operator = match &search.operator {
            None => Operator::Any,
            Some(operator) => view
                .prepare_cached("SELECT id FROM words WHERE word = ?1")?
                .query_row([operator], |row| row.get(0))
                .optional()?
                .map_or(Operator::Unknown, Operator::One),
        };
        let owners = view
            .prepare_cached("SELECT id FROM owners WHERE ?1 IS NULL OR operator = ?1")?
            .query_map([&search.operator], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let text = search.text.trim().to_owned();
        let (word, not_before_ms) = (search_word(&text), search.not_before_ms);
        Ok(Self { text, word, operator, of_operator: search.operator.clone(), owners, not_before_ms })
    }

    /// The newest before this place, so many of them, newest first; fewer, when there are no more.
    pub fn before(
        &self,
        view: &Connection,
        at: EventCursor,
        wanted: usize,
    ) -> rusqlite::Result<Vec<Candidate>> {
        let mut newest = Newest { wanted, found: BTreeMap::new() };
        self.of_unmatched(view, at, &mut newest)?;
        self.of_runs(view, at, &mut newest)?;
        self.of_word(view, at, &mut newest)?;
        Ok(newest.found.into_iter().rev().map(|(at, event_id)| Candidate { at, event_id }).collect())
    }

    /// Span by span.
    fn of_word(&self, view: &Connection, at: EventCursor, newest: &mut Newest) -> rusqlite::Result<()> {
        let Some((word, (of_whom, operator))) = self.word.clone().zip(self.condition()) else {
            return Ok(());
        };
        let text = format!(
            "SELECT accepted_at_ms, partition, offset, event_id FROM event_words
             WHERE span = ? AND word = ? {of_whom} {IN_ORDER}"
        );
        let mut spans = view.prepare_cached("SELECT max(span) FROM event_words WHERE span <= ?1")?;
        let mut until = span_of(at.accepted_at_ms);
        loop {
            let until_wanted = newest.oldest().map_or(self.not_before_ms, |oldest| oldest.accepted_at_ms);
            let span: Option<i64> = spans.query_row([until], |row| row.get(0))?;
            let Some(span) = span.filter(|span| *span >= span_of(until_wanted)) else { return Ok(()) };
            let which = [Value::Integer(span), Value::Text(word.clone())].into_iter().chain(operator.clone());
            self.read(view, &text, which.collect(), at, newest)?;
            until = span - 1;
        }
    }

    fn of_unmatched(&self, view: &Connection, at: EventCursor, newest: &mut Newest) -> rusqlite::Result<()> {
        let Some((of_whom, operator)) = self.condition() else { return Ok(()) };
        let what = "SELECT accepted_at_ms, partition, offset, coalesce(event_id, '') FROM unmatched";
        for which in ["event_id = ? COLLATE NOCASE", "subject = ? COLLATE NOCASE AND subject <> ''"] {
            let text = format!("{what} WHERE {which} {of_whom} {IN_ORDER}");
            let values = std::iter::once(Value::Text(self.text.clone())).chain(operator.clone());
            self.read(view, &text, values.collect(), at, newest)?;
        }
        Ok(())
    }

    /// In the stretches of each index, which are in the order of the list.
    fn of_runs(&self, view: &Connection, at: EventCursor, newest: &mut Newest) -> rusqlite::Result<()> {
        let what = "SELECT DISTINCT issued_at_ms, event_partition, event_offset, event_id FROM deliveries INDEXED BY";
        let by_subject = format!(
            "{what} deliveries_by_subject WHERE subject = ? COLLATE NOCASE AND owner = ? AND status = ? {RUNS_IN_ORDER}"
        );
        for owner in &self.owners {
            for status in Status::ALL {
                let numbers = [*owner, code(status)].map(Value::Integer);
                let values = std::iter::once(Value::Text(self.text.clone())).chain(numbers);
                self.read(view, &by_subject, values.collect(), at, newest)?;
            }
        }
        let (of_whom, operator) = match &self.of_operator {
            Some(operator) => (
                "AND owner IN (SELECT id FROM owners WHERE operator = ?)",
                Some(Value::Text(operator.clone())),
            ),
            None => ("", None),
        };
        let by_event =
            format!("{what} deliveries_by_event WHERE event_id = ? COLLATE NOCASE {of_whom} {RUNS_IN_ORDER}");
        let values = std::iter::once(Value::Text(self.text.clone())).chain(operator);
        self.read(view, &by_event, values.collect(), at, newest)
    }

    /// Adds what the statement finds, of what has these values.
    fn read(
        &self,
        view: &Connection,
        text: &str,
        mut values: Vec<Value>,
        at: EventCursor,
        newest: &mut Newest,
    ) -> rusqlite::Result<()> {
        let EventCursor { accepted_at_ms, position: Position { partition, offset } } = at;
        let not_before_ms = newest
            .oldest()
            .map_or(self.not_before_ms, |oldest| oldest.accepted_at_ms.max(self.not_before_ms));
        let wanted = i64::try_from(newest.wanted).unwrap_or(i64::MAX);
        let place = [accepted_at_ms, partition.into(), offset, not_before_ms, wanted];
        values.extend(place.map(Value::Integer));
        let mut statement = view.prepare_cached(text)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let position = Position { partition: row.get(1)?, offset: row.get(2)? };
            newest.add((EventCursor { accepted_at_ms: row.get(0)?, position }, row.get(3)?));
        }
        Ok(())
    }

    /// Of whom words and names are looked at, and the value for it; `None`: of nobody.
    fn condition(&self) -> Option<(&'static str, Option<Value>)> {
        match self.operator {
            Operator::Any => Some(("", None)),
            Operator::One(operator) => Some(("AND operator = ?", Some(Value::Integer(operator)))),
            Operator::Unknown => None,
        }
    }
}
