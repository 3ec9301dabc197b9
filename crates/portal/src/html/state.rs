//! How something stands, as a word with a mark: who sees no colours sees its shape.

use std::fmt;

use askama::filters::HtmlSafe;

/// One of the states there are; `Display` is its element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// For people.
    pub word: &'static str,
    class: &'static str,
}

impl State {
    pub const ACTIVE: Self = Self::new("Active", "s-on");
    pub const INACTIVE: Self = Self::new("Inactive", "s-off");
    pub const FAILED: Self = Self::new("Failed", "s-fail");
    /// Of a webhook whose receiver does not take what is sent to it.
    pub const FAILING: Self = Self::new("Failing", "s-again");

    /// A word of the page's own, with the mark of a class of `portal.css`.
    pub const fn new(word: &'static str, class: &'static str) -> Self {
        Self { word, class }
    }

    /// `ACTIVE` or `INACTIVE`.
    pub fn of_subscription(status: &str) -> Self {
        if status == "ACTIVE" { Self::ACTIVE } else { Self::INACTIVE }
    }

    /// That of a delivery as REST names it; one that this version does not know is shown as it is not.
    pub fn of_delivery(status: &str) -> Self {
        let found = Self::DELIVERIES.iter().find(|(name, _)| *name == status);
        found.map_or(Self::new("Unknown", "s-past"), |(_, state)| *state)
    }

    /// All of a delivery, with the names that REST has for them.
    pub const DELIVERIES: [(&'static str, Self); 8] = [
        ("PENDING", Self::new("Pending", "s-new")),
        ("RETRYING", Self::new("Retrying", "s-again")),
        ("PARKED", Self::new("Parked", "s-park")),
        ("DELIVERED", Self::new("Delivered", "s-done")),
        ("ESCALATED", Self::new("Given up", "s-up")),
        ("CANCELLED", Self::new("Cancelled", "s-cut")),
        ("SUPERSEDED", Self::new("Superseded", "s-past")),
        ("EXPIRED", Self::new("Expired", "s-past")),
    ];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<span class="state {}"><span>{}</span></span>"#, self.class, self.word)
    }
}

/// All of it stands in this program.
impl HtmlSafe for State {}
