//! What an address asks for.

use jiff::Timestamp;

use super::columns::{self, Columns};
use super::filter::{self, Filter};
use super::row::Row;
use super::sort;
use crate::address::Address;
use crate::list::{List, SORT};

pub const PATH: &str = "/portal/webhooks";
const DOWNLOAD: &str = "/portal/webhooks/download";
const PAGE: &str = "page";

/// A view of the list.
#[derive(Clone, Debug)]
pub struct Asked {
    pub list: List,
    pub filter: Filter,
    pub columns: Columns,
    /// Counted from 1; there may not be so many.
    pub page: usize,
    /// Something in the address says nothing.
    pub is_untidy: bool,
}

impl Asked {
    /// Of a query; what this list does not know is left out, as if it had not been there.
    pub fn of(given: Vec<(String, String)>) -> Self {
        let is_untidy = given.iter().any(|(_, value)| value.is_empty());
        let known = [filter::NAMES, &[SORT, columns::PARAMETER, PAGE]].concat();
        let mut kept = Vec::<(String, String)>::new();
        for (name, value) in given {
            let is_repeated = |(known, had): &(String, String)| {
                *known == name && (name != columns::PARAMETER || *had == value)
            };
            let is_known = known.contains(&name.as_str());
            if is_known && means_something(&name, &value) && !kept.iter().any(is_repeated) {
                let choice = filter::choice(&name, &value).map(str::to_owned);
                kept.push((name, choice.unwrap_or(value)));
            }
        }
        // The same view always has the same address.
        kept.sort_by_key(|(name, _)| known.iter().position(|known| known == name));
        let address = Address::of(PATH, kept, &known);
        Self {
            filter: Filter::of(&address),
            columns: Columns::of(&address),
            page: address.get(PAGE).parse().unwrap_or(1),
            list: List::of(address, PAGE, sort::COLUMNS, sort::NO),
            is_untidy,
        }
    }

    /// Whether the newest delivery of every webhook must be known, and not only of those that are drawn.
    pub fn needs_last(&self) -> bool {
        self.list.is_set(filter::LAST) || self.list.sorted_by() == sort::LAST
    }

    /// Those that fit, in the order of the list.
    pub fn pick<'a>(&self, rows: &'a [Row], now: Timestamp) -> Vec<&'a Row> {
        let mut picked: Vec<_> = rows.iter().filter(|row| self.filter.fits(row, now)).collect();
        sort::sort(&mut picked, self.list.sorted_by(), self.list.is_descending());
        picked
    }

    /// How many columns are filtered.
    pub fn filters_set(&self) -> usize {
        self.list.address.set(filter::NAMES)
    }

    /// The same without filters.
    pub fn cleared(&self) -> String {
        self.list.address.without(&[filter::NAMES, &[PAGE]].concat())
    }

    /// Where the same is for Excel.
    pub fn download(&self) -> String {
        let query = self.list.address.query_without(&[columns::PARAMETER, PAGE]);
        if query.is_empty() { DOWNLOAD.to_owned() } else { format!("{DOWNLOAD}?{query}") }
    }

    /// What a form must keep that has no field of its own: the order, and filters of columns that are not shown.
    pub fn kept(&self) -> Vec<(String, String)> {
        let hidden = filter::NAMES.iter().filter(|name| !self.columns.shows(name));
        let pairs = hidden.chain([&SORT]).map(|name| ((*name).to_owned(), self.list.value(name).to_owned()));
        pairs.filter(|(_, value)| !value.is_empty()).collect()
    }
}

/// An order, a page or a column that nobody can have chosen does not count. A filter does: without it more would fit.
fn means_something(name: &str, value: &str) -> bool {
    match name {
        SORT => sort::COLUMNS.contains(&value.strip_prefix('-').unwrap_or(value)),
        PAGE => value.parse::<usize>().is_ok_and(|page| page > 1),
        columns::PARAMETER => columns::OPTIONAL.iter().any(|(known, _)| *known == value),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::testing::{asked, row};

    #[test]
    fn a_view_stands_in_its_address() {
        let asked = asked(
            "url=a%20b&status=ACTIVE&no=&columns=last&columns=expires&columns=last&sort=-url&page=3&contract=C-1",
        );
        let href = "/portal/webhooks?url=a%20b&status=ACTIVE&contract=C-1&sort=-url&columns=last&columns=expires&page=3";
        assert_eq!(asked.list.address.href(), href);
        assert_eq!(asked.cleared(), "/portal/webhooks?sort=-url&columns=last&columns=expires");
        let download = "/portal/webhooks/download?url=a%20b&status=ACTIVE&contract=C-1&sort=-url";
        assert_eq!(asked.download(), download);
        assert_eq!((asked.filters_set(), asked.page, asked.is_untidy), (3, 3, true));
        let kept = [("contract", "C-1"), ("sort", "-url")].map(|(name, to)| (name.to_owned(), to.to_owned()));
        assert_eq!(asked.kept(), kept);
    }

    #[test]
    fn what_nobody_can_choose_does_not_count() {
        let asked = asked("columns=secret&sort=-secret&page=x&evil=1");
        assert_eq!((asked.list.address.href().as_str(), asked.page), (PATH, 1));
        assert_eq!((asked.list.sorted_by(), asked.filters_set(), asked.is_untidy), ("no", 0, false));
    }

    #[test]
    fn a_choice_counts_however_its_letters_are_and_what_is_none_fits_nothing() {
        let rows = [row(1, "https://a.example/")];
        let any = asked("status=active&can=RENEW&expires=Never&last=parked");
        let href = "/portal/webhooks?status=ACTIVE&can=renew&expires=never&last=PARKED";
        assert_eq!((any.list.address.href().as_str(), any.filter.problems.len()), (href, 0));
        assert_eq!(asked("status=active").pick(&rows, Timestamp::UNIX_EPOCH).len(), 1);
        let none = asked("status=Maybe&can=fly&expires=1d&last=LOST");
        let problems = [
            "Status: that is no status.",
            "Actions: that is no action.",
            "Expires: that is no time to choose.",
            "Last delivery: that is no status.",
        ];
        assert_eq!((none.filter.problems.as_slice(), none.filters_set()), (&problems[..], 4));
        for query in ["status=Maybe", "can=fly", "expires=1d", "last=LOST"] {
            assert!(asked(query).pick(&rows, Timestamp::UNIX_EPOCH).is_empty(), "{query}");
        }
    }

    #[test]
    fn deliveries_are_looked_up_only_when_they_matter() {
        for query in ["last=none", "sort=-last"] {
            assert!(asked(query).needs_last(), "{query}");
        }
        assert!(!asked("columns=last&status=ACTIVE&sort=url").needs_last());
    }

    #[test]
    fn what_fits_comes_in_the_order_that_was_asked_for() {
        let rows =
            [row(1, "https://a.example/x"), row(2, "https://b.example/"), row(3, "https://c.example/x")];
        let picked = asked("url=/X&sort=-url").pick(&rows, Timestamp::UNIX_EPOCH);
        assert_eq!(picked.iter().map(|row| row.no).collect::<Vec<_>>(), [3, 1]);
    }
}
