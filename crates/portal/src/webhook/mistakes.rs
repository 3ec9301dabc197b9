//! What is wrong with what was typed, beside its fields and above the form.

use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;

use super::form::Form;
use super::places::{Fold, Place, place};
use crate::error::sentence;
use crate::rest::{Refused, Wrong};

/// REST says of a body or headers that are there already at the event type that they do not fit it.
const KEPT_BODY: &str =
    "Body and headers are kept as they are. If they do not fit this type, choose others below.";

/// What the settings begin with that REST may name.
const OPERATORS_SETTING: &str = "deliverer.";

/// With what was noticed before REST was asked.
#[derive(Clone, Debug, Default)]
pub struct Mistakes {
    /// Above the form; `None`: nothing was tried.
    pub summary: Option<Summary>,
    all: Vec<Mistake>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub title: String,
    pub says: String,
    pub lines: Vec<Line>,
}

/// One of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The id that it leads to; `None`: to no field.
    pub target: Option<String>,
    pub says: String,
}

#[derive(Clone, Debug)]
struct Mistake {
    place: Place,
    says: String,
}

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    Creation,
    Change,
}

impl Mistakes {
    /// `noticed` goes before what REST says of the same.
    pub fn of(refused: &Refused, noticed: &[Wrong], form: &Form, asked: Asked) -> Self {
        match refused {
            Refused::Invalid { wrong, .. } if !wrong.is_empty() => Self::in_fields(noticed, wrong, form),
            refused => Self::elsewhere(refused, asked),
        }
    }

    fn in_fields(noticed: &[Wrong], told: &[Wrong], form: &Form) -> Self {
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_noticed = |told: &Wrong| {
            noticed.iter().any(|noticed| {
                within(&told.pointer, &noticed.pointer) || within(&noticed.pointer, &told.pointer)
            })
        };
        let told = told.iter().filter(|told| told.pointer.is_empty() || !is_noticed(told));
        let (mut all, mut lines) = (Vec::<Mistake>::new(), Vec::new());
        for wrong in noticed.iter().chain(told) {
            let detail = for_owners(&wrong.detail);
            let Some(place) = place(&wrong.pointer, form) else {
                let of_what = wrong.pointer.trim_start_matches('/');
                let says = sentence(format!("{of_what} {detail}").trim());
                lines.push((None, Line { target: None, says }));
                continue;
            };
            let within =
                if place.within.is_empty() { String::new() } else { format!(", at {}", place.within) };
            let says = format!("{}{within}: {detail}", place.label);
            lines.push((Some(place.order), Line { target: Some(place.target.clone()), says }));
            let says = match place.within.as_str() {
                "" if wrong.pointer == "/event" && form.body == "keep" => {
                    format!("{} {KEPT_BODY}", sentence(&detail))
                }
                "" => sentence(&detail),
                within => format!("At {within}: {}", sentence(&detail)),
            };
            match all.iter_mut().find(|known| known.place.id == place.id) {
                // Writing to a text cannot fail.
                Some(known) => _ = write!(known.says, " {says}"),
                None => all.push(Mistake { place, says }),
            }
        }
        // As the fields follow each other; what belongs to none comes last.
        lines.sort_by_key(|(order, _)| (order.is_none(), *order));
        let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
        // A field that is wrong in two ways has two lines, and what is counted is the lines.
        let what = if lines.len() == all.len() { "field" } else { "thing" };
        let title = match lines.len() {
            0 | 1 if all.is_empty() => "This needs another look".to_owned(),
            0 | 1 => format!("One {what} needs another look"),
            many => format!("{} {what}s need another look", counted(many)),
        };
        let says = "Nothing was saved. All you typed is still here, secrets apart: type those again.";
        Self { summary: Some(Summary { title, says: says.to_owned(), lines }), all }
    }

