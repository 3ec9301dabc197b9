//! Event types to choose among, in the filter of a list; `deliver-macros.html` draws it.

use super::known::Webhooks;
use crate::list::Choice;
use crate::model::{EventType, EventTypes};

/// Those that are looked for most stand first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeChoices {
    /// Of webhooks that there are.
    pub own: Vec<Choice>,
    pub others: Vec<Choice>,
}

impl TypeChoices {
    /// Those that may be subscribed, and what is chosen already, even if nothing of it is known.
    pub fn of(types: &EventTypes, webhooks: &Webhooks, chosen: &str) -> Self {
        let (own, others): (Vec<_>, Vec<_>) =
            types.event_types.iter().partition(|known| webhooks.have(&known.name));
        let others = others.into_iter().filter(|known| known.entitled || known.name == chosen);
        let mut others: Vec<_> = others.map(choice).collect();
        if !chosen.is_empty() && types.of(chosen).is_none() {
            others.push(Choice::new(chosen, chosen));
        }
        Self { own: own.into_iter().map(choice).collect(), others }
    }
}

/// Two may have one title, so each has its name as well.
fn choice(known: &EventType) -> Choice {
    Choice::new(&known.name, format!("{} · {}", known.title, known.name))
}

#[cfg(test)]
mod tests {
    use super::super::known::tests::webhooks;
    use super::*;

    fn types() -> EventTypes {
        let of = |name: &str, entitled: bool| {
            serde_json::json!({"name": name, "title": "Flight cancelled", "family": "flight", "kind": "fact", "when": "",
                "subject": null, "entitled": entitled})
        };
        let all = [
            of("FLIGHT_CANCEL", true),
            of("OrderCreated", false),
            of("FlightCancelled", true),
            of("X", false),
        ];
        serde_json::from_value(serde_json::json!({"eventTypes": all})).unwrap()
    }

    fn of(chosen: &str) -> (Vec<String>, Vec<String>) {
        let found = TypeChoices::of(&types(), &webhooks(&[("1", "https://a.example")]), chosen);
        let labels = |all: Vec<Choice>| all.into_iter().map(|choice| choice.label).collect();
        (labels(found.own), labels(found.others))
    }

    #[test]
    fn those_of_the_webhooks_come_first_and_each_can_be_told_from_the_others() {
        let (own, others) = of("");
        assert_eq!(own, ["Flight cancelled · OrderCreated"]);
        assert_eq!(others, ["Flight cancelled · FLIGHT_CANCEL", "Flight cancelled · FlightCancelled"]);
    }

    #[test]
    fn a_type_that_is_chosen_can_be_seen_to_be() {
        assert_eq!(of("X").1.last().unwrap(), "Flight cancelled · X");
        assert_eq!(of("<b>").1.last().unwrap(), "<b>");
        assert_eq!(of("OrderCreated").1.len(), 2);
    }
}
