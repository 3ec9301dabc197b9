//! The list as templates draw it.

use jiff::Timestamp;

use super::asked::Asked;
use super::choices::Choices;
use super::paging::Paging;
use super::row::{Listed, Row};
use super::said;
use crate::html::State;
use crate::model::{EventTypes, LastDelivery};
use crate::rest::path;
use crate::zone::{When, Zone};

/// What counts besides the webhooks.
pub struct OfThePage<'a> {
    pub operator: &'a str,
    /// The operator's.
    pub contracts: &'a [String],
    pub may_write: bool,
    pub zone: &'a Zone,
    pub now: Timestamp,
}

/// What is drawn.
pub struct View {
    pub operator: String,
    pub may_write: bool,
    pub asked: Asked,
    pub choices: Choices,
    pub lines: Vec<Line>,
    /// How many there are of all types.
    pub event_types: usize,
    total: usize,
    active: usize,
    failing: usize,
    fitting: usize,
    paging: Paging,
}

/// A webhook.
pub struct Line {
    pub id: String,
    pub no: usize,
    /// Where its page is; those of its actions are below it.
    pub href: String,
    pub url: String,
    /// What its owner calls it.
    pub name: Option<String>,
    pub title: String,
    /// The name of its type, where that is another than its title.
    pub wire: Option<String>,
    pub state: State,
    pub note: Option<Note>,
    pub is_renewable: bool,
    pub contract: Option<String>,
    pub expires: Option<When>,
    pub last: Option<Last>,
}

/// The newest delivery of one.
pub struct Last {
    pub href: String,
    pub state: State,
    pub issued: When,
}

/// Why it stands as it does.
#[derive(Debug, PartialEq, Eq)]
pub enum Note {
    Paused,
    Expired,
    FailingSince(When),
    /// As the system said it.
    Says(String),
}

impl View {
    pub fn of(rows: &[Row], types: &EventTypes, asked: Asked, page: &OfThePage<'_>) -> Self {
        let picked = asked.pick(rows, page.now);
        let paging = Paging::of(asked.page, picked.len());
        let drawn = picked.get(paging.range()).unwrap_or_default();
        Self {
            operator: page.operator.to_owned(),
            may_write: page.may_write,
            choices: Choices::of(rows, types, page.contracts, &asked.list),
            lines: drawn.iter().map(|row| Line::of(row, page)).collect(),
            event_types: types.event_types.len(),
            total: rows.len(),
            active: rows.iter().filter(|row| row.is_active()).count(),
            failing: rows.iter().filter(|row| row.is_failing()).count(),
            fitting: picked.len(),
            paging,
            asked,
        }
    }

    /// Those that are drawn, when their newest deliveries are to be seen and were not read with the list; else none.
    pub fn lacks_last_of(&self) -> Vec<&str> {
        let lacks = self.asked.columns.last && !self.asked.needs_last();
        self.lines.iter().filter(|_| lacks).map(|line| line.id.as_str()).collect()
    }

    /// What was read of those.
    pub fn tell_last(&mut self, listed: &[Listed], zone: &Zone) {
        for line in &mut self.lines {
            let found = listed.iter().find(|listed| listed.id == line.id);
            line.last = found.and_then(|found| found.last_delivery.as_ref()).map(|last| Last::of(last, zone));
        }
    }

    /// There is not one, whatever is filtered.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub fn is_filtered(&self) -> bool {
        self.asked.filters_set() > 0
    }

    pub fn count(&self) -> String {
        let problems = &self.asked.filter.problems;
        match self.is_filtered() {
            _ if !problems.is_empty() => problems.join(" "),
            true => said::fitting(self.fitting, self.total),
            false => said::all(self.total, self.active, self.failing),
        }
    }

    pub fn total(&self) -> String {
        said::count(self.total)
    }

    /// `1 to 50 of 10,000`
    pub fn pages(&self) -> String {
        let range = self.paging.range();
        let [from, to, all] = [range.start + 1, range.end, self.fitting].map(said::count);
        format!("{from} to {to} of {all}")
    }

    pub fn previous(&self) -> Option<String> {
        self.paging.previous().map(|page| self.page_at(page))
    }

    /// With how many there are on it.
    pub fn next(&self) -> Option<(String, usize)> {
        self.paging.next().map(|(page, rows)| (self.page_at(page), rows))
    }

    fn page_at(&self, page: usize) -> String {
        // The first one needs no number.
        self.asked.list.page_at(&if page == 1 { String::new() } else { page.to_string() })
    }

    /// What was typed where numbers belong, and is none.
    pub fn no_number(&self) -> Option<&str> {
        let numbers = self.asked.filter.numbers.as_ref().filter(|numbers| numbers.is_wrong);
        numbers.map(|_| self.asked.list.value(super::filter::NO))
    }
}

