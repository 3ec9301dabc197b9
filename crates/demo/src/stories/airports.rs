//! Airports with both their codes and their time zones.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

#[derive(PartialEq, Eq, Debug)]
pub struct Airport {
    pub iata: &'static str,
    pub icao: &'static str,
    zone: &'static str,
    /// Hours from UTC in winter, for a machine without a time zone database.
    winter: i8,
}

const fn airport(iata: &'static str, icao: &'static str, zone: &'static str, winter: i8) -> Airport {
    Airport { iata, icao, zone, winter }
}

pub static AIRPORTS: [Airport; 16] = [
    airport("ZRH", "LSZH", "Europe/Zurich", 1),
    airport("LHR", "EGLL", "Europe/London", 0),
    airport("MAD", "LEMD", "Europe/Madrid", 1),
    airport("CDG", "LFPG", "Europe/Paris", 1),
    airport("FCO", "LIRF", "Europe/Rome", 1),
    airport("VIE", "LOWW", "Europe/Vienna", 1),
    airport("BER", "EDDB", "Europe/Berlin", 1),
    airport("AMS", "EHAM", "Europe/Amsterdam", 1),
    airport("OSL", "ENGM", "Europe/Oslo", 1),
    airport("ATH", "LGAV", "Europe/Athens", 2),
    airport("LIS", "LPPT", "Europe/Lisbon", 0),
    airport("KEF", "BIKF", "Atlantic/Reykjavik", 0),
    airport("HEL", "EFHK", "Europe/Helsinki", 2),
    airport("IST", "LTFM", "Europe/Istanbul", 3),
    airport("DXB", "OMDB", "Asia/Dubai", 4),
    airport("JFK", "KJFK", "America/New_York", -5),
];

impl Airport {
    /// A time as it is written there: to the second, with the offset from UTC.
    pub fn local(&self, at: Timestamp) -> String {
        let zone =
            TimeZone::get(self.zone).unwrap_or_else(|_| TimeZone::fixed(Offset::constant(self.winter)));
        at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_airport() {
        let at: Timestamp = "2026-01-10T12:00:00Z".parse().unwrap();
        let local = |iata| AIRPORTS.iter().find(|airport| airport.iata == iata).unwrap().local(at);
        assert_eq!(local("ZRH"), "2026-01-10T13:00:00+01:00");
        assert_eq!(local("LHR"), "2026-01-10T12:00:00+00:00");
        assert_eq!(local("JFK"), "2026-01-10T07:00:00-05:00");
        assert_eq!(local("DXB"), "2026-01-10T16:00:00+04:00");
    }
}
