//! Where the placeholders are in a text.
//!
//! `{{field}}` is a placeholder, with white space around the name or without. `{{{{` stands for a literal `{{`. A single
//! brace and `}}` outside a placeholder stand for themselves, so JSON inside a text needs no escapes. Three braces are
//! refused: other template languages mean something else by them.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'t> {
    /// As it stands there.
    Literal(&'t str),
    /// An escaped `{{`.
    Braces,
    /// The field, without white space around it.
    Placeholder(&'t str),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("is not closed by }}}}; a literal {{{{ is written {{{{{{{{")]
    Unclosed,
    #[error("is empty: name a field between {{{{ and }}}}")]
    Empty,
    #[error("has a brace inside: between {{{{ and }}}} stands the name of one field and nothing else")]
    Nested,
}

/// A placeholder that is broken, or what stands there, with the byte where it begins.
pub(super) type Found<'t> = (usize, Result<Token<'t>, Broken>);

pub(super) fn scan(text: &str) -> Scan<'_> {
    Scan { text, at: 0 }
}

pub(super) struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scan<'t> {
    /// What stands at the beginning of `rest`, and how long it is.
    fn next_of(rest: &'t str) -> (Result<Token<'t>, Broken>, usize) {
        match rest.find("{{") {
            None => return (Ok(Token::Literal(rest)), rest.len()),
            Some(0) => {}
            Some(literal) => return (Ok(Token::Literal(&rest[..literal])), literal),
        }
        if rest.starts_with("{{{{") {
            return (Ok(Token::Braces), 4);
        }
        let inner = &rest[2..];
        // After a mistake the search goes on behind it, so that each one is told once.
        let (name, length) = match (inner.find("}}"), inner.find("{{")) {
            (None, None) => return (Err(Broken::Unclosed), rest.len()),
            (None, Some(next)) => return (Err(Broken::Unclosed), 2 + next.max(1)),
            (Some(close), Some(next)) if next < close => return (Err(Broken::Nested), 2 + close + 2),
            (Some(close), _) => (inner[..close].trim(), 2 + close + 2),
        };
        match name {
            "" => (Err(Broken::Empty), length),
            name if name.contains(['{', '}']) => (Err(Broken::Nested), length),
            name => (Ok(Token::Placeholder(name)), length),
        }
    }
}

impl<'t> Iterator for Scan<'t> {
    type Item = Found<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (at, (found, length)) = (self.at, Self::next_of(rest));
        self.at += length;
        Some((at, found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Result<Token<'_>, Broken>> {
        scan(text).map(|(_, found)| found).collect()
    }

    #[test]
    fn finds_placeholders_literals_and_escapes() {
        use Token::{Braces, Literal, Placeholder};
        for (text, expected) in [
            ("", vec![]),
            ("{", vec![Literal("{")]),
            ("}}", vec![Literal("}}")]),
            ("{{a}}", vec![Placeholder("a")]),
            ("{{ \t a\n}}", vec![Placeholder("a")]),
            ("{{a b}}", vec![Placeholder("a b")]),
            ("é {{a}}{{b}} }", vec![Literal("é "), Placeholder("a"), Placeholder("b"), Literal(" }")]),
            (r#"{"x":{"y":{{a}}}}"#, vec![Literal(r#"{"x":{"y":"#), Placeholder("a"), Literal("}}")]),
            ("{{{{", vec![Braces]),
            ("{{{{a}}", vec![Braces, Literal("a}}")]),
            ("{{{{{", vec![Braces, Literal("{")]),
            ("{{{{{{a}}", vec![Braces, Placeholder("a")]),
            ("a{{{{{{{{", vec![Literal("a"), Braces, Braces]),
        ] {
            assert_eq!(tokens(text), expected.into_iter().map(Ok).collect::<Vec<_>>(), "{text}");
        }
    }

    #[test]
    fn each_mistake_is_found_once_where_it_is() {
        for (text, expected) in [
            ("{{", vec![(0, Broken::Unclosed)]),
            ("é{{a}", vec![(2, Broken::Unclosed)]),
            ("{{a {{b", vec![(0, Broken::Unclosed), (4, Broken::Unclosed)]),
            ("{{}}", vec![(0, Broken::Empty)]),
            ("{{ \n }} {{}}", vec![(0, Broken::Empty), (8, Broken::Empty)]),
            ("{{a {{b}} c", vec![(0, Broken::Nested)]),
            ("{{{a}}}", vec![(0, Broken::Nested)]),
            ("{{{", vec![(0, Broken::Unclosed)]),
            ("{{a{b}}", vec![(0, Broken::Nested)]),
            ("{{a}b}}", vec![(0, Broken::Nested)]),
            ("{{{{{{{a}}", vec![(4, Broken::Nested)]),
        ] {
            let broken: Vec<_> =
                scan(text).filter_map(|(at, found)| found.err().map(|broken| (at, broken))).collect();
            assert_eq!(broken, expected, "{text}");
        }
    }
}
