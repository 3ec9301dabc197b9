//! What the form lets one choose from.

use crate::model::{EventType, EventTypes, Policies};
use crate::viewer::Me;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

/// Of event types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub label: String,
    pub choices: Vec<Choice>,
}

/// Those of products first: theirs have contracts.
const FAMILIES: [(&str, &str); 3] =
    [("product", "Product events"), ("order", "Order events"), ("flight", "Flight events")];

/// What each profile is good for.
const PROFILES: [(&str, &str); 4] = [
    ("flight", "flight: expires after 30 days"),
    ("portal", "portal: never expires, may change its event type"),
    ("order", "order: never expires"),
    ("staffing", "staffing: header secret, four attempts"),
];

impl Group {
    pub fn all(&self) -> &[Choice] {
        &self.choices
    }
}

/// Policies, and that of the profile.
pub fn policies(policies: &Policies, profile: &str, chosen: &str) -> Vec<Choice> {
    let default = policies.of_profile(profile).map_or(String::new(), |policy| format!(": {}", policy.name));
    let default = choice("", &format!("The profile’s{default}"), chosen);
    let named = policies.policies.iter().map(|policy| choice(&policy.name, &policy.name, chosen));
    with_chosen([default].into_iter().chain(named).collect(), chosen)
}

/// The operator's, and the one it has.
pub fn contracts(me: &Me, chosen: &str) -> Vec<Choice> {
    let known = me.contracts.iter().map(|id| choice(id, id, chosen));
    with_chosen([choice("", "None", chosen)].into_iter().chain(known).collect(), chosen)
}

/// Those that may be subscribed, and the one it has.
pub fn events(types: &EventTypes, chosen: &str) -> Vec<Group> {
    let shown = |of: &&EventType| of.entitled || of.name == chosen;
    let of_family = |family: &str| {
        let of = types.event_types.iter().filter(shown).filter(|of| of.family == family);
        of.map(|of| choice(&of.name, &type_label(of), chosen)).collect::<Vec<_>>()
    };
    let mut groups: Vec<_> = FAMILIES
        .iter()
        .map(|(family, label)| Group { label: (*label).to_owned(), choices: of_family(family) })
        .collect();
    let is_there =
        |groups: &[Group]| groups.iter().flat_map(|group| &group.choices).any(|known| known.chosen);
    if !chosen.is_empty() && !is_there(&groups) {
        let other = vec![choice(chosen, chosen, chosen)];
        groups.push(Group { label: "No longer in the catalogue".to_owned(), choices: other });
    }
    groups.retain(|group| !group.choices.is_empty());
    groups
}

pub fn profiles(me: &Me, chosen: &str, is_new: bool) -> Vec<Choice> {
    let words = |name: &String| {
        let found = PROFILES.iter().find(|(known, _)| known == name);
        choice(name, found.map_or(name.as_str(), |(_, words)| words), chosen)
    };
    let own = is_new.then(|| choice("", "That of the event type", chosen));
    with_chosen(own.into_iter().chain(me.profiles.iter().map(words)).collect(), chosen)
}

pub fn environments(chosen: &str) -> Vec<Choice> {
    let all = [("production", "Production"), ("non-production", "Non-production")];
    with_chosen(all.map(|(value, label)| choice(value, label, chosen)).to_vec(), chosen)
}

/// The profile that a subscription gets when it says none.
pub fn profile_of(event: Option<&EventType>) -> &'static str {
    match event.map(|event| event.family.as_str()) {
        Some("flight") => "flight",
        Some("product") => "portal",
        Some("order") => "order",
        _ => "",
    }
}

/// Two may have one title, so each has its name as well.
pub fn type_label(of: &EventType) -> String {
    if of.title == of.name { of.name.clone() } else { format!("{} · {}", of.title, of.name) }
}

fn choice(value: &str, label: &str, chosen: &str) -> Choice {
    Choice { value: value.to_owned(), label: label.to_owned(), chosen: value == chosen }
}

/// What is chosen can be chosen, also when it should not be: so that it is told what is wrong with it.
fn with_chosen(mut choices: Vec<Choice>, chosen: &str) -> Vec<Choice> {
    if !choices.iter().any(|choice| choice.chosen) {
        choices.push(choice(chosen, chosen, chosen));
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn types() -> EventTypes {
        let of = |name: &str, family: &str, entitled: bool| {
            json!({"name": name, "title": format!("T {name}"), "family": family, "kind": "fact", "when": "w", "subject": null,
                "entitled": entitled})
        };
        let all = [
            of("F", "flight", true),
            of("G", "flight", false),
            of("P", "product", true),
            of("O", "order", false),
        ];
        serde_json::from_value(json!({ "eventTypes": all })).unwrap()
    }

    fn shown(groups: &[Group]) -> Vec<(&str, Vec<(&str, bool)>)> {
        groups
            .iter()
            .map(|group| {
                let of = group.choices.iter().map(|choice| (choice.value.as_str(), choice.chosen));
                (group.label.as_str(), of.collect())
            })
            .collect()
    }

    #[test]
    fn only_types_that_may_be_had_are_offered_and_the_one_it_has() {
        let types = types();
        assert_eq!(
            shown(&events(&types, "")),
            [("Product events", vec![("P", false)]), ("Flight events", vec![("F", false)])]
        );
        assert_eq!(events(&types, "")[0].choices[0].label, "T P · P", "titles may be the same");
        assert_eq!(shown(&events(&types, "O"))[1], ("Order events", vec![("O", true)]));
        assert_eq!(
            shown(&events(&types, "<gone>")).last(),
            Some(&("No longer in the catalogue", vec![("<gone>", true)]))
        );
    }

    #[test]
    fn what_is_chosen_can_always_be_chosen() {
        let me = serde_json::from_value(
            json!({"client": "c", "operator": "o", "scopes": [], "contracts": ["C-1"],
            "eventTypes": [], "profiles": ["flight", "portal"]}),
        );
        let me: Me = me.unwrap();
        let values = |choices: &[Choice]| {
            choices.iter().map(|choice| (choice.value.clone(), choice.chosen)).collect::<Vec<_>>()
        };
        let text = str::to_owned;
        assert_eq!(values(&contracts(&me, "")), [(text(""), true), (text("C-1"), false)]);
        assert_eq!(values(&contracts(&me, "C-9")).last(), Some(&(text("C-9"), true)));
        assert_eq!(values(&profiles(&me, "", true)).first(), Some(&(text(""), true)));
        assert_eq!(
            values(&profiles(&me, "portal", false)),
            [(text("flight"), false), (text("portal"), true)]
        );
        let policies =
            json!({"policies": [{"name": "brisk", "profiles": ["portal"], "summary": "one attempt"}]});
        let policies: Policies = serde_json::from_value(policies).unwrap();
        let of_portal = super::policies(&policies, "portal", "");
        assert_eq!((of_portal[0].label.as_str(), of_portal[0].chosen), ("The profile’s: brisk", true));
        assert_eq!(
            super::policies(&policies, "flight", "gone").last().map(|choice| choice.chosen),
            Some(true)
        );
    }
}