    fn elsewhere(refused: &Refused, asked: Asked) -> Self {
        let words = crate::error::words(refused);
        let next = match (refused, asked) {
            (Refused::Unavailable(_) | Refused::Broken(_), Asked::Creation) => {
                "It is not known whether it was saved. Send the form again: the same form makes one webhook, however \
                 often it is sent."
            }
            (Refused::Unavailable(_) | Refused::Broken(_), Asked::Change) => {
                "It is not known whether it was saved. Send the form again in a moment."
            }
            (Refused::Conflict(_), Asked::Creation) => {
                "Nothing was saved. If you sent this form before, look at the list first: it may have made its webhook then."
            }
            _ => "Nothing was saved.",
        };
        let says = format!("{} {next} All you typed is still here, secrets apart.", words.says);
        let says = says.trim().to_owned();
        Self {
            summary: Some(Summary { title: words.title.to_owned(), says, lines: Vec::new() }),
            all: Vec::new(),
        }
    }

    /// Of this field.
    pub fn says(&self, id: &str) -> Option<&str> {
        self.all.iter().find(|mistake| mistake.place.id == id).map(|mistake| mistake.says.as_str())
    }

    /// Whether something within is wrong.
    pub fn are_in(&self, fold: Fold) -> bool {
        self.all.iter().any(|mistake| mistake.place.fold == fold)
    }

    /// Attributes of a field that is described by these ids, and by its error.
    pub fn marks<'a>(&self, id: &'a str, described_by: &'a str) -> Marks<'a> {
        Marks { id, described_by, wrong: self.says(id).is_some() }
    }

    /// The same of one that is described by nothing else than its error.
    pub fn alone<'a>(&self, id: &'a str) -> Marks<'a> {
        self.marks(id, "")
    }
}

/// See [`Mistakes::marks`].
pub struct Marks<'a> {
    id: &'a str,
    described_by: &'a str,
    wrong: bool,
}

impl fmt::Display for Marks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, described_by, wrong } = self;
        let blank = if described_by.is_empty() { "" } else { " " };
        match (wrong, described_by.is_empty()) {
            (true, _) => {
                write!(f, r#" aria-describedby="{described_by}{blank}{id}-error" aria-invalid="true""#)
            }
            (false, false) => write!(f, r#" aria-describedby="{described_by}""#),
            (false, true) => Ok(()),
        }
    }
}

/// Ids stand in this program, and numbers in them.
impl HtmlSafe for Marks<'_> {}

/// What is said to whoever runs the platform, as which setting would allow it, is left out.
fn for_owners(detail: &str) -> String {
    let mut parts = detail.split(';');
    let first = parts.next().unwrap_or_default();
    let rest = parts.filter(|part| !part.contains(OPERATORS_SETTING));
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join(";")
}

