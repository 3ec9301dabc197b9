//! Every event type there is: 24 of flights, 4 of products, 11 of orders and 20 notifications of order changes. The names
//! are contractual, odd spellings included: existing clients send and parse them.

use std::{collections::HashMap, sync::LazyLock};

/// Which of the source systems an event belongs to; decides the tenant's meaning and whether there is a contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Family {
    /// The tenant is the flight operator.
    Flight,
    /// The tenant is the partner whose contract it is.
    Product,
    /// The tenant is the agency.
    Order,
}

/// One entry of the catalogue.
#[derive(PartialEq, Eq, Debug)]
pub struct EventType {
    /// As it stands in events and subscriptions.
    pub wire_name: &'static str,
    pub family: Family,
    /// A few words for people.
    pub description: &'static str,
}

const fn flight(wire_name: &'static str, description: &'static str) -> EventType {
    EventType { wire_name, family: Family::Flight, description }
}

const fn product(wire_name: &'static str, description: &'static str) -> EventType {
    EventType { wire_name, family: Family::Product, description }
}

const fn order(wire_name: &'static str, description: &'static str) -> EventType {
    EventType { wire_name, family: Family::Order, description }
}

/// The catalogue.
#[rustfmt::skip]
pub static EVENT_TYPES: [EventType; 59] = [
    flight("FLIGHT_CREATE", "a flight was created"),
    flight("FLIGHT_CANCEL", "a flight was cancelled"),
    flight("FLIGHT_TIME_UPDATE", "departure or arrival time changed"),
    flight("FLIGHT_AIRCRAFT_UPDATE", "another aircraft flies it"),
    flight("FLIGHT_AIRPORT_UPDATE", "departure or arrival airport changed"),
    flight("FLIGHT_POST_FLIGHT_STATUS", "a flown flight is being closed"),
    flight("FLIGHT_MOVEMENT_UPDATE", "actual block or airborne times"),
    flight("FLIGHT_PAX_COUNT_UPDATE", "number of passengers changed"),
    flight("FLIGHT_PAX_LIST_UPDATE", "passengers or their documents are new or changed"),
    flight("FLIGHT_PERMIT_ASSIGNMENT", "a permit was assigned"),
    flight("FLIGHT_PERMIT_UNASSIGNMENT", "a permit was taken away"),
    flight("FLIGHT_SLOT_PPR_ASSIGNMENT", "an airport slot or prior permission was assigned"),
    flight("FLIGHT_SLOT_PPR_UNASSIGNMENT", "an airport slot or prior permission was taken away"),
    flight("FLIGHT_FBO_ASSIGNMENT", "a handling agent was assigned"),
    flight("FLIGHT_FBO_UNASSIGNMENT", "a handling agent was taken away"),
    flight("FLIGHT_HOTEL_ASSIGNMENT", "a hotel was assigned"),
    flight("FLIGHT_HOTEL_UNASSIGNMENT", "a hotel was taken away"),
    flight("FLIGHT_CATERING_ASSIGNMENT", "catering was assigned"),
    flight("FLIGHT_CATERING_UNASSIGNMENT", "catering was taken away"),
    flight("FLIGHT_TRANSPORT_ASSIGNMENT", "ground transport was assigned"),
    flight("FLIGHT_TRANSPORT_UNASSIGNMENT", "ground transport was taken away"),
    flight("FLIGHT_CREW_ASSIGNMENT", "crew was assigned or replaced"),
    flight("FLIGHT_CREW_DOCUMENT_UPDATE", "documents of a crew member changed"),
    flight("FLIGHT_CREW_ADDRESS_UPDATE", "address of a crew member changed"),
    product("FLIGHT_DELAY_STATUS_CHANGE", "the flight of a delay-care booking changed status"),
    product("PRODUCT_ADDED", "a product was added under the contract"),
    product("PRODUCT_UPDATED", "a product under the contract changed"),
    product("PRODUCT_REMOVED", "a product was removed from the contract"),
    order("OrderCreated", "an order was created"),
    order("OrderCanceled", "an order was cancelled"),
    order("OrderTicketed", "tickets of an order were issued"),
    order("OrderStarted", "the first flight of an order has departed by schedule"),
    order("OrderCompleted", "the last flight of an order is past by schedule"),
    order("OrderDisrupted", "flights of an order are disrupted"),
    order("ItineraryChange", "the itinerary of an order changed"),
    order("ServicesAddition", "services were added to an order"),
    order("ServicesRemoval", "services were removed from an order"),
    order("SeatsAddition", "seats were added to an order"),
    order("SeatsRemoval", "seats were removed from an order"),
    order("FlightNumberChange", "order change: another flight number"),
    order("FlightTimeChange", "order change: another flight time"),
    order("FlightCancelation", "order change: a flight was cancelled"),
    order("PermanentWithfrawan", "order change: a flight was withdrawn for good"),
    order("LaborDisrupt", "order change: because of a labour dispute"),
    order("Strike", "order change: because of a strike"),
    order("Weather", "order change: because of the weather"),
    order("NaturalDisaster", "order change: because of a natural disaster"),
    order("FlightBookingCancelledOutsideSchedule", "order change: a booking was cancelled outside the schedule"),
    order("SeatChange", "order change: another seat"),
    order("Bereavement", "order change: because of a bereavement"),
    order("NoReasonGiven", "order change: no reason was given"),
    order("Illness", "order change: because of illness"),
    order("Voluntary", "order change: wanted by the customer"),
    order("NeedDocumentation", "order change: documents are needed"),
    order("UnacceptableReacomodation", "order change: the replacement was not acceptable"),
    order("PaymentTimeLimitExpired", "order change: not paid in time"),
    order("PassengerNoShowNotification", "order change: a passenger did not show up"),
    order("ChangeByPassengerNotification", "order change: by the passenger"),
    order("UnknownNotification", "order change: of an unknown kind"),
];

