//! What the fields of the list offer.

use std::collections::{BTreeMap, BTreeSet};

use super::filter::{self, ACTIONS, EXPIRIES, NO_CONTRACT, NONE_YET, STATUSES};
use super::row::Row;
use crate::html::State;
use crate::list::{Choice, List};
use crate::model::EventTypes;

/// For each field that offers some.
#[derive(Clone, Debug)]
pub struct Choices {
    /// Those that there are webhooks for.
    pub types: Vec<Choice>,
    pub statuses: Vec<Choice>,
    pub actions: Vec<Choice>,
    pub contracts: Vec<Choice>,
    pub expiries: Vec<Choice>,
    pub last: Vec<Choice>,
}

impl Choices {
    /// `contracts` are the operator's. What is chosen is always among them, be there any of it or not.
    pub fn of(rows: &[Row], types: &EventTypes, contracts: &[String], list: &List) -> Self {
        let mut named: BTreeMap<&str, &str> =
            rows.iter().map(|row| (row.of.event.as_str(), &*row.title)).collect();
        let chosen = list.value(filter::TYPE);
        if !chosen.is_empty() {
            named.entry(chosen).or_insert_with(|| types.title(chosen));
        }
        let mut types: Vec<_> = named.into_iter().map(|(name, title)| Choice::new(name, title)).collect();
        types.sort_by_cached_key(|choice| choice.label.to_lowercase());

        let used = rows.iter().filter_map(|row| row.of.contract_id.as_deref());
        let mut ids: BTreeSet<&str> = used.chain(contracts.iter().map(String::as_str)).collect();
        ids.insert(list.value(filter::CONTRACT));
        let ids = ids.into_iter().filter(|id| !id.is_empty() && *id != NO_CONTRACT);
        let contracts = ids.map(|id| Choice::new(id, id)).chain([Choice::new(NO_CONTRACT, "None")]);

        let last = State::DELIVERIES.iter().map(|(name, state)| Choice::new(*name, state.word));
        Self {
            types,
            statuses: choices(STATUSES),
            actions: choices(ACTIONS),
            contracts: contracts.collect(),
            expiries: choices(EXPIRIES),
            last: last.chain([Choice::new(NONE_YET, "None yet")]).collect(),
        }
    }
}

fn choices(pairs: &[(&str, &str)]) -> Vec<Choice> {
    pairs.iter().map(|(value, label)| Choice::new(*value, *label)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::testing::{asked, row, types};

    #[test]
    fn fields_offer_what_there_is_and_what_is_chosen() {
        let mut rows =
            [row(1, "https://a.example/"), row(2, "https://b.example/"), row(3, "https://c.example/")];
        (rows[1].of.event, rows[1].title) = ("ORDER".to_owned(), "Order disrupted".into());
        rows[2].of.contract_id = Some("C-9".to_owned());
        let list = asked("type=FLIGHT_X&contract=C-gone").list;
        let choices = Choices::of(&rows, &types(), &["C-100".to_owned(), "C-9".to_owned()], &list);
        let offered =
            |choices: &[Choice]| choices.iter().map(|choice| choice.label.clone()).collect::<Vec<_>>();
        assert_eq!(offered(&choices.types), ["FLIGHT_X", "Order disrupted", "Product Added"]);
        assert_eq!(offered(&choices.contracts), ["C-100", "C-9", "C-gone", "None"]);
        assert_eq!(choices.last.len(), 9);
    }
}
