//! Which fields a template may use, and which one was meant.

/// The names a template may use.
#[derive(Clone, Copy)]
pub enum Fields<'a> {
    /// The top-level fields of the event type's data, and the names the caller adds to every event's data.
    Only(&'a [&'a str]),
    /// Whatever it names: a template accepted before may name a field that no longer exists; it renders as absent.
    Any,
}

impl Fields<'_> {
    pub(super) fn has(self, name: &str) -> bool {
        match self {
            Fields::Only(names) => names.contains(&name),
            Fields::Any => true,
        }
    }

    /// What was meant by `name`, or what there is: the end of a message about it.
    pub(super) fn hint(self, name: &str) -> String {
        let Fields::Only(names) = self else { return String::new() };
        let near = nearest(name, names);
        match (near.as_slice(), names) {
            ([], []) => "; events of this type have no fields to use".to_owned(),
            ([], names) => {
                let more = if names.len() > HINT_NAMES_MAX { ", …" } else { "" };
                let some = names.iter().take(HINT_NAMES_MAX).copied().collect::<Vec<_>>();
                format!("; there are {}{more}", some.join(", "))
            }
            (near, _) => format!("; did you mean {}?", near.join(" or ")),
        }
    }
}

const HINT_NAMES_MAX: usize = 40;
/// Comparing costs the square of this.
const NAME_CHARS_MAX: usize = 64;

/// At most three of `names` that may have been meant by `name`, the likeliest first.
fn nearest<'n>(name: &str, names: &[&'n str]) -> Vec<&'n str> {
    let wanted = letters(name);
    if wanted.is_empty() || wanted.len() > NAME_CHARS_MAX {
        return Vec::new();
    }
    let mut near: Vec<(usize, &str)> = names
        .iter()
        .filter_map(|candidate| Some((distance(&wanted, &letters(candidate))?, *candidate)))
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// What counts of a name: `order_id` is as good as `orderID`.
fn letters(name: &str) -> Vec<char> {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .take(NAME_CHARS_MAX + 1)
        .collect()
}

/// How many letters to add, drop, change or swap with the next; `None`: too many to have been meant.
fn distance(from: &[char], to: &[char]) -> Option<usize> {
    let bound = (from.len().min(to.len()) / 3).min(2);
    if from.len() >= 3 && to.starts_with(from) {
        return Some(bound);
    }
    if from.len().abs_diff(to.len()) > bound {
        return None;
    }
    let (mut before, mut above): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=to.len()).collect());
    for (row, letter) in from.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let changed = above[column] + usize::from(letter != other);
            let mut least = changed.min(above[column + 1] + 1).min(line[column] + 1);
            if row > 0 && column > 0 && from[row - 1] == *other && to[column - 1] == *letter {
                least = least.min(before[column - 1] + 1);
            }
            line.push(least);
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().filter(|distance| *distance <= bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] =
        ["agwID", "orderID", "pnr", "recordLocator", "createdOn", "psgPhone", "psgEmail"];

    #[test]
    fn what_was_meant_is_found() {
        for (name, meant) in [
            ("agwId", vec!["agwID"]),
            ("agw_id", vec!["agwID"]),
            ("oderID", vec!["orderID"]),
            ("pmr", vec!["pnr"]),
            ("prn", vec!["pnr"]),
            ("recordLoc", vec!["recordLocator"]),
            ("psg", vec!["psgPhone", "psgEmail"]),
            ("createOn", vec!["createdOn"]),
            ("departure", vec![]),
            ("x", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(nearest(name, &NAMES), meant, "{name}");
        }
        assert!(nearest(&"agwID".repeat(1_000), &NAMES).is_empty());
    }

    #[test]
    fn without_a_near_one_the_hint_lists_them() {
        assert_eq!(Fields::Only(&["a1", "b2"]).hint("zzz"), "; there are a1, b2");
        assert_eq!(Fields::Only(&[]).hint("zzz"), "; events of this type have no fields to use");
        assert!(Fields::Only(&["a"; 100]).hint("zzz").ends_with(", …"));
    }
}
