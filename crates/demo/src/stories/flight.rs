//! A flight from its creation to its closing.

use super::Step;
use super::airports::{AIRPORTS, Airport};
use crate::customers::SKYHOP;
use crate::system::FLIGHTS;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const AIRCRAFT: [(&str, i64); 4] = [("E190", 100), ("A20N", 180), ("BCS3", 145), ("C68A", 9)];
const AGENTS: [&str; 3] = ["Example Handling", "Ramp & Wing", "Northgate Aviation Services"];
const REASONS: [&str; 4] = [
    "Late arrival of the aircraft",
    "Air traffic flow restrictions",
    "De-icing",
    "Awaiting a connecting crew",
];

/// What stays the same through all events of a flight, and what will become of it.
pub(super) struct Flight {
    pub operator: &'static str,
    pub environment: Option<&'static str>,
    pub id: String,
    pub number: String,
    pub from: &'static Airport,
    pub to: &'static Airport,
    registration: String,
    aircraft: &'static str,
    scheduled_out: Timestamp,
    block: SignedDuration,
    pub delay: SignedDuration,
    adults: i64,
    children: i64,
    infants: i64,
    agent: &'static str,
    reason: &'static str,
    crew: u32,
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

impl Flight {
    /// A flight of this operator, some hours from now.
    pub fn any(
        random: &mut fastrand::Rng,
        operator: &'static str,
        environment: Option<&'static str>,
    ) -> Self {
        let from = random.usize(..AIRPORTS.len());
        let to = (from + random.usize(1..AIRPORTS.len())) % AIRPORTS.len();
        let (aircraft, seats) = AIRCRAFT[random.usize(..AIRCRAFT.len())];
        // To a quarter of an hour, as timetables are.
        let quarter = Timestamp::now().as_second() / 900 + random.i64(8..32);
        let letter = |random: &mut fastrand::Rng| random.char('A'..='Z');
        let adults = random.i64(seats / 3..=seats * 3 / 4);
        Self {
            operator,
            environment,
            id: format!("FL-{}", random.u32(100_000..1_000_000)),
            number: format!("{}{}", if operator == SKYHOP { "SKH" } else { "BRX" }, random.u32(100..2_000)),
            from: &AIRPORTS[from],
            to: &AIRPORTS[to],
            registration: format!("XX-{}{}{}", letter(random), letter(random), letter(random)),
            aircraft,
            scheduled_out: Timestamp::from_second(quarter * 900).unwrap_or_default(),
            block: minutes(5 * random.i64(13..40)),
            delay: minutes(5 * random.i64(5..20)),
            adults,
            children: random.i64(0..=seats / 10),
            infants: random.i64(0..=2),
            agent: AGENTS[random.usize(..AGENTS.len())],
            reason: REASONS[random.usize(..REASONS.len())],
            crew: random.u32(200..900),
        }
    }

    /// For people: flight number and route.
    pub fn label(&self) -> String {
        format!("{} {}-{}", self.number, self.from.iata, self.to.iata)
    }

    /// Times are `late` against the schedule.
    pub fn out(&self, late: SignedDuration) -> String {
        self.from.local(self.scheduled_out + late)
    }

    pub fn on(&self, late: SignedDuration) -> String {
        self.to.local(self.scheduled_out + self.block + late)
    }

    pub fn created(&self) -> Step {
        self.step(
            "FLIGHT_CREATE",
            SignedDuration::ZERO,
            json!({"flightType": "CHARTER", "aircraftType": self.aircraft, "passengers": self.passengers(0)}),
        )
    }

    pub fn crew_assigned(&self) -> Step {
        let member = |place: u32, role: &str| {
            let id = format!("CM-{}", self.crew + place);
            json!({"crewMemberId": id, "name": format!("Crew member {}", self.crew + place), "role": role})
        };
        let crew = [member(0, "COMMANDER"), member(1, "FIRST_OFFICER"), member(2, "CABIN_CREW")];
        self.step("FLIGHT_CREW_ASSIGNMENT", SignedDuration::ZERO, json!({"crew": crew}))
    }