impl Line {
    fn of(row: &Row, page: &OfThePage<'_>) -> Self {
        let of = &row.of;
        Self {
            id: of.id.clone(),
            no: row.no,
            href: format!("/portal{}", path(&["webhooks", &of.id])),
            url: of.callback_url.clone(),
            name: of.name.clone().filter(|name| !name.trim().is_empty()),
            title: row.title.to_string(),
            wire: (*of.event != *row.title).then(|| of.event.clone()),
            state: State::of_subscription(&of.status),
            note: Note::of(row, page.zone, page.now),
            is_renewable: row.is_renewable,
            contract: of.contract_id.clone(),
            expires: of.expiration_date_time.map(|at| page.zone.minute(at)),
            last: of.last_delivery.as_ref().map(|last| Last::of(last, page.zone)),
        }
    }
}

impl Last {
    fn of(last: &LastDelivery, zone: &Zone) -> Self {
        Self {
            href: format!("/portal{}", path(&["deliveries", &last.id])),
            state: State::of_delivery(&last.status),
            issued: zone.minute(last.issued_at_date_time),
        }
    }
}

impl Note {
    fn of(row: &Row, zone: &Zone, now: Timestamp) -> Option<Self> {
        let of = &row.of;
        match (row.is_active(), &of.status_reason) {
            (true, _) => of.failing_since.map(|since| Self::FailingSince(of_today(since, zone, now))),
            (false, _) if of.expiration_date_time.is_some_and(|at| at <= now) => Some(Self::Expired),
            (false, Some(reason)) => Some(Self::Says(capital(reason))),
            (false, None) => Some(Self::Paused),
        }
    }
}

/// With a capital letter, as the other notes.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Without the day when that is today's.
fn of_today(at: Timestamp, zone: &Zone, now: Timestamp) -> When {
    let day = |time| zone.format(time, "%F");
    let when = zone.minute(at);
    if day(at) == day(now) { When { text: zone.format(at, "%H:%M"), ..when } } else { when }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::testing::{asked, row, types, view};

    #[test]
    fn a_page_says_which_it_is() {
        let rows: Vec<_> = (1..=120).map(|no| row(no, "https://a.example/")).collect();
        let second = view(&rows, &types(), asked("status=ACTIVE&page=2"));
        assert_eq!((second.lines.len(), second.pages().as_str()), (50, "51 to 100 of 120"));
        assert_eq!(second.previous().as_deref(), Some("/portal/webhooks?status=ACTIVE"));
        assert_eq!(second.next(), Some(("/portal/webhooks?status=ACTIVE&page=3".to_owned(), 20)));
        assert_eq!(second.count(), "Showing 120 of 120 webhooks.");
        assert_eq!(view(&rows, &types(), asked("no=zwei")).no_number(), Some("zwei"));
        let none = view(&rows, &types(), asked("status=bogus&url=a"));
        assert_eq!((none.count().as_str(), none.lines.len()), ("Status: that is no status.", 0));
    }

    #[test]
    fn what_fails_is_seen_and_counted() {
        let mut rows = [row(1, "https://a.example/"), row(2, "https://b.example/")];
        rows[0].of.failing_since = Some("2026-11-21T08:14:00Z".parse().unwrap());
        (rows[0].of.name, rows[1].of.name) = (Some("Orders <b>".to_owned()), Some(" ".to_owned()));
        let shown = view(&rows, &types(), asked(""));
        assert_eq!(shown.count(), "2 webhooks, all of them active, 1 failing");
        assert_eq!(
            (shown.lines[0].name.as_deref(), shown.lines[1].name.as_deref()),
            (Some("Orders <b>"), None)
        );
    }

    #[test]
    fn a_note_says_why_it_stands_so() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let zone = Zone::of(Some("Europe/Madrid"));
        let mut row = row(1, "https://a.example/");
        let note = |row: &Row| Note::of(row, &zone, now);
        assert_eq!(note(&row), None);
        row.of.failing_since = Some("2026-11-21T08:14:00Z".parse().unwrap());
        assert!(matches!(note(&row), Some(Note::FailingSince(when)) if when.text == "09:14"));
        row.of.failing_since = Some("2026-11-20T08:14:00Z".parse().unwrap());
        assert!(matches!(note(&row), Some(Note::FailingSince(when)) if when.text == "20 Nov 2026, 09:14"));
        row.of.status = "INACTIVE".to_owned();
        assert_eq!(note(&row), Some(Note::Paused));
        row.of.status_reason = Some("gone".to_owned());
        assert_eq!(note(&row), Some(Note::Says("Gone".to_owned())));
        row.of.expiration_date_time = Some(now);
        assert_eq!(note(&row), Some(Note::Expired));
    }
}
