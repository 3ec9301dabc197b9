//! Times as the viewer knows them.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The cookie that a script file sets; see `static/portal.js`.
pub const COOKIE: &str = "tz";
/// No zone has a longer name.
const NAME_BYTES_MAX: usize = 64;

/// A viewer's time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    pub name: String,
    zone: TimeZone,
}

/// A time to be shown: `Display` is a `<time>` element, with UTC for who points at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// For machines: RFC 3339 in UTC with milliseconds.
    pub iso: String,
    /// For people, in UTC with milliseconds.
    pub utc: String,
    /// For people, in their zone.
    pub text: String,
}

/// How much of a time is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// `21 Nov 2026, 11:30`
    Minute,
    /// `21 Nov 2026, 11:30:05`
    Second,
    /// `11:30:05`
    Clock,
}

impl Zone {
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// That of a cookie; UTC when it is missing or names none.
    pub fn of(cookie: Option<&str>) -> Self {
        let known = cookie.filter(|name| name.len() <= NAME_BYTES_MAX).and_then(|name| {
            let zone = TimeZone::get(name).ok()?;
            // As the database spells it, not as the cookie does.
            Some(Self { name: zone.iana_name()?.to_owned(), zone })
        });
        known.unwrap_or_else(Self::utc)
    }

    pub fn at(&self, time: Timestamp, shown: Shown) -> When {
        let format = match shown {
            Shown::Minute => "%-d %b %Y, %H:%M",
            Shown::Second => "%-d %b %Y, %H:%M:%S",
            Shown::Clock => "%H:%M:%S",
        };
        When {
            iso: format!("{time:.3}"),
            utc: time.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string(),
            text: self.format(time, format),
        }
    }

    /// In this zone, in the words of `strftime`.
    pub fn format(&self, time: Timestamp, format: &str) -> String {
        time.to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    pub fn minute(&self, time: Timestamp) -> When {
        self.at(time, Shown::Minute)
    }

    pub fn second(&self, time: Timestamp) -> When {
        self.at(time, Shown::Second)
    }

    pub fn clock(&self, time: Timestamp) -> When {
        self.at(time, Shown::Clock)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { iso, utc, text } = self;
        write!(f, r#"<time datetime="{iso}" title="{utc}">{text}</time>"#)
    }
}

/// Nothing of it is anybody's text: digits, and names of months.
impl HtmlSafe for When {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_zone_of_the_viewer_and_in_utc() {
        let noon: Timestamp = "2026-11-21T10:50:02.007Z".parse().unwrap();
        let shown = Zone::of(Some("Europe/Madrid")).second(noon).to_string();
        let expected = "<time datetime=\"2026-11-21T10:50:02.007Z\" title=\"2026-11-21 10:50:02.007 UTC\">21 Nov 2026, 11:50:02</time>";
        assert_eq!(shown, expected);
        assert_eq!(Zone::utc().clock(noon).text, "10:50:02");
    }

    #[test]
    fn what_is_no_zone_is_utc() {
        let long = "x".repeat(65);
        for cookie in
            [None, Some(""), Some("Nowhere/At_All"), Some("<b>"), Some("../etc/passwd"), Some(long.as_str())]
        {
            assert_eq!(Zone::of(cookie).name, "UTC", "{cookie:?}");
        }
        assert_eq!(Zone::of(Some("asia/kolkata")).name, "Asia/Kolkata");
    }
}
