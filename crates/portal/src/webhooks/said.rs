//! What the page says of itself.

use crate::html::number;

/// What has just been done elsewhere, as a redirect to the list says it.
const DONE: &[(&str, &str)] = &[
    ("added", "The webhook was added."),
    ("saved", "The webhook was saved. Changes count for new events at once."),
    ("deleted", "The webhook was deleted. Nothing more is sent to it."),
    ("renewed", "The webhook was renewed."),
];

/// From `done` of a query.
pub fn done(given: &[(String, String)]) -> Option<&'static str> {
    let (_, what) = given.iter().find(|(name, _)| name == "done")?;
    DONE.iter().find(|(known, _)| known == what).map(|(_, says)| *says)
}

/// How many there are, when nothing is filtered.
pub fn all(total: usize, active: usize, failing: usize) -> String {
    let all = match (total, active) {
        (1, 1) => "1 webhook, active".to_owned(),
        (1, _) => "1 webhook, inactive".to_owned(),
        (total, 0) => format!("{} webhooks, none of them active", count(total)),
        (total, active) if active == total => format!("{} webhooks, all of them active", count(total)),
        (total, active) => format!("{} webhooks, {} of them active", count(total), count(active)),
    };
    match (total, failing) {
        (_, 0) => all,
        (1, _) => format!("{all}, failing"),
        (_, failing) => format!("{all}, {} failing", count(failing)),
    }
}

/// How many of them fit the filters.
pub fn fitting(fitting: usize, total: usize) -> String {
    let webhooks = if total == 1 { "webhook" } else { "webhooks" };
    match fitting {
        0 => format!("Showing none of {} {webhooks}", count(total)),
        some => format!("Showing {} of {} {webhooks}.", count(some), count(total)),
    }
}

pub fn count(count: usize) -> String {
    number(count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_done_is_said() {
        let given = |what: &str| Vec::from([("done".to_owned(), what.to_owned())]);
        assert_eq!(done(&given("added")), Some("The webhook was added."));
        assert_eq!((done(&given("<b>hacked</b>")), done(&[])), (None, None));
    }

    #[test]
    fn counts_are_sentences() {
        assert_eq!(all(9, 6, 0), "9 webhooks, 6 of them active");
        assert_eq!(all(9, 6, 2), "9 webhooks, 6 of them active, 2 failing");
        assert_eq!(all(1, 1, 1), "1 webhook, active, failing");
        assert_eq!(all(10_000, 0, 0), "10,000 webhooks, none of them active");
        assert_eq!(
            (all(1, 1, 0), all(2, 2, 0)),
            ("1 webhook, active".to_owned(), "2 webhooks, all of them active".to_owned())
        );
        assert_eq!(fitting(3, 9), "Showing 3 of 9 webhooks.");
        assert_eq!(fitting(0, 1), "Showing none of 1 webhook");
    }
}
