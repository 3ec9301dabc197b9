//! What the tests of the list are made of.

use super::asked::Asked;
use super::row::{Listed, Row};
use super::show::{OfThePage, View};
use crate::model::{EventTypes, LastDelivery};
use crate::zone::Zone;

/// What an address asks for.
pub fn asked(query: &str) -> Asked {
    Asked::of(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

/// An active webhook for products that are added.
pub fn row(no: usize, url: &str) -> Row {
    let of = Listed {
        id: format!("w-{no}"),
        event: "PRODUCT_ADDED".to_owned(),
        callback_url: url.to_owned(),
        status: "ACTIVE".to_owned(),
        status_reason: None,
        expiration_date_time: None,
        contract_id: None,
        name: None,
        failing_since: None,
        last_delivery: None,
    };
    Row { no, of, title: "Product Added".into(), is_renewable: false }
}

pub fn last(status: &str, issued_at: &str) -> LastDelivery {
    let issued_at_date_time = issued_at.parse().unwrap();
    LastDelivery { id: "msg_1".to_owned(), status: status.to_owned(), issued_at_date_time }
}

/// A catalogue of nothing.
pub fn types() -> EventTypes {
    EventTypes { event_types: Vec::new() }
}

pub fn view(rows: &[Row], types: &EventTypes, asked: Asked) -> View {
    let zone = Zone::utc();
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    let page = OfThePage { operator: "OPX", contracts: &[], may_write: true, zone: &zone, now };
    View::of(rows, types, asked, &page)
}
