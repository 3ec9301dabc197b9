//! In what order webhooks come.

use std::cmp::Reverse;

use super::row::Row;

pub const NO: &str = "no";
pub const LAST: &str = "last";

/// By which they can be sorted.
pub const COLUMNS: &[&str] = &[NO, "url", "type", "status", "actions", "contract", "expires", LAST];

/// `rows` come by number, and those that are equal stay so. Those without a value come last both ways.
pub fn sort(rows: &mut [&Row], column: &str, descending: bool) {
    match column {
        "url" => by(rows, descending, |row| row.of.callback_url.to_lowercase()),
        "type" => by(rows, descending, |row| (row.title.to_lowercase(), row.of.event.clone())),
        // Those that send first, and of these those that arrive; those that something can be done for first.
        "status" => by(rows, descending, |row| (!row.is_active(), row.is_failing())),
        "actions" => by(rows, descending, |row| !row.is_renewable),
        "contract" => by_some(rows, descending, |row| row.of.contract_id.clone()),
        "expires" => by_some(rows, descending, |row| row.of.expiration_date_time),
        LAST => {
            by_some(rows, descending, |row| Some(row.of.last_delivery.as_ref()?.issued_at_date_time));
        }
        _ => by(rows, descending, |row| row.no),
    }
}

fn by<K: Ord>(rows: &mut [&Row], descending: bool, key: impl Fn(&Row) -> K) {
    match descending {
        false => rows.sort_by_cached_key(|row| key(row)),
        true => rows.sort_by_cached_key(|row| Reverse(key(row))),
    }
}

fn by_some<K: Ord>(rows: &mut [&Row], descending: bool, key: impl Fn(&Row) -> Option<K>) {
    let keyed = |row: &Row| {
        let key = key(row);
        (key.is_none(), key)
    };
    match descending {
        false => rows.sort_by_cached_key(|row| keyed(row)),
        true => rows.sort_by_cached_key(|row| {
            let (is_none, key) = keyed(row);
            (is_none, Reverse(key))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::testing::{last, row};

    fn sorted(column: &str) -> [Vec<usize>; 2] {
        let mut rows = Vec::from([
            row(1, "https://b.example/"),
            row(2, "https://A.example/"),
            row(3, "https://b.example/"),
            row(4, "https://c.example/"),
        ]);
        for (row, title) in
            rows.iter_mut().zip(["Order disrupted", "actual times", "Order disrupted", "Crew"])
        {
            row.title = title.into();
        }
        rows[1].of.status = "INACTIVE".to_owned();
        rows[0].of.failing_since = Some("2026-11-01T00:00:00Z".parse().unwrap());
        rows[2].is_renewable = true;
        rows[1].of.contract_id = Some("C-2".to_owned());
        rows[3].of.contract_id = Some("C-1".to_owned());
        rows[0].of.expiration_date_time = Some("2026-12-01T00:00:00Z".parse().unwrap());
        rows[2].of.expiration_date_time = Some("2026-11-01T00:00:00Z".parse().unwrap());
        rows[1].of.last_delivery = Some(last("DELIVERED", "2026-11-20T00:00:00Z"));
        rows[3].of.last_delivery = Some(last("PENDING", "2026-11-21T00:00:00Z"));
        [false, true].map(|descending| {
            let mut refs: Vec<_> = rows.iter().collect();
            sort(&mut refs, column, descending);
            refs.iter().map(|row| row.no).collect()
        })
    }

    #[test]
    fn every_column_sorts_both_ways_and_equals_stay_by_number() {
        assert_eq!(sorted("no"), [[1, 2, 3, 4], [4, 3, 2, 1]]);
        assert_eq!(sorted("url"), [[2, 1, 3, 4], [4, 1, 3, 2]]);
        assert_eq!(sorted("type"), [[2, 4, 1, 3], [1, 3, 4, 2]]);
        assert_eq!(sorted("status"), [[3, 4, 1, 2], [2, 1, 3, 4]]);
        assert_eq!(sorted("actions"), [[3, 1, 2, 4], [1, 2, 4, 3]]);
    }

    #[test]
    fn those_without_a_value_come_last() {
        assert_eq!(sorted("contract"), [[4, 2, 1, 3], [2, 4, 1, 3]]);
        assert_eq!(sorted("expires"), [[3, 1, 2, 4], [1, 3, 2, 4]]);
        assert_eq!(sorted("last"), [[2, 4, 1, 3], [4, 2, 1, 3]]);
    }
}
