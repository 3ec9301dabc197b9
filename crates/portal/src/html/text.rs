//! Text of others.

use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;

/// Text that may break after `/`, `.` and `_`, in its own direction; `Display` is escaped.
#[derive(Clone, Debug)]
pub struct Broken<'a>(&'a str);

/// For URLs and names of fields.
pub fn broken(text: &str) -> Broken<'_> {
    Broken(text)
}

impl fmt::Display for Broken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<bdi>")?;
        let mut rest = self.0.chars().peekable();
        while let Some(char) = rest.next() {
            match char {
                '<' => f.write_str("&#60;")?,
                '>' => f.write_str("&#62;")?,
                '&' => f.write_str("&#38;")?,
                '"' => f.write_str("&#34;")?,
                '\'' => f.write_str("&#39;")?,
                '/' | '.' | '_' => {
                    f.write_char(char)?;
                    if rest.peek().is_some_and(|next| !matches!(next, '/' | '.' | '_')) {
                        f.write_str("<wbr>")?;
                    }
                }
                char => f.write_char(char)?,
            }
        }
        f.write_str("</bdi>")
    }
}

impl HtmlSafe for Broken<'_> {}

/// Of a longer text a crumb has the beginning: the page itself says all of it.
const CRUMB_CHARS_MAX: usize = 60;

/// The beginning of a text, as [`Broken`] and with an ellipsis where something follows.
#[derive(Clone, Debug)]
pub struct Crumb<'a>(&'a str);

/// For the line above a heading that says where one is.
pub fn crumb(text: &str) -> Crumb<'_> {
    Crumb(text)
}

impl fmt::Display for Crumb<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(CRUMB_CHARS_MAX) {
            Some((end, _)) => write!(f, "{}…", Broken(&self.0[..end])),
            None => Broken(self.0).fmt(f),
        }
    }
}

impl HtmlSafe for Crumb<'_> {}

/// A URL without what all have in common.
pub fn shortened(url: &str) -> &str {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url)
}

/// With separators between thousands: `10,000`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_breaks_where_a_url_may() {
        let shown = broken("https://a.example/<b>&\"'").to_string();
        assert_eq!(shown, "<bdi>https://<wbr>a.<wbr>example/<wbr>&#60;b&#62;&#38;&#34;&#39;</bdi>");
    }

    #[test]
    fn a_crumb_has_an_end() {
        assert_eq!(crumb("a.example/<b>").to_string(), broken("a.example/<b>").to_string());
        let most = "é".repeat(CRUMB_CHARS_MAX);
        assert_eq!(crumb(&most).to_string(), format!("<bdi>{most}</bdi>"));
        assert_eq!(crumb(&format!("{most}<i>")).to_string(), format!("<bdi>{most}</bdi>…"));
    }

    #[test]
    fn a_url_is_told_without_its_scheme() {
        for (url, told) in
            [("https://a.example/x", "a.example/x"), ("http://h", "h"), ("ftp://h", "ftp://h"), ("", "")]
        {
            assert_eq!(shortened(url), told);
        }
    }

    #[test]
    fn thousands_are_separated() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), text);
        }
    }
}
