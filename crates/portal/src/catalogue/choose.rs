//! Which types are shown.

use crate::address::Address;
use crate::model::EventType;
use crate::rest::path;

use super::words;

/// Words that all stand in what is said of a type.
pub const TEXT: &str = "q";
pub const FAMILY: &str = "family";

/// Types, as far as they were asked for.
pub struct Chosen<'a> {
    pub address: Address,
    /// Those of which something is shown, in the catalogue's order.
    pub families: Vec<Family<'a>>,
    /// All there are, chosen by text alone.
    pub choices: Vec<Choice>,
    pub shown: usize,
    pub total: usize,
    /// The family that was asked for, if there is none of that name.
    pub no_family: Option<String>,
}

/// Types that belong together.
pub struct Family<'a> {
    pub heading: String,
    pub types: Vec<Row<'a>>,
    /// With those that are not shown.
    pub total: usize,
}

pub struct Row<'a> {
    pub event: &'a EventType,
    pub href: String,
    /// Where a webhook for it is added; `None`: this viewer may not.
    pub add: Option<String>,
}

/// One family alone, or all of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice {
    pub label: String,
    pub href: String,
    pub here: bool,
    pub number: usize,
}

impl<'a> Chosen<'a> {
    /// `may_add`: the viewer may make webhooks at all.
    pub fn of(address: Address, types: &'a [EventType], may_add: bool) -> Self {
        let words: Vec<_> = address.get(TEXT).split_whitespace().map(str::to_lowercase).collect();
        let by_text: Vec<_> = types.iter().filter(|event| says(event, &words)).collect();
        let number = |family: &str| by_text.iter().filter(|event| event.family == family).count();
        let choice = |value: &str, label, number| Choice {
            label,
            href: address.with(FAMILY, value),
            here: address.get(FAMILY) == value,
            number,
        };
        let mut choices = vec![choice("", "All".to_owned(), by_text.len())];
        let mut families = Vec::new();
        for name in names(types) {
            choices.push(choice(name, words::family(name), number(name)));
            if !["", name].contains(&address.get(FAMILY)) {
                continue;
            }
            let row = |event: &&'a EventType| Row {
                event,
                href: format!("/portal{}", path(&["catalogue", &event.name])),
                add: (may_add && event.entitled).then(|| words::add_href(&event.name)),
            };
            let of_family = by_text.iter().filter(|event| event.family == name);
            families.push(Family {
                heading: words::family(name),
                types: of_family.map(row).collect(),
                total: types.iter().filter(|event| event.family == name).count(),
            });
        }
        families.retain(|family| !family.types.is_empty());
        let shown = families.iter().map(|family| family.types.len()).sum();
        let asked = address.get(FAMILY);
        let is_there = asked.is_empty() || types.iter().any(|event| event.family == asked);
        let no_family = (!is_there).then(|| asked.to_owned());
        Self { address, families, choices, shown, total: types.len(), no_family }
    }
}

/// Of families, as they first appear.
fn names(types: &[EventType]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for event in types {
        if !names.contains(&event.family.as_str()) {
            names.push(&event.family);
        }
    }
    names
}

fn says(event: &EventType, words: &[String]) -> bool {
    let said = format!("{} {} {}", event.name, event.title, event.when).to_lowercase();
    words.iter().all(|word| said.contains(word))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::model::EventTypes;

    pub fn types() -> EventTypes {
        let of = |name: &str, title: &str, family: &str, kind: &str| {
            let entitled = name != "SeatChange";
            serde_json::json!({"name": name, "title": title, "family": family, "kind": kind, "when": "Something happened.",
                               "subject": null, "entitled": entitled})
        };
        let all = [
            of("FLIGHT_CREATE", "Flight created", "flight", "fact"),
            of("FLIGHT_TIME_UPDATE", "Flight times changed", "flight", "state"),
            of("PRODUCT_ADDED", "Product Added", "product", "fact"),
            of("SeatChange", "Seat changed", "order", "fact"),
        ];
        serde_json::from_value(serde_json::json!({"eventTypes": all})).unwrap()
    }

    fn chosen<'a>(query: &[(&str, &str)], types: &'a EventTypes) -> Chosen<'a> {
        let given = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let address = Address::of("/portal/catalogue", given, &[TEXT, FAMILY]);
        Chosen::of(address, &types.event_types, true)
    }

    #[test]
    fn all_are_shown_in_the_order_of_the_catalogue() {
        let types = types();
        let all = chosen(&[], &types);
        let names: Vec<_> =
            all.families.iter().map(|family| (family.heading.as_str(), family.types.len())).collect();
        assert_eq!(names, [("Flight events", 2), ("Product events", 1), ("Order events", 1)]);
        assert_eq!((all.shown, all.total), (4, 4));
        assert!(all.choices[0].here && all.choices[0].number == 4);
    }

    #[test]
    fn words_and_a_family_narrow_it_and_stay_in_the_address() {
        let types = types();
        let some = chosen(&[("q", "CHANGED something"), ("family", "flight")], &types);
        assert_eq!((some.shown, some.total), (1, 4));
        assert_eq!(
            (some.families[0].types[0].event.name.as_str(), some.families[0].total),
            ("FLIGHT_TIME_UPDATE", 2)
        );
        let order = some.choices.iter().find(|choice| choice.label == "Order events").unwrap();
        assert_eq!(
            (order.href.as_str(), order.number, order.here),
            ("/portal/catalogue?q=CHANGED%20something&family=order", 1, false)
        );
        assert_eq!(chosen(&[("q", "zeppelin")], &types).shown, 0);
        let unknown = chosen(&[("q", "seat"), ("family", "rail")], &types);
        assert_eq!((unknown.shown, unknown.no_family.as_deref()), (0, Some("rail")));
        assert_eq!(unknown.choices[0].href, "/portal/catalogue?q=seat");
        for family in ["", "order"] {
            assert_eq!(chosen(&[("q", "zeppelin"), ("family", family)], &types).no_family, None);
        }
    }

    #[test]
    fn only_who_may_is_led_to_the_form() {
        let types = types();
        let all = chosen(&[], &types);
        let add = |place: usize| all.families[place].types[0].add.as_deref();
        assert_eq!((add(0), add(2)), (Some("/portal/webhooks/new?event=FLIGHT_CREATE"), None));
        let reader = Chosen::of(Address::default(), &types.event_types, false);
        assert!(reader.families.iter().all(|family| family.types.iter().all(|row| row.add.is_none())));
    }
}