fn counted(number: usize) -> String {
    const WORDS: [&str; 8] = ["Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
    let word = number.checked_sub(2).and_then(|index| WORDS.get(index));
    word.map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(pointer: &str, detail: &str) -> Wrong {
        Wrong { pointer: pointer.to_owned(), parameter: String::new(), detail: detail.to_owned() }
    }

    fn invalid(wrong: Vec<Wrong>) -> Refused {
        Refused::Invalid { detail: "the body is not valid".to_owned(), wrong }
    }

    #[test]
    fn errors_stand_beside_their_fields_and_above() {
        let form = Form { body: "own".to_owned(), auth: "bearer".to_owned(), ..Form::blank() };
        let noticed = [wrong("/authentication/token", "type the token")];
        let told = vec![
            wrong("/callbackUrl", "must begin with https://"),
            wrong("/authentication", "bearer needs token"),
            wrong("/limits/timeoutMs", "must be <b>500</b>"),
            wrong("/httpRequest/jsonBody/a", "unknown field x"),
            wrong("/httpRequest/jsonBody/b", "unknown field y"),
            wrong("/signingKey", "is required"),
            wrong("", "is strange"),
        ];
        let mistakes = Mistakes::of(&invalid(told), &noticed, &form, Asked::Creation);
        assert_eq!(mistakes.says("url"), Some("Must begin with https://."));
        assert_eq!(mistakes.says("auth-bearer-token"), Some("Type the token."));
        assert_eq!(mistakes.says("auth"), None, "it is told already");
        assert_eq!(mistakes.says("template"), Some("At a: Unknown field x. At b: Unknown field y."));
        let summary = mistakes.summary.clone().unwrap();
        assert_eq!(summary.title, "Seven things need another look");
        let lines: Vec<_> =
            summary.lines.iter().map(|line| (line.target.as_deref(), line.says.as_str())).collect();
        let targets: Vec<_> = lines.iter().map(|(target, _)| *target).collect();
        let fields = ["url", "template", "template", "auth-bearer-token", "timeout"].map(Some);
        assert_eq!(targets[..5], fields, "as in the form");
        assert_eq!(lines[3].1, "Bearer token: type the token");
        assert_eq!(lines[4].1, "Time for an answer: must be <b>500</b>");
        assert_eq!(lines[5..], [(None, "SigningKey is required."), (None, "Is strange.")]);
        assert!(mistakes.are_in(Fold::Limits) && mistakes.are_in(Fold::Body) && !mistakes.are_in(Fold::Name));
        let marks = |id, described_by| mistakes.marks(id, described_by).to_string();
        assert_eq!(marks("url", "url-hint"), r#" aria-describedby="url-hint url-error" aria-invalid="true""#);
        assert_eq!(marks("event", "event-hint"), r#" aria-describedby="event-hint""#);
        assert_eq!(mistakes.alone("url").to_string(), r#" aria-describedby="url-error" aria-invalid="true""#);
        assert_eq!(mistakes.alone("event").to_string(), "");
    }

    #[test]
    fn what_is_counted_is_what_is_listed() {
        let title = |told: &[&str]| {
            let told = told.iter().map(|pointer| wrong(pointer, "no")).collect();
            Mistakes::of(&invalid(told), &[], &Form::blank(), Asked::Creation).summary.unwrap().title
        };
        assert_eq!(title(&["/callbackUrl"]), "One field needs another look");
        assert_eq!(title(&["/event", "/callbackUrl"]), "Two fields need another look");
        assert_eq!(title(&["/callbackUrl", "/httpRequest/url"]), "Two things need another look");
        assert_eq!(title(&["/callbackUrl", "/signingKey"]), "Two things need another look");
        assert_eq!(title(&["/signingKey"]), "This needs another look");
    }

    #[test]
    fn settings_of_the_platform_are_not_told_to_who_cannot_set_them() {
        for (detail, told) in [
            (
                "can't be called: 10.0.0.1 is not public; deliverer.allow_cidrs can allow it",
                "can't be called: 10.0.0.1 is not public",
            ),
            ("is odd; leave it out", "is odd; leave it out"),
            ("is odd", "is odd"),
        ] {
            assert_eq!(for_owners(detail), told);
        }
        let told = vec![wrong("/callbackUrl", "is shut; deliverer.allowed_ports can open it")];
        let mistakes = Mistakes::of(&invalid(told), &[], &Form::blank(), Asked::Creation);
        assert_eq!(mistakes.says("url"), Some("Is shut."));
        assert_eq!(mistakes.summary.unwrap().lines[0].says, "URL: is shut");
    }

    #[test]
    fn what_belongs_to_no_field_is_told_above() {
        for (refused, asked, says) in [
            (Refused::Unavailable("not confirmed".to_owned()), Asked::Creation, "makes one webhook"),
            (Refused::Unavailable("not confirmed".to_owned()), Asked::Change, "again in a moment"),
            (Refused::Conflict("another URL".to_owned()), Asked::Creation, "Another URL. Nothing was saved."),
            (Refused::Forbidden("not this type".to_owned()), Asked::Change, "Nothing was saved."),
            (invalid(Vec::new()), Asked::Change, "The body is not valid. Nothing was saved."),
        ] {
            let mistakes = Mistakes::of(&refused, &[], &Form::blank(), asked);
            let summary = mistakes.summary.unwrap();
            assert!(summary.says.contains(says), "{}", summary.says);
        }
    }
}
