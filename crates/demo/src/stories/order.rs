//! An order of the agency on a flight, and what the flight's delay does to it.

use super::Step;
use super::flight::Flight;
use crate::customers::GULLIVER;
use crate::system::ORDERS;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const CUSTOMERS: [(&str, &str); 3] =
    [("Example Customer", "ES"), ("Lakeside Instruments", "CH"), ("Harbour & Sons", "GB")];

/// What stays the same through all events of an order.
pub(super) struct Order<'a> {
    flight: &'a Flight,
    id: String,
    pnr: String,
    locator: String,
    adults: i64,
    children: i64,
    amount: f64,
    created: Timestamp,
    customer: (&'static str, &'static str),
}

impl<'a> Order<'a> {
    /// An order of some days ago.
    pub fn on(flight: &'a Flight, random: &mut fastrand::Rng) -> Self {
        let mut locator = || (0..6).map(|_| random.char('A'..='Z')).collect::<String>();
        let (pnr, locator) = (locator(), locator());
        let adults = random.i64(1..=4);
        Self {
            flight,
            id: format!("AGW{}", random.u32(1_000..10_000)),
            pnr,
            locator,
            adults,
            children: random.i64(0..=2),
            amount: f64::from(random.u32(9_000..60_000)) / 100.0,
            created: Timestamp::now() - SignedDuration::from_hours(random.i64(30..900)),
            customer: CUSTOMERS[random.usize(..CUSTOMERS.len())],
        }
    }

    pub fn created(&self) -> Step {
        self.step("OrderCreated", "on hold", SignedDuration::ZERO)
    }

    pub fn ticketed(&self) -> Step {
        self.step("OrderTicketed", "ticketed", SignedDuration::ZERO)
    }

    pub fn disrupted(&self) -> Step {
        self.step("OrderDisrupted", "disrupted", SignedDuration::ZERO)
    }

    pub fn flight_time_changed(&self) -> Step {
        self.step("FlightTimeChange", "disrupted", self.flight.delay)
    }

    pub fn flight_cancelled(&self) -> Step {
        self.step("FlightCancelation", "disrupted", SignedDuration::ZERO)
    }

    pub fn itinerary_changed(&self) -> Step {
        self.step("ItineraryChange", "confirmed", self.flight.delay)
    }

    /// Every event of an order says all that is known.
    fn step(&self, kind: &'static str, status: &str, late: SignedDuration) -> Step {
        let (from, to) = (self.flight.from.iata, self.flight.to.iata);
        let segment = json!({
            "flightNumber": self.flight.number, "origin": from, "destination": to,
            "departure": self.flight.out(late), "arrival": self.flight.on(late),
        });
        let data = json!({
            "agwID": self.id,
            "orderID": format!("XX-ORDER-{}", self.pnr),
            "pnr": self.pnr,
            "recordLocator": self.locator,
            "bookingType": "One Way",
            "origin": from,
            "destination": to,
            "fullPath": format!("{from}-{to}"),
            "adultsPax": self.adults,
            "childrenPax": self.children,
            "infantsPax": 0,
            "orderStatus": status,
            "totalAmount": self.amount,
            "createdOn": utc(self.created),
            "updatedOn": utc(Timestamp::now()),
            "sessionId": format!("session-{}", self.locator),
            "agentEmail": "agent@agency.example",
            "consumerEmail": "travel@customer.example",
            "psgPhone": "+00 000 0002",
            "psgEmail": "passenger@customer.example",
            "consumerIataCode": "99999999",
            "consumerCountryCode": self.customer.1,
            "consumer": self.customer.0,
            "provider": "Example Airline",
            "agent": "Desk 7",
            "agency": "Gulliver Travel",
            "segments": [segment],
        });
        Step {
            topic: ORDERS,
            source: "/orders",
            kind,
            operator: GULLIVER,
            environment: None,
            subject: self.id.clone(),
            label: format!("{} {from}-{to}", self.id),
            data,
        }
    }
}

fn utc(at: Timestamp) -> Value {
    json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
