//! How many there are, and which of them are shown: words around the list.

use super::filters::{AFTER, AT, FILTERS};
use super::list::Found;
use super::scope::Redelivery;
use crate::address::Address;
use crate::html::number;
use crate::list::SORT;

/// What changes when a filter does, besides the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    /// Sentences, for people who cannot see the rows as well.
    pub count: String,
    /// The list without filters, when there are some.
    pub clear_href: Option<String>,
    /// Filters in use.
    pub set: usize,
    pub place: String,
    pub first_href: Option<String>,
    pub next_href: Option<String>,
    pub again: Again,
    /// The other order.
    pub sort_href: String,
}

/// Whether what is found can be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    No,
    /// These columns must not be filtered.
    InTheWay(String),
    Offered {
        href: String,
        label: String,
    },
}

impl Around {
    pub fn of(
        found: &Found,
        problems: &[String],
        redelivery: &Redelivery,
        address: &Address,
        may_write: bool,
        sort_href: String,
    ) -> Self {
        let set = address.set(&FILTERS);
        let first =
            address.get(AT).parse::<u64>().ok().filter(|_| !address.get(AFTER).is_empty()).unwrap_or(1);
        Self {
            count: if problems.is_empty() { count(found, set > 0) } else { problems.join(" ") },
            clear_href: (set > 0).then(|| address.without(&[&FILTERS[..], &[AFTER, AT]].concat())),
            set,
            place: place(found, first),
            first_href: (!address.get(AFTER).is_empty()).then(|| address.without(&[AFTER, AT])),
            next_href: found.next.as_deref().map(|after| {
                let rows = found.deliveries.len() as u64;
                let at = format!("{AT}={}", first.saturating_add(rows));
                format!("{}&{at}", address.with_and_without(AFTER, after, &[AT]))
            }),
            again: again(found, redelivery, address, may_write),
            sort_href,
        }
    }
}

fn again(found: &Found, redelivery: &Redelivery, address: &Address, may_write: bool) -> Again {
    if !may_write || found.total == 0 {
        return Again::No;
    }
    match redelivery {
        Redelivery::Nothing => Again::No,
        Redelivery::InTheWay(columns) => Again::InTheWay(columns.join(" and ")),
        Redelivery::Offered(_) => {
            let query = address.query_without(&[SORT, AFTER, AT]);
            let label = match (found.total, found.total_is_at_least) {
                (1, false) => "Redeliver this one".to_owned(),
                (total, false) => format!("Redeliver these {}", number(total)),
                (_, true) => "Redeliver all of these".to_owned(),
            };
            Again::Offered { href: format!("{}/deliveries/redeliver?{query}", crate::BASE), label }
        }
    }
}

/// `3 deliveries`, `More than 10,000 deliveries`
pub fn deliveries(total: u64, is_at_least: bool) -> String {
    match (total, is_at_least) {
        (1, false) => "1 delivery".to_owned(),
        (total, false) => format!("{} deliveries", number(total)),
        (total, true) => format!("More than {} deliveries", number(total)),
    }
}

fn count(found: &Found, filtered: bool) -> String {
    let all = deliveries(found.total, found.total_is_at_least);
    match (filtered, found.total) {
        (true, 0) => "No delivery fits these filters.".to_owned(),
        (true, _) => format!("Showing {}.", all.replacen("More", "more", 1)),
        (false, _) => all,
    }
}

fn place(found: &Found, first: u64) -> String {
    let rows = found.deliveries.len() as u64;
    if rows == 0 {
        return String::new();
    }
    let last = first.saturating_add(rows - 1);
    let (first, total) = (number(first), number(found.total));
    match (found.total_is_at_least, last > found.total) {
        // Meanwhile there may be more than were counted, or the address was made by hand.
        (false, true) => format!("{first} to {}", number(last)),
        (false, false) => format!("{first} to {} of {total}", number(last)),
        (true, _) => format!("{first} to {} of more than {total}", number(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::filters::address;
    use super::super::row::tests::delivery;
    use super::super::scope::Scope;
    use super::*;

    fn found(rows: usize, total: u64, at_least: bool, next: Option<&str>) -> Found {
        Found {
            deliveries: vec![delivery(&serde_json::json!({})); rows],
            next: next.map(str::to_owned),
            total,
            total_is_at_least: at_least,
        }
    }

    fn around(found: &Found, query: &[(&str, &str)], redelivery: &Redelivery) -> Around {
        let given = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Around::of(found, &[], redelivery, &address(given), true, String::new())
    }

    #[test]
    fn the_first_page_leads_to_the_next_and_the_next_back() {
        let first = around(&found(50, 10_000, true, Some("c1")), &[("type", "A")], &Redelivery::Nothing);
        assert_eq!((first.count.as_str(), first.set), ("Showing more than 10,000 deliveries.", 1));
        assert_eq!(first.place, "1 to 50 of more than 10,000");
        assert_eq!(first.next_href.as_deref(), Some("/portal/deliveries?type=A&after=c1&at=51"));
        assert_eq!((first.first_href, first.clear_href.as_deref()), (None, Some("/portal/deliveries")));
        let query = [("type", "A"), ("after", "c1"), ("at", "51")];
        let last = around(&found(5, 55, false, None), &query, &Redelivery::Nothing);
        assert_eq!((last.place.as_str(), last.next_href), ("51 to 55 of 55", None));
        assert_eq!(last.first_href.as_deref(), Some("/portal/deliveries?type=A"));
        let by_hand =
            around(&found(5, 55, false, None), &[("after", "c1"), ("at", "900")], &Redelivery::Nothing);
        assert_eq!(by_hand.place, "900 to 904");
    }

    #[test]
    fn how_many_there_are_is_said_in_words() {
        let said = |rows, total, query: &[_]| {
            around(&found(rows, total, false, None), query, &Redelivery::Nothing).count
        };
        assert_eq!(said(1, 1, &[]), "1 delivery");
        assert_eq!(said(3, 3, &[("type", "A")]), "Showing 3 deliveries.");
        assert_eq!(said(0, 0, &[("type", "A")]), "No delivery fits these filters.");
    }

    #[test]
    fn sending_again_is_offered_with_the_filters_alone() {
        let query = [("status", "ESCALATED"), ("sort", "issued"), ("after", "c"), ("at", "51")];
        let offered = Redelivery::Offered(Scope::default());
        let href = "/portal/deliveries/redeliver?status=ESCALATED".to_owned();
        let again = |found: Found, redelivery: &Redelivery| around(&found, &query, redelivery).again;
        let label = "Redeliver these 3".to_owned();
        assert_eq!(again(found(3, 3, false, None), &offered), Again::Offered { href, label });
        assert_eq!(again(found(0, 0, false, None), &offered), Again::No);
        let in_the_way = Redelivery::InTheWay(vec!["Attempts", "Last answer"]);
        assert_eq!(
            again(found(3, 3, false, None), &in_the_way),
            Again::InTheWay("Attempts and Last answer".to_owned())
        );
    }
}
