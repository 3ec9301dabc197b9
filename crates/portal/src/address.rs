//! The address of a page, which holds its filters, so that a view can be shared.

use crate::rest::query_of;

/// Nothing that can be looked for has more characters. Of a longer value one more is kept, so that it can be told to be too long:
/// without it the page would show more than was asked for. It stands in every link of a page.
pub const VALUE_CHARS_MAX: usize = 512;
/// No page knows more.
const PARAMS_MAX: usize = 32;

/// A path and its parameters; those without a value do not stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    path: String,
    params: Vec<(String, String)>,
}

impl Address {
    /// Of what a browser gave; of a name that is not among `known` nothing is kept.
    pub fn of(path: &str, given: Vec<(String, String)>, known: &[&str]) -> Self {
        let params =
            given.into_iter().filter(|(name, value)| !value.is_empty() && known.contains(&name.as_str()));
        let params = params.take(PARAMS_MAX).map(|(name, value)| (name, limited(value)));
        Self { path: path.to_owned(), params: params.collect() }
    }

    /// The first value of a parameter; empty when it is not there.
    pub fn get(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.params.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|known| known == value)
    }

    /// How many of these parameters are set.
    pub fn set(&self, names: &[&str]) -> usize {
        names.iter().filter(|name| !self.get(name).is_empty()).count()
    }

    /// The address as it is.
    pub fn href(&self) -> String {
        self.written(|_| true, None)
    }

    /// The same with another value; empty: without it.
    pub fn with(&self, name: &str, value: &str) -> String {
        self.written(|known| known != name, Some((name, value)))
    }

    pub fn without(&self, names: &[&str]) -> String {
        self.written(|known| !names.contains(&known), None)
    }

    /// As [`Self::without`] and then [`Self::with`]: to another page of a list, or another order of it from its beginning.
    pub fn with_and_without(&self, name: &str, value: &str, names: &[&str]) -> String {
        self.written(|known| known != name && !names.contains(&known), Some((name, value)))
    }

    /// The query alone, without these parameters.
    pub fn query_without(&self, names: &[&str]) -> String {
        query_of(self.pairs().filter(|(name, _)| !names.contains(name)))
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn written(&self, keep: impl Fn(&str) -> bool, more: Option<(&str, &str)>) -> String {
        let query = query_of(self.pairs().filter(|(name, _)| keep(name)).chain(more));
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }
}

fn limited(mut value: String) -> String {
    if let Some((end, _)) = value.char_indices().nth(VALUE_CHARS_MAX + 1) {
        value.truncate(end);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_end() {
        let given = (0..10_000)
            .map(|n| ("columns".to_owned(), format!("{n}{}", "é".repeat(100_000 / 1_000))))
            .collect();
        let address = Address::of("/l", given, &["columns"]);
        assert_eq!(address.all("columns").count(), PARAMS_MAX);
        let long = Vec::from([("url".to_owned(), "é".repeat(70_000))]);
        let long = Address::of("/l", long, &["url"]);
        assert_eq!(long.get("url").chars().count(), VALUE_CHARS_MAX + 1, "it can be told to be too long");
        let just = Vec::from([("url".to_owned(), "é".repeat(VALUE_CHARS_MAX))]);
        assert_eq!(Address::of("/l", just, &["url"]).get("url").chars().count(), VALUE_CHARS_MAX);
    }

    #[test]
    fn an_address_keeps_what_is_set_and_known() {
        let given = [("url", "a b"), ("type", ""), ("evil", "1"), ("columns", "x"), ("columns", "y")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let address = Address::of("/portal/webhooks", given, &["url", "type", "columns", "sort"]);
        assert_eq!(address.href(), "/portal/webhooks?url=a%20b&columns=x&columns=y");
        assert_eq!(address.with("sort", "-url"), "/portal/webhooks?url=a%20b&columns=x&columns=y&sort=-url");
        assert_eq!(address.without(&["columns", "url"]), "/portal/webhooks");
        assert_eq!((address.set(&["url", "type"]), address.has("columns", "y")), (1, true));
    }
}
