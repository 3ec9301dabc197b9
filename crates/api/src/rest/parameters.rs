//! Reading the parameters of a list.

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use super::problem::Parameter;

/// Rows of a page unless it is said.
pub const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Longest value, in bytes: a subject has up to 512 characters.
const VALUE_MAX_BYTES: usize = 2_048;
/// More parameters that are wrong are not named.
const WRONG_MAX: usize = 20;

/// All that may mean something in a URL.
const MEANS_SOMETHING: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Has `read` take in every parameter; only those that `repeats` may be given more than once.
///
/// # Errors
/// Every parameter that is wrong, unknown or given twice; of very many the first.
pub fn read_all(
    given: Vec<(String, String)>,
    repeats: &str,
    mut read: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), Vec<Parameter>> {
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    for (name, value) in given {
        let read = match name != repeats && seen.contains(&name) {
            true => Err("is given twice".to_owned()),
            false if value.is_empty() || value.len() > VALUE_MAX_BYTES => {
                Err(format!("must have 1 to {VALUE_MAX_BYTES} bytes"))
            }
            false => read(&name, &value),
        };
        if let Err(detail) = read {
            wrong.push(Parameter { parameter: name.clone(), detail });
            if wrong.len() == WRONG_MAX {
                break;
            }
        }
        if name != repeats {
            seen.push(name);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What says whose it is, asked for by somebody who sees only what is its own.
pub fn not_everybodys() -> String {
    "is for administrators, who see everybody's; here it is the caller's own".to_owned()
}

/// Rows of a page, at most.
pub fn limit(value: &str) -> Result<usize, String> {
    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| format!("must be 1 to {LIMIT_MAX}"))
}

/// A word out of those there are; `more` is one of them too, unless it is empty.
pub fn one_of<T>(value: &str, read: Option<T>, words: &[&str], more: &str) -> Result<T, String> {
    let words: Vec<_> =
        words.iter().chain([&more].into_iter().filter(|more| !more.is_empty())).copied().collect();
    read.ok_or_else(|| format!("must be one of {}, not {value:?}", words.join(", ")))
}

/// Milliseconds since 1970. RFC 3339 has some hours more than can be counted, at the end of the year 9999; they count as the last
/// moment that can be.
pub fn time(value: &str) -> Result<i64, String> {
    let read = value.parse().ok().or_else(|| beyond(value));
    read.map(Timestamp::as_millisecond)
        .ok_or_else(|| "must be a time such as 2026-11-21T10:30:00Z (RFC 3339; + is written %2B)".to_owned())
}

fn beyond(value: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(value).ok()?;
    pieces.offset()?;
    let (at, last) = (pieces.date().to_datetime(pieces.time()?), Offset::UTC.to_datetime(Timestamp::MAX));
    (at.date() >= last.date()).then_some(Timestamp::MAX)
}

/// The query of the next page: the same with another place to go on.
pub fn next_page(given: &[(String, String)], after: &str) -> String {
    let same = given.iter().filter(|(name, _)| name != "after");
    let mut query: Vec<_> = same.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    query.push(format!("after={}", encode(after)));
    query.join("&")
}

fn encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, MEANS_SOMETHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_times_there_are_count_as_the_last_that_can_be_counted() {
        for end in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999-12:00", "9999-12-30T23:30:00Z"] {
            assert_eq!(time(end), Ok(Timestamp::MAX.as_millisecond()), "{end}");
        }
        assert!(time("9999-12-30T21:59:59Z").unwrap() < Timestamp::MAX.as_millisecond());
        for wrong in ["9999-12-31", "9999-12-31T23:59:59", "9999-13-31T23:59:59Z", "10000-01-01T00:00:00Z"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_very_many_wrong_parameters_the_first_are_named() {
        let many = (0..1_000).map(|n| (format!("p{n}"), "x".to_owned())).collect();
        let told = read_all(many, "", |_, _| Err("is unknown".to_owned())).unwrap_err();
        let names: Vec<_> = told.iter().map(|wrong| wrong.parameter.clone()).collect();
        assert_eq!(names, (0..20).map(|n| format!("p{n}")).collect::<Vec<_>>());
    }

    #[test]
    fn the_longest_subject_may_be_asked_for() {
        let subject = |chars| vec![("subject".to_owned(), "\u{10348}".repeat(chars))];
        assert!(read_all(subject(512), "", |_, _| Ok(())).is_ok());
        assert!(read_all(subject(513), "", |_, _| Ok(())).is_err());
    }

    #[test]
    fn only_what_repeats_is_given_twice() {
        let given = ["a", "b", "a", "b"].map(|name| (name.to_owned(), "x".to_owned())).to_vec();
        let told = read_all(given, "a", |_, _| Ok(())).unwrap_err();
        assert_eq!(told.iter().map(|wrong| wrong.parameter.as_str()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn the_next_page_keeps_the_other_parameters() {
        let given = [("subject", "A&B=1 ä"), ("after", "old"), ("limit", "5")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(next_page(&given, "new"), "subject=A%26B%3D1%20%C3%A4&limit=5&after=new");
    }
}
