//! The webhooks that deliveries go to, as a list of deliveries needs them.

use std::collections::HashMap;

use serde::Deserialize;

use crate::html::shortened;
use crate::list::Choice;
use crate::model::EventTypes;
use crate::rest::{Refused, Rest};

/// More are not offered for choosing: the page would consist of them. Then their filter takes text.
const OFFERED_MAX: usize = 200;

/// Those that there are; what was deleted is not among them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Vec<Webhook>")]
pub struct Webhooks {
    by_id: HashMap<String, Webhook>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    id: String,
    event: String,
    callback_url: String,
}

impl From<Vec<Webhook>> for Webhooks {
    fn from(all: Vec<Webhook>) -> Self {
        Self { by_id: all.into_iter().map(|webhook| (webhook.id.clone(), webhook)).collect() }
    }
}

impl Webhooks {
    /// # Errors
    /// As REST refuses to list them.
    pub async fn of(rest: &Rest) -> Result<Self, Refused> {
        rest.whole("/subscriptions?omit=httpRequest").await
    }

    /// Where one is called; `None`: it was deleted.
    pub fn url(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(|webhook| webhook.callback_url.as_str())
    }

    /// Whether one of them is sent events of this type.
    pub fn have(&self, event_type: &str) -> bool {
        self.by_id.values().any(|webhook| webhook.event == event_type)
    }

    /// To choose among; `None`: there are too many. What is chosen is among them, even if it was deleted.
    pub fn choices(&self, chosen: &str, types: &EventTypes) -> Option<Vec<Choice>> {
        if self.by_id.len() > OFFERED_MAX {
            return None;
        }
        let label = |webhook: &Webhook| {
            let url = shortened(&webhook.callback_url);
            let same = self.by_id.values().filter(|other| other.callback_url == webhook.callback_url).count();
            if same > 1 { format!("{url} · {}", types.title(&webhook.event)) } else { url.to_owned() }
        };
        let mut choices: Vec<_> =
            self.by_id.values().map(|webhook| Choice::new(&webhook.id, label(webhook))).collect();
        choices.sort_by(|a, b| (&a.label, &a.value).cmp(&(&b.label, &b.value)));
        if !chosen.is_empty() && self.url(chosen).is_none() {
            choices.push(Choice::new(chosen, format!("Deleted: {chosen}")));
        }
        Some(choices)
    }

    /// The id of the one that is meant by its id or by a part of its URL.
    ///
    /// # Errors
    /// Several are meant.
    pub fn meant(&self, text: &str) -> Result<String, String> {
        if self.url(text).is_some() {
            return Ok(text.to_owned());
        }
        let mut found = self.by_id.values().filter(|webhook| webhook.callback_url.contains(text));
        match (found.next(), found.count()) {
            // It may have been deleted, so its deliveries are looked for.
            (None, _) => Ok(text.to_owned()),
            (Some(webhook), 0) => Ok(webhook.id.clone()),
            (Some(_), more) => Err(format!(
                "Webhook: {} have this in their URL. Give more of it, or the id.",
                crate::html::number(more as u64 + 1)
            )),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn webhooks(all: &[(&str, &str)]) -> Webhooks {
        let webhook = |(id, url): &(&str, &str)| Webhook {
            id: (*id).to_owned(),
            event: "OrderCreated".to_owned(),
            callback_url: (*url).to_owned(),
        };
        Webhooks::from(all.iter().map(webhook).collect::<Vec<_>>())
    }

    fn types() -> EventTypes {
        serde_json::from_value(serde_json::json!({"eventTypes": [
            {"name": "OrderCreated", "title": "Order created", "family": "order", "kind": "fact", "when": "", "subject": null},
        ]}))
        .unwrap()
    }

    #[test]
    fn those_of_one_url_are_told_apart_and_a_deleted_one_can_stay_chosen() {
        let all = webhooks(&[
            ("1", "https://b.example/x"),
            ("2", "https://a.example/x"),
            ("3", "https://b.example/x"),
        ]);
        let choices = all.choices("gone", &types()).unwrap();
        let labels: Vec<_> = choices.iter().map(|choice| choice.label.as_str()).collect();
        let twice = "b.example/x · Order created";
        assert_eq!(labels, ["a.example/x", twice, twice, "Deleted: gone"]);
        assert_eq!(all.choices("1", &types()).unwrap().len(), 3);
        let many: Vec<_> = (0..201).map(|n| (n.to_string(), "https://a.example".to_owned())).collect();
        let many: Vec<_> = many.iter().map(|(id, url)| (id.as_str(), url.as_str())).collect();
        assert_eq!(webhooks(&many).choices("", &types()), None);
    }

    #[test]
    fn one_is_found_by_its_id_or_by_what_only_its_url_has() {
        let all = webhooks(&[("1", "https://b.example/x"), ("2", "https://a.example/x")]);
        assert_eq!((all.meant("2").unwrap(), all.meant("b.ex").unwrap()), ("2".to_owned(), "1".to_owned()));
        assert_eq!(all.meant("gone").unwrap(), "gone");
        assert!(all.meant("/x").unwrap_err().contains("2 have this"));
    }
}
