//! What the catalogue calls things, for people.

/// Heading of a family; one that this version does not know is called what it is.
pub fn family(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{} events", chars.as_str())
}

/// Which of several events about the same thing count, in a few words.
pub fn counts(kind: &str) -> &'static str {
    if kind == "state" { "The newest counts" } else { "Each one counts" }
}

/// The same in a sentence or two.
pub fn counting(kind: &str) -> &'static str {
    match kind {
        "state" => {
            "The newest counts: a newer one about the same makes an older one pointless, so the older one may not be sent any more."
        }
        _ => "Each one counts: none makes another pointless, so all of them are sent.",
    }
}

/// Where the form to add a webhook begins with this type.
pub fn add_href(name: &str) -> String {
    format!("/portal/webhooks/new?{}", crate::rest::query_of([("event", name)]))
}
