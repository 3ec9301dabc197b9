//! The attempts of a delivery as a table; `macros/attempts.html` draws it.

use super::outcome;
use crate::error::sentence;
use crate::html::number;
use crate::model::Attempt;
use crate::zone::{When, Zone};

/// Those of one delivery, the first one first.
#[derive(Clone, Debug)]
pub struct AttemptTable {
    /// For who does not see the table; differs from those of other tables on the page.
    pub label: String,
    pub rows: Vec<AttemptRow>,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    /// Those before it that are not kept.
    pub left_out: Option<String>,
    pub number: u32,
    pub begun: When,
    pub result: AttemptResult,
    pub took: String,
    /// The beginning of the answer.
    pub excerpt: Option<String>,
    /// Why there was no answer, or no good one.
    pub problem: Option<String>,
}

/// How it ended, with the mark of a class of `portal.css`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptResult {
    pub word: String,
    pub class: &'static str,
}

impl AttemptTable {
    pub fn of(attempts: &[Attempt], zone: &Zone, label: impl Into<String>) -> Self {
        let mut expected = 1;
        let rows = attempts.iter().map(|attempt| {
            let left_out = left_out(expected, attempt.number);
            expected = attempt.number.saturating_add(1);
            AttemptRow {
                left_out,
                number: attempt.number,
                begun: zone.second(attempt.started_at),
                result: AttemptResult::of(attempt),
                took: took(attempt.duration_ms),
                excerpt: attempt.excerpt.clone().filter(|excerpt| !excerpt.trim().is_empty()),
                problem: attempt.problem.as_deref().map(sentence).filter(|problem| !problem.is_empty()),
            }
        });
        Self { rows: rows.collect(), label: label.into() }
    }
}

impl AttemptResult {
    pub fn of(attempt: &Attempt) -> Self {
        let class = if attempt.is_good() { "s-done" } else { "s-fail" };
        Self { word: outcome::answer(&attempt.outcome, attempt.status), class }
    }
}

/// Of very many attempts some in the middle are not kept.
fn left_out(expected: u32, number_of_next: u32) -> Option<String> {
    let missing = number_of_next.checked_sub(expected).filter(|missing| *missing > 0)?;
    let last = number_of_next - 1;
    Some(match missing {
        1 => format!("Attempt {expected} is not kept."),
        _ => format!("Attempts {} to {} are not kept.", number(expected.into()), number(last.into())),
    })
}

/// `under 1 ms`, `212 ms`, `10.0 s`, `2 min 5 s`
pub fn took(duration_ms: u32) -> String {
    match duration_ms {
        0 => "under 1 ms".to_owned(),
        1..1_000 => format!("{duration_ms} ms"),
        1_000..59_950 => {
            let tenths = (duration_ms + 50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        _ => {
            let seconds = u64::from(duration_ms).saturating_add(500) / 1_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::*;

    #[derive(Template)]
    #[template(
        source = r#"{% import "macros/attempts.html" as attempt_macros %}{% call attempt_macros::table(attempts) %}{% endcall %}"#,
        ext = "html"
    )]
    struct Shown {
        attempts: AttemptTable,
    }

    fn attempt(number: u32, outcome: &str, excerpt: Option<&str>) -> Attempt {
        Attempt {
            number,
            started_at: "2026-11-21T10:50:02Z".parse().unwrap(),
            duration_ms: 212,
            outcome: outcome.to_owned(),
            status: None,
            problem: Some("the name of the host has no address".to_owned()),
            tls_problem: None,
            excerpt: excerpt.map(str::to_owned),
        }
    }

    #[test]
    fn durations_are_told_as_people_read_them() {
        let told = [0, 212, 999, 1_000, 1_949, 1_950, 10_000, 59_949, 59_950, 125_400, u32::MAX].map(took);
        let expected =
            ["under 1 ms", "212 ms", "999 ms", "1.0 s", "1.9 s", "2.0 s", "10.0 s", "59.9 s", "1 min 0 s"];
        assert_eq!(told[..9], expected);
        assert_eq!(told[9..], ["2 min 5 s", "71582 min 47 s"]);
    }

    #[test]
    fn what_a_receiver_answered_is_shown_as_text() {
        let hostile = "</code><script>alert(1)</script>\" onload='x'";
        let zone = Zone::utc();
        let attempts =
            [attempt(1, "dns", Some(hostile)), attempt(5, "<i>", Some("  ")), attempt(7, "tls", None)];
        let shown = Shown { attempts: AttemptTable::of(&attempts, &zone, "Attempts of \"<b>\"") };
        let page = shown.render().unwrap();
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains("<i>"), "{page}");
        assert!(page.contains("&#60;script&#62;") && page.contains("Host not found"), "{page}");
        assert!(page.contains("Attempts 2 to 4 are not kept.") && page.contains("Attempt 6 is not kept."));
        assert!(page.contains("The name of the host has no address."), "{page}");
    }

    #[test]
    fn no_attempts_are_no_table() {
        let shown = Shown { attempts: AttemptTable::of(&[], &Zone::utc(), "Attempts") };
        assert_eq!(shown.render().unwrap(), "<p class=\"soft\">No attempt was made.</p>");
    }
}
