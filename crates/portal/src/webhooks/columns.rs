//! Which columns are shown.

use super::filter;
use crate::address::Address;

/// Names those that are shown besides.
pub const PARAMETER: &str = "columns";
/// No, URL, Event Type, Status, Actions.
const ALWAYS: usize = 5;

/// Those that a viewer may switch on: their names in addresses, and what people read.
pub const OPTIONAL: &[(&str, &str)] =
    &[(filter::CONTRACT, "Contract"), (filter::EXPIRES, "Expires"), (filter::LAST, "Last delivery")];

/// Of the optional ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub contract: bool,
    pub expires: bool,
    pub last: bool,
}

impl Columns {
    pub fn of(address: &Address) -> Self {
        let has = |name| address.has(PARAMETER, name);
        Self { contract: has(filter::CONTRACT), expires: has(filter::EXPIRES), last: has(filter::LAST) }
    }

    /// Whether the column of this name is there.
    pub fn shows(self, name: &str) -> bool {
        match name {
            filter::CONTRACT => self.contract,
            filter::EXPIRES => self.expires,
            filter::LAST => self.last,
            _ => true,
        }
    }

    pub fn count(self) -> usize {
        ALWAYS + OPTIONAL.iter().filter(|(name, _)| self.shows(name)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_switched_on_one_by_one() {
        let given = ["last", "contract"].map(|name| (PARAMETER.to_owned(), name.to_owned())).to_vec();
        let columns = Columns::of(&Address::of("/l", given, &[PARAMETER]));
        assert_eq!(columns, Columns { contract: true, expires: false, last: true });
        assert_eq!((columns.count(), Columns::default().count()), (7, 5));
        assert!(columns.shows("url") && !columns.shows("expires"));
    }
}
