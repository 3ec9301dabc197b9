//! Which webhooks fit.

use jiff::{SignedDuration, Timestamp};

use super::numbers::Numbers;
use super::row::Row;
use crate::address::Address;
use crate::html::State;

pub const NO: &str = "no";
pub const URL: &str = "url";
pub const TYPE: &str = "type";
pub const STATUS: &str = "status";
pub const CAN: &str = "can";
pub const CONTRACT: &str = "contract";
pub const EXPIRES: &str = "expires";
pub const LAST: &str = "last";

/// Parameters that filter, one for each column.
pub const NAMES: &[&str] = &[NO, URL, TYPE, STATUS, CAN, CONTRACT, EXPIRES, LAST];

/// Of `contract`: those without one.
pub const NO_CONTRACT: &str = "-";
/// Of `last`: those that nothing was sent to yet.
pub const NONE_YET: &str = "none";

/// Of `status`: those that are active and whose receivers do not take what is sent.
const FAILING: &str = "FAILING";

pub const STATUSES: &[(&str, &str)] = &[("ACTIVE", "Active"), (FAILING, "Failing"), ("INACTIVE", "Inactive")];
pub const ACTIONS: &[(&str, &str)] = &[("renew", "Renew")];
pub const EXPIRIES: &[(&str, &str)] =
    &[("5d", "Within 5 days"), ("30d", "Within 30 days"), ("past", "Past"), ("never", "Never")];

/// What is asked for; of what is not, everything fits.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub numbers: Option<Numbers>,
    /// In small letters.
    url: Option<String>,
    event: Option<String>,
    status: Option<String>,
    renewable: bool,
    contract: Option<String>,
    expiry: Option<Expiry>,
    last: Option<String>,
    /// What cannot be chosen, for people; nothing fits then.
    pub problems: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug)]
enum Expiry {
    Within(SignedDuration),
    Past,
    Never,
}

/// What is chosen, with what is said of what cannot be.
const CHOSEN: [(&str, &str); 4] = [
    (STATUS, "Status: that is no status."),
    (CAN, "Actions: that is no action."),
    (EXPIRES, "Expires: that is no time to choose."),
    (LAST, "Last delivery: that is no status."),
];

/// As it is written here, when it is one of those that its field offers, however its letters are.
pub fn choice(name: &str, value: &str) -> Option<&'static str> {
    keys(name).into_iter().find(|key| key.eq_ignore_ascii_case(value.trim()))
}

/// What a field offers; empty: it takes text.
fn keys(name: &str) -> Vec<&'static str> {
    let of = |choices: &[(&'static str, &'static str)]| choices.iter().map(|(key, _)| *key).collect();
    match name {
        STATUS => of(STATUSES),
        CAN => of(ACTIONS),
        EXPIRES => of(EXPIRIES),
        LAST => State::DELIVERIES.iter().map(|(key, _)| *key).chain([NONE_YET]).collect(),
        _ => Vec::new(),
    }
}

impl Filter {
    pub fn of(address: &Address) -> Self {
        let given = |name: &'static str| {
            let value = address.get(name).trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        Self {
            numbers: Numbers::of(address.get(NO)),
            url: given(URL).map(|url| url.to_lowercase()),
            event: given(TYPE),
            status: given(STATUS),
            renewable: address.get(CAN) == "renew",
            contract: given(CONTRACT),
            expiry: match address.get(EXPIRES) {
                "5d" => Some(Expiry::Within(days(5))),
                "30d" => Some(Expiry::Within(days(30))),
                "past" => Some(Expiry::Past),
                "never" => Some(Expiry::Never),
                _ => None,
            },
            last: given(LAST),
            problems: {
                let wrong = CHOSEN.iter().filter(|(name, _)| {
                    let value = address.get(name);
                    !value.is_empty() && choice(name, value).is_none()
                });
                wrong.map(|(_, says)| *says).collect()
            },
        }
    }

    pub fn fits(&self, row: &Row, now: Timestamp) -> bool {
        let of = &row.of;
        let contract = of.contract_id.as_deref().unwrap_or(NO_CONTRACT);
        let last = of.last_delivery.as_ref().map_or(NONE_YET, |last| &last.status);
        self.problems.is_empty()
            && self.numbers.as_ref().is_none_or(|numbers| numbers.fits(row.no))
            && self.url.as_ref().is_none_or(|part| is_called(row, part))
            && self.event.as_ref().is_none_or(|event| *event == of.event)
            && self.status.as_ref().is_none_or(|status| stands(row, status))
            && (!self.renewable || row.is_renewable)
            && self.contract.as_ref().is_none_or(|wanted| wanted == contract)
            && self.expiry.is_none_or(|expiry| expiry.fits(of.expiration_date_time, now))
            && self.last.as_ref().is_none_or(|wanted| wanted == last)
    }
}

