//! What all lists have in common: headings that sort and fields that filter, both kept in the address.

use crate::address::Address;

/// Parameter that holds the order: the name of a column, behind a `-` when the greatest comes first.
pub const SORT: &str = "sort";

/// A list as it was asked for; `macros/list.html` draws its head.
#[derive(Clone, Debug)]
pub struct List {
    pub address: Address,
    /// The parameter that says which page is shown; left out when filters or order change.
    page: &'static str,
    sorted_by: String,
    descending: bool,
}

/// A choice of a filter: its value in the address, and what people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

impl List {
    /// `sorts` are the columns by which it can be sorted, `default` is how it is sorted when nothing else is asked for.
    pub fn of(address: Address, page: &'static str, sorts: &[&str], default: &str) -> Self {
        let asked = address.get(SORT);
        let named = asked.strip_prefix('-').unwrap_or(asked);
        let sort = if sorts.contains(&named) { asked } else { default };
        let (sorted_by, descending) = match sort.strip_prefix('-') {
            Some(name) => (name.to_owned(), true),
            None => (sort.to_owned(), false),
        };
        Self { address, page, sorted_by, descending }
    }

    pub fn sorted_by(&self) -> &str {
        &self.sorted_by
    }

    pub fn is_descending(&self) -> bool {
        self.descending
    }

    /// For `aria-sort`; `None`: it is not sorted by this column.
    pub fn direction(&self, column: &str) -> Option<&'static str> {
        let descending = if self.descending { "descending" } else { "ascending" };
        (self.sorted_by == column).then_some(descending)
    }

    /// The same list from its beginning, sorted by this column; once it is, the other way round.
    pub fn sort_by(&self, column: &str) -> String {
        let sort = match self.sorted_by == column && !self.descending {
            true => format!("-{column}"),
            false => column.to_owned(),
        };
        self.address.with_and_without(SORT, &sort, &[self.page])
    }

    /// What a filter is set to.
    pub fn value(&self, name: &str) -> &str {
        self.address.get(name)
    }

    pub fn is_set(&self, name: &str) -> bool {
        !self.value(name).is_empty()
    }

    /// Another page of it.
    pub fn page_at(&self, place: &str) -> String {
        self.address.with(self.page, place)
    }
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &[(&str, &str)]) -> List {
        let given = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        List::of(Address::of("/l", given, &["sort", "page", "url"]), "page", &["no", "url"], "no")
    }

    #[test]
    fn a_heading_sorts_and_then_turns_the_order() {
        let first = list(&[("url", "x"), ("page", "3")]);
        assert_eq!((first.direction("no"), first.direction("url")), (Some("ascending"), None));
        assert_eq!(first.sort_by("url"), "/l?url=x&sort=url");
        assert_eq!(list(&[("sort", "url")]).sort_by("url"), "/l?sort=-url");
        assert_eq!(list(&[("sort", "-url")]).direction("url"), Some("descending"));
        assert_eq!(list(&[("sort", "-secret")]).sorted_by(), "no");
    }
}