static INDEX: LazyLock<HashMap<&'static str, u8>> = LazyLock::new(|| {
    EVENT_TYPES.iter().zip(0_u8..).map(|(event_type, index)| (event_type.wire_name, index)).collect()
});

/// The entry with exactly this wire name.
pub fn lookup(wire_name: &str) -> Option<&'static EventType> {
    EVENT_TYPES.get(usize::from(index_of(wire_name)?))
}

/// Its place in [`EVENT_TYPES`]: a byte instead of a name, for what is held a million times.
pub(crate) fn index_of(wire_name: &str) -> Option<u8> {
    INDEX.get(wire_name).copied()
}

/// Production or not; events and subscriptions of one never meet those of the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Environment {
    #[default]
    Production,
    NonProduction,
}

impl Environment {
    /// As it stands in records and requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Environment::Production => "production",
            Environment::NonProduction => "non-production",
        }
    }

    /// `None` for any other text. Nothing stands for production.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "production" => Some(Environment::Production),
            "non-production" => Some(Environment::NonProduction),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn count(family: Family) -> usize {
        EVENT_TYPES.iter().filter(|t| t.family == family).count()
    }

    #[test]
    fn holds_every_type_once() {
        assert_eq!(count(Family::Flight), 24);
        assert_eq!(count(Family::Product), 4);
        assert_eq!(count(Family::Order), 11 + 20);
        let names: BTreeSet<_> = EVENT_TYPES.iter().map(|t| t.wire_name).collect();
        assert_eq!(names.len(), 59);
    }

    #[test]
    fn finds_by_exact_name_only() {
        for event_type in &EVENT_TYPES {
            assert_eq!(lookup(event_type.wire_name), Some(event_type));
        }
        for unknown in
            ["FLIGHT_UPDATE", "flight_create", "OrderCancelled", "PermanentWithdrawal", "", "FLIGHT_CREATE "]
        {
            assert_eq!(lookup(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn environments_survive_their_text() {
        for environment in [Environment::Production, Environment::NonProduction] {
            assert_eq!(Environment::parse(environment.as_str()), Some(environment));
        }
        assert_eq!(Environment::parse("Production"), None);
    }
}