/// By its URL or its name; `part` in small letters.
fn is_called(row: &Row, part: &str) -> bool {
    let names = [Some(&row.of.callback_url), row.of.name.as_ref()];
    names.into_iter().flatten().any(|name| name.to_lowercase().contains(part))
}

fn stands(row: &Row, status: &str) -> bool {
    if status == FAILING { row.is_failing() } else { status == row.of.status }
}

impl Expiry {
    fn fits(self, at: Option<Timestamp>, now: Timestamp) -> bool {
        match (self, at.map(|at| at.duration_since(now))) {
            (Self::Within(most), Some(left)) => left.is_positive() && left <= most,
            (Self::Past, Some(left)) => !left.is_positive(),
            (Self::Never, None) => true,
            (Self::Within(_) | Self::Past, None) | (Self::Never, Some(_)) => false,
        }
    }
}

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::testing::{asked, last, row};

    fn fitting(query: &str) -> Vec<usize> {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let mut rows = Vec::from([
            row(1, "https://Hooks.example/Orders?a=1"),
            row(2, "https://ops.example/flights"),
            row(3, "https://ops.example/crew"),
            row(4, "https://ops.example/=1+1"),
        ]);
        rows[0].of.contract_id = Some("C-100".to_owned());
        rows[0].of.failing_since = Some("2026-11-21T09:00:00Z".parse().unwrap());
        rows[1].of.failing_since = rows[0].of.failing_since;
        rows[2].of.name = Some("The Crew Desk".to_owned());
        rows[1].of.event = "FLIGHT_CREATE".to_owned();
        rows[1].of.status = "INACTIVE".to_owned();
        rows[1].of.expiration_date_time = Some("2026-11-20T10:00:00Z".parse().unwrap());
        rows[2].of.expiration_date_time = Some("2026-11-24T10:00:00Z".parse().unwrap());
        rows[2].is_renewable = true;
        rows[2].of.last_delivery = Some(last("PARKED", "2026-11-21T09:00:00Z"));
        rows[3].of.expiration_date_time = Some("2026-12-15T10:00:00Z".parse().unwrap());
        asked(query).pick(&rows, now).iter().map(|row| row.no).collect()
    }

    #[test]
    fn every_column_filters() {
        assert_eq!(fitting(""), [1, 2, 3, 4]);
        assert_eq!(fitting("no=2-3"), [2, 3]);
        assert_eq!(fitting("no=what"), [0; 0]);
        assert_eq!(fitting("url=%20hooks.EXAMPLE/orders%3fA"), [1]);
        assert_eq!(fitting("url=%3D1%2B1"), [4]);
        assert_eq!((fitting("url=crew%20DESK"), fitting("url=ops.example")), (vec![3], vec![2, 3, 4]));
        assert_eq!(fitting("status=FAILING"), [1], "what is inactive does not fail any more");
        assert_eq!(fitting("type=FLIGHT_CREATE"), [2]);
        assert_eq!(fitting("type=NO_SUCH"), [0; 0]);
        assert_eq!((fitting("status=INACTIVE"), fitting("status=ACTIVE")), (vec![2], vec![1, 3, 4]));
        assert_eq!(fitting("can=renew"), [3]);
        assert_eq!((fitting("contract=C-100"), fitting("contract=C-1")), (vec![1], vec![]));
        assert_eq!(fitting("contract=-"), [2, 3, 4]);
        assert_eq!((fitting("expires=5d"), fitting("expires=30d")), (vec![3], vec![3, 4]));
        assert_eq!((fitting("expires=past"), fitting("expires=never")), (vec![2], vec![1]));
        assert_eq!((fitting("last=PARKED"), fitting("last=none")), (vec![3], vec![1, 2, 4]));
    }

    #[test]
    fn all_that_is_set_must_fit() {
        assert_eq!(fitting("url=ops&status=ACTIVE"), [3, 4]);
        assert_eq!(fitting("url=ops&status=ACTIVE&no=1-3"), [3]);
        assert_eq!(fitting("url=ops&type=FLIGHT_CREATE&status=ACTIVE"), [0; 0]);
    }
}
