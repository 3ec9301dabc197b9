//! How long answers took: the median, and what 95 of 100 stayed below.

use super::axis::{Decades, place};
use super::{clock, times};
use crate::html::number;
use crate::overview::model::Hour;
use crate::zone::Zone;

/// How far a single hour's line reaches to both sides, as a share of an hour.
const REACH: f64 = 0.25;

/// The picture, and what stands around it.
pub struct Answers {
    /// The same in a sentence.
    pub says: String,
    /// From top to bottom.
    pub labels: Vec<&'static str>,
    /// Where lines run across.
    pub grid: Vec<String>,
    pub times: Vec<String>,
    /// Attributes `d` of a `path`.
    pub median: String,
    pub p95: String,
    /// Of the webhook, where it is known.
    pub limit: Option<String>,
    pub rows: Vec<Row>,
    /// There was no answer at all.
    pub is_empty: bool,
}

/// An hour in numbers.
pub struct Row {
    pub hour: String,
    pub median: String,
    pub p95: String,
}

impl Answers {
    /// `limit_ms`: how long an answer may take, where that is known.
    pub fn of(hours: &[Hour], limit_ms: Option<u64>, zone: &Zone) -> Self {
        let known = hours.iter().flat_map(|hour| [hour.answer_ms_median, hour.answer_ms_p95]).flatten();
        let decades = Decades::around(known.clone().chain(limit_ms));
        Self {
            says: says(hours),
            labels: decades.labels(),
            grid: decades.grid(),
            times: times(hours, zone),
            median: line(hours, decades, |hour| hour.answer_ms_median),
            p95: line(hours, decades, |hour| hour.answer_ms_p95),
            limit: limit_ms.map(|ms| format!("M0 {}H100", place(decades.y(ms)))),
            rows: hours.iter().map(|hour| Row::of(hour, zone)).collect(),
            is_empty: known.count() == 0,
        }
    }
}

/// Through the middle of each hour; hours without an answer are gaps.
fn line(hours: &[Hour], decades: Decades, of: fn(&Hour) -> Option<u64>) -> String {
    let slot = 100.0 / hours.len().max(1) as f64;
    let middle = |number: usize| slot * (number as f64 + 0.5);
    let mut path = String::new();
    for (number, hour) in hours.iter().enumerate() {
        let Some(ms) = of(hour) else { continue };
        let y = place(decades.y(ms));
        let beside = |number: Option<usize>| number.and_then(|number| of(hours.get(number)?)).is_some();
        match (beside(number.checked_sub(1)), beside(number.checked_add(1))) {
            (true, _) => path.push_str(&format!("L{} {y}", place(middle(number)))),
            (false, true) => path.push_str(&format!("M{} {y}", place(middle(number)))),
            // A line to nowhere would not be seen.
            (false, false) => {
                let [left, right] = [-REACH, REACH].map(|reach| place(middle(number) + reach * slot));
                path.push_str(&format!("M{left} {y}H{right}"));
            }
        }
    }
    path
}

impl Row {
    fn of(hour: &Hour, zone: &Zone) -> Self {
        let told = |ms: Option<u64>| match ms {
            Some(ms) => format!("{} ms", number(ms)),
            None => "no answer".to_owned(),
        };
        Self { hour: clock(hour, zone), median: told(hour.answer_ms_median), p95: told(hour.answer_ms_p95) }
    }
}

fn says(hours: &[Hour]) -> String {
    let range = |of: fn(&Hour) -> Option<u64>| {
        let known = hours.iter().filter_map(of);
        let (least, greatest) = (known.clone().min()?, known.max()?);
        Some(match least == greatest {
            true => format!("{} milliseconds", number(least)),
            false => format!("{} to {} milliseconds", number(least), number(greatest)),
        })
    };
    let Some(median) = range(|hour| hour.answer_ms_median) else {
        return format!("No answer came in the last {} hours.", hours.len());
    };
    let p95 =
        range(|hour| hour.answer_ms_p95).map(|p95| format!(", 95 of 100 within {p95}")).unwrap_or_default();
    let silent = hours.iter().filter(|hour| hour.answer_ms_median.is_none()).count();
    let silent = match silent {
        0 => String::new(),
        1 => " In one hour there was no answer.".to_owned(),
        silent => format!(" In {silent} hours there was no answer."),
    };
    format!("By the hour, half of the answers came within {median}{p95}.{silent}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::day;
    use super::*;

    #[test]
    fn hours_without_an_answer_are_gaps() {
        let hours = day(|hour, of| {
            if hour < 2 || hour == 23 {
                (of.answer_ms_median, of.answer_ms_p95) = (Some(100), Some(10_000));
            }
        });
        let drawn = Answers::of(&hours, Some(10_000), &Zone::utc());
        assert_eq!(drawn.median, "M2.08 66.67L6.25 66.67M96.88 66.67H98.96");
        assert_eq!(drawn.p95, "M2.08 0.00L6.25 0.00M96.88 0.00H98.96");
        assert_eq!(drawn.limit.as_deref(), Some("M0 0.00H100"));
        assert_eq!((drawn.rows[0].p95.as_str(), drawn.rows[2].median.as_str()), ("10,000 ms", "no answer"));
        assert_eq!(
            drawn.says,
            "By the hour, half of the answers came within 100 milliseconds, 95 of 100 within 10,000 milliseconds. In 21 hours there was no answer."
        );
    }

    #[test]
    fn a_day_without_answers_says_so() {
        let drawn = Answers::of(&day(|_, _| {}), None, &Zone::utc());
        assert!(drawn.is_empty && drawn.median.is_empty() && drawn.limit.is_none());
        assert_eq!(drawn.says, "No answer came in the last 24 hours.");
        assert!(Answers::of(&[], None, &Zone::utc()).is_empty);
    }

    #[test]
    fn the_greatest_time_stays_within_the_picture() {
        let hours = day(|hour, of| of.answer_ms_median = Some(if hour == 0 { 0 } else { u64::MAX }));
        let drawn = Answers::of(&hours[..2], None, &Zone::utc());
        assert_eq!((drawn.median.as_str(), drawn.labels.len()), ("M25.00 100.00L75.00 0.00", 7));
    }
}