    pub fn handling_assigned(&self) -> Step {
        let agent = json!({
            "assignmentId": format!("HA-{}", self.crew), "name": self.agent, "airport": self.to.icao,
            "movement": "ARRIVAL", "email": "ops@handling.example",
        });
        self.step("FLIGHT_FBO_ASSIGNMENT", SignedDuration::ZERO, json!({"handlingAgent": agent}))
    }

    pub fn passengers_counted(&self) -> Step {
        let counted = json!({
            "passengers": self.passengers(1),
            "previousPassengerTotal": self.adults + self.children + self.infants,
        });
        self.step("FLIGHT_PAX_COUNT_UPDATE", SignedDuration::ZERO, counted)
    }

    pub fn delayed(&self) -> Step {
        let previous = json!({"departureAt": self.out(SignedDuration::ZERO), "arrivalAt": self.on(SignedDuration::ZERO)});
        self.step("FLIGHT_TIME_UPDATE", self.delay, json!({"previousTimes": previous, "reason": self.reason}))
    }

    pub fn cancelled(&self) -> Step {
        let at = self.out(minutes(-30));
        self.step(
            "FLIGHT_CANCEL",
            self.delay,
            json!({"cancelledAt": at, "reason": "No crew within duty limits"}),
        )
    }

    pub fn departed(&self) -> Step {
        let movement =
            json!({"offBlockAt": self.out(self.delay), "takeOffAt": self.out(self.delay + minutes(12))});
        self.step("FLIGHT_MOVEMENT_UPDATE", self.delay, json!({"movement": movement}))
    }

    pub fn arrived(&self) -> Step {
        self.step("FLIGHT_MOVEMENT_UPDATE", self.delay, json!({"movement": self.flown()}))
    }

    pub fn closed(&self) -> Step {
        let block = self.block.as_secs() / 60;
        let closed = json!({
            "postFlightStatus": "CLOSED", "movement": self.flown(), "blockMinutes": block,
            "airborneMinutes": block - 20, "passengers": self.passengers(1),
        });
        self.step("FLIGHT_POST_FLIGHT_STATUS", self.delay, closed)
    }

    fn flown(&self) -> Value {
        json!({
            "offBlockAt": self.out(self.delay),
            "takeOffAt": self.out(self.delay + minutes(12)),
            "landingAt": self.on(self.delay - minutes(8)),
            "onBlockAt": self.on(self.delay),
        })
    }

    fn passengers(&self, more: i64) -> Value {
        let adults = self.adults + more;
        let (children, infants) = (self.children, self.infants);
        let total = adults + children + infants;
        json!({"total": total, "adults": adults, "children": children, "infants": infants})
    }

    /// An event with what every event of a flight says, and `own`.
    fn step(&self, kind: &'static str, late: SignedDuration, own: Value) -> Step {
        let end = |airport: &Airport, scheduled: String, estimated: String| {
            let mut end = json!({"airport": airport.icao, "iata": airport.iata, "scheduledAt": scheduled});
            if !late.is_zero() {
                end["estimatedAt"] = json!(estimated);
            }
            end
        };
        let mut data = json!({
            "flightId": self.id,
            "flightNumber": self.number,
            "registration": self.registration,
            "departure": end(self.from, self.out(SignedDuration::ZERO), self.out(late)),
            "arrival": end(self.to, self.on(SignedDuration::ZERO), self.on(late)),
        });
        if let (Value::Object(data), Value::Object(own)) = (&mut data, own) {
            data.extend(own);
        }
        Step {
            topic: FLIGHTS,
            source: "/flight-operations",
            kind,
            operator: self.operator,
            environment: self.environment,
            subject: self.id.clone(),
            label: self.label(),
            data,
        }
    }
}
