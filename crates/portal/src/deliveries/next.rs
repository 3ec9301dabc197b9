//! What comes next with a delivery, in a heading.

use jiff::Timestamp;
use serde::Deserialize;

use super::row::{href, of_today};
use crate::error::sentence;
use crate::rest::path;
use crate::zone::{When, Zone};

const DECIDE: &str = "Decide about it";

/// As the API tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    what: String,
    at: Option<Timestamp>,
}

/// A text, then a time or a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    pub text: String,
    pub at: Option<When>,
    pub link: Option<Link>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub href: String,
    pub label: &'static str,
}

impl Next {
    pub fn of(step: Option<&Step>, zone: &Zone, now: Timestamp) -> Self {
        let Some(Step { what, at }) = step else { return Self::default() };
        if let Some(at) = at {
            // The API ends with the time; here it stands in the zone of the viewer.
            let text = what.rsplit_once(" at ").map_or("the next attempt is due", |(text, _)| text);
            return Self {
                text: format!("{} at", capital(text)),
                at: Some(of_today(*at, zone, now)),
                link: None,
            };
        }
        let (text, link) = match what.rsplit_once(": see ") {
            Some((text, place)) => (text, link(place)),
            None => (what.as_str(), None),
        };
        let text = match (&link, text.strip_prefix("nothing: ")) {
            (Some(Link { label: DECIDE, .. }), _) => "Given up: it waits for your decision".to_owned(),
            (_, Some(why)) => format!("Nothing more happens: {why}"),
            (_, None) => capital(text),
        };
        Self { text, at: None, link }
    }
}

/// `escalation msg_…` or `delivery msg_…`.
fn link(place: &str) -> Option<Link> {
    let (kind, id) = place.split_once(' ')?;
    match kind {
        "escalation" => {
            let href = format!("{}{}", crate::BASE, path(&["escalations", id]));
            Some(Link { href, label: DECIDE })
        }
        "delivery" => Some(Link { href: href(id), label: "See the new run" }),
        _ => None,
    }
}

fn capital(text: &str) -> String {
    sentence(text).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(what: &str, at: Option<&str>) -> Next {
        let step = Step { what: what.to_owned(), at: at.map(|at| at.parse().unwrap()) };
        Next::of(Some(&step), &Zone::of(Some("Europe/Madrid")), "2026-11-21T10:52:00Z".parse().unwrap())
    }

    #[test]
    fn a_time_stands_in_the_zone_of_the_viewer() {
        let at = "2026-11-21T10:53:10.000Z";
        let due = next(&format!("attempt 3 is due at {at}"), Some(at));
        assert_eq!((due.text.as_str(), due.at.unwrap().text.as_str()), ("Attempt 3 is due at", "11:53:10"));
        assert_eq!(next("otherwise told", Some(at)).text, "The next attempt is due at");
    }

    #[test]
    fn what_ended_says_so_and_leads_on() {
        assert_eq!(next("nothing: delivered", None).text, "Nothing more happens: delivered");
        assert_eq!(
            next("attempt 2 is made as soon as its turn comes", None).text,
            "Attempt 2 is made as soon as its turn comes"
        );
        assert_eq!(
            next("attempt 1 is made when its receiver is back, or with a probe", None).text,
            "Attempt 1 is made when its receiver is back, or with a probe"
        );
        let open = next("people deal with it: see escalation msg_1", None);
        assert_eq!(
            (open.text.as_str(), open.link.unwrap().href.as_str()),
            ("Given up: it waits for your decision", "/portal/escalations/msg_1")
        );
        let again = next("it was sent again: see delivery msg_1-ab", None);
        assert_eq!(again.link.unwrap().href, "/portal/deliveries/msg_1-ab");
        assert_eq!(Next::of(None, &Zone::utc(), Timestamp::UNIX_EPOCH), Next::default());
    }
}
