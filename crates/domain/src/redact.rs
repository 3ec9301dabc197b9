//! What a receiver answers may repeat what it was sent: before people read it, the secrets in it are covered.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::ops::Range;

/// Stands where a secret stood.
pub const COVER: &str = "[secret]";
/// Less than this would be found in any text.
const MIN_CHARS: usize = 4;
/// JSON text inside JSON text is not rare in what gateways answer; deeper it is.
const ESCAPED_MAX: usize = 2;
/// Schemes whose name is no part of the secret.
const SCHEMES: [&str; 2] = ["basic", "bearer"];

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What must not be read of a header with a secret value: the value, the credentials in it, and what these are in clear.
/// `name` in lower case.
pub fn secrets_of(name: &str, value: &str) -> Vec<String> {
    let Some((scheme, credentials)) = value.split_once(' ') else { return counting([value]) };
    let well_known = SCHEMES.into_iter().find(|known| scheme.eq_ignore_ascii_case(known));
    let clear = (well_known == Some("basic")).then(|| in_clear(credentials)).flatten().unwrap_or_default();
    let password = clear.split_once(':').map_or("", |(_, password)| password);
    match (well_known, name) {
        // The name of the scheme stays readable, unless too little is left without it.
        (Some(_), _) if counts(credentials) => counting([credentials, &clear, password]),
        (Some(_), _) | (None, "authorization") => counting([value, credentials, &clear, password]),
        (None, _) => counting([value]),
    }
}

fn in_clear(credentials: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(credentials.trim()).ok()?).ok()
}

fn counting<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.into_iter().filter(|text| counts(text)).map(str::to_owned).collect()
}

fn counts(text: &str) -> bool {
    text.chars().nth(MIN_CHARS - 1).is_some()
}

/// `text` with [`COVER`] in place of each of the secrets, as it is or escaped as in JSON; also of one whose beginning ends the
/// text, for there it may have been cut. At most `max_bytes`.
pub fn redact(text: &str, secrets: &[String], max_bytes: usize) -> String {
    let mut found = Vec::new();
    let mut reading = Some(Reading::plain(text));
    for _ in 0..=ESCAPED_MAX {
        let Some(read) = reading else { break };
        secrets
            .iter()
            .filter(|secret| counts(secret))
            .for_each(|secret| read.find(secret, text.len(), &mut found));
        reading = read.unescaped();
    }
    let mut covered = cover(text, found);
    covered.truncate(covered.floor_char_boundary(max_bytes));
    covered
}

fn cover(text: &str, mut found: Vec<Range<usize>>) -> String {
    found.sort_unstable_by_key(|range| range.start);
    let (mut covered, mut done) = (String::with_capacity(text.len()), 0);
    for range in found {
        if range.start >= done {
            covered.push_str(&text[done..range.start]);
            covered.push_str(COVER);
        }
        done = done.max(range.end);
    }
    covered.push_str(&text[done..]);
    covered
}

/// A text with its escapes undone, and where each character stands in the text as it was given.
struct Reading {
    text: String,
    /// Of each character: its place here, and there.
    places: Vec<(usize, Range<usize>)>,
}

impl Reading {
    fn plain(text: &str) -> Self {
        let places = text.char_indices().map(|(at, c)| (at, at..at + c.len_utf8())).collect();
        Self { text: text.to_owned(), places }
    }

    /// `None`: there is nothing to undo.
    fn unescaped(&self) -> Option<Self> {
        if !self.text.contains('\\') {
            return None;
        }
        let mut next = Self { text: String::with_capacity(self.text.len()), places: Vec::new() };
        let mut places = self.places.iter();
        while let Some((at, first)) = places.next() {
            let rest = &self.text[*at..];
            let mut given = first.clone();
            let escape = if rest.starts_with('\\') { unescape(rest) } else { None };
            if let Some((_, length)) = escape {
                // An escape is ASCII: as many characters as bytes.
                given.end = places.nth(length - 2).map_or(given.end, |(_, last)| last.end);
            } else if may_be_cut(rest) {
                break;
            }
            let Some(c) = escape.map(|(c, _)| c).or_else(|| rest.chars().next()) else { break };
            next.places.push((next.text.len(), given));
            next.text.push(c);
        }
        Some(next)
    }

    /// Where the secret stands in the text as it was given, `length` bytes of it.
    fn find(&self, secret: &str, length: usize, found: &mut Vec<Range<usize>>) {
        for (at, _) in self.text.match_indices(secret) {
            let end = at + secret.len();
            let to = self.place(end).map_or(length, |place| place.start);
            found.extend(self.place(at).map(|place| place.start..to));
        }
        let earliest = self.text.len().saturating_sub(secret.len());
        let first = self.places.partition_point(|(at, _)| *at < earliest);
        let longest = self.places[first..].iter().find(|(at, _)| secret.starts_with(&self.text[*at..]));
        found.extend(
            longest.filter(|(at, _)| counts(&self.text[*at..])).map(|(_, place)| place.start..length),
        );
    }

    fn place(&self, at: usize) -> Option<&Range<usize>> {
        let index = self.places.binary_search_by_key(&at, |(here, _)| *here).ok()?;
        self.places.get(index).map(|(_, place)| place)
    }
}

/// The character that an escape at the beginning of `text` stands for, and the escape's length. Those of controls have no
/// part in a secret.
fn unescape(text: &str) -> Option<(char, usize)> {
    match text.strip_prefix('\\')?.chars().next()? {
        c @ ('"' | '\'' | '\\' | '/') => Some((c, 2)),
        _ => {
            let first = code_unit(text)?;
            if let Some(c) = char::from_u32(first.into()) {
                return Some((c, 6));
            }
            let second = code_unit(&text[6..])?;
            char::decode_utf16([first, second]).next()?.ok().map(|c| (c, 12))
        }
    }
}

fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

/// Whether the text ends within an escape.
fn may_be_cut(text: &str) -> bool {
    let part = |b: u8| b == b'\\' || b == b'u' || b.is_ascii_hexdigit();
    text.starts_with('\\') && text.len() < 12 && text.bytes().all(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redacted(text: &str, secrets: &[&str]) -> String {
        redact(text, &secrets.iter().map(|&s| s.to_owned()).collect::<Vec<_>>(), 4_096)
    }

    #[test]
    fn of_each_header_the_secret_counts_in_every_form() {
        for (name, value, secrets) in [
            ("x-api-key", "hush key", &["hush key"] as &[_]),
            ("x-api-key", "abc", &[]),
            ("authorization", "Bearer hush", &["hush"]),
            ("authorization", "Bearer abc", &["Bearer abc"]),
            (
                "authorization",
                "basic bmFtZTpodXNoOmh1c2g=",
                &["bmFtZTpodXNoOmh1c2g=", "name:hush:hush", "hush:hush"],
            ),
            (
                "proxy-authorization",
                "Basic bmFtZTpodXNoOmh1c2g",
                &["bmFtZTpodXNoOmh1c2g", "name:hush:hush", "hush:hush"],
            ),
            ("authorization", "Basic no base64", &["no base64"]),
            ("authorization", "hush-one hush-two", &["hush-one hush-two", "hush-two"]),
            ("authorization", "hush-one", &["hush-one"]),
            ("authorization", "", &[]),
        ] {
            assert_eq!(secrets_of(name, value), secrets, "{name}: {value}");
        }
    }

    #[test]
    fn every_occurrence_is_covered_and_nothing_else() {
        assert_eq!(redacted("a hush-1 b hush-1", &["hush-1"]), "a [secret] b [secret]");
        assert_eq!(redacted("hush-1hush-1", &["hush-1"]), "[secret][secret]");
        // One inside another, and two that share characters.
        assert_eq!(redacted("(name:hush)", &["name:hush", "hush"]), "([secret])");
        assert_eq!(redacted("(abcdefgh)", &["abcdef", "cdefgh"]), "([secret])");
        assert_eq!(redacted("é hush-£ é", &["hush-£"]), "é [secret] é");
        assert_eq!(redacted("all is well", &["hush-1"]), "all is well");
        assert_eq!(redacted("abc abc", &["abc", ""]), "abc abc");
        assert_eq!(redacted("", &["hush"]), "");
    }

    #[test]
    fn what_is_cut_at_the_end_is_covered_from_four_characters_on() {
        let secrets = ["hush-key"];
        assert_eq!(redacted("{\"a\":\"hush-ke", &secrets), "{\"a\":\"[secret]");
        assert_eq!(redacted("hush", &secrets), "[secret]");
        assert_eq!(redacted("a hus", &secrets), "a hus");
        assert_eq!(redacted("a hush.", &secrets), "a hush.");
        // The longest beginning counts.
        assert_eq!(redacted("x abababa", &["ababababc"]), "x [secret]");
    }

    #[test]
    fn escapes_hide_nothing() {
        for (text, secret) in [
            (r#"{"k":"a+\/b=="}"#, "a+/b=="),
            (r#"{"k":"a\u002B/b\u003d\u003D"}"#, "a+/b=="),
            (r#"{"k":"pa\"ss\\w\u00f6\ud83d\ude00rd"}"#, "pa\"ss\\wö😀rd"),
            (r#"{"k":"{\\"k\\":\\"pa\\\"ss\\"}"}"#, "pa\"ss"),
            (r#"{"k":"a\\\/bc"}"#, "a/bc"),
        ] {
            let covered = redacted(text, &[secret]);
            assert!(covered.starts_with("{\"k\":\"") && covered.ends_with("\"}"), "{covered}");
            assert!(covered.contains(COVER) && covered.len() < text.len() + COVER.len() - 4, "{covered}");
        }
        for cut in ["", "\\", "\\u", "\\u00", "\\u00f"] {
            assert_eq!(redacted(&format!("a pass{cut}"), &["passöword"]), "a [secret]", "{cut}");
        }
        for cut in ["\\ud83d", "\\ud83d\\", "\\ud83d\\ude0"] {
            assert_eq!(redacted(&format!("a pass{cut}"), &["pass😀"]), "a [secret]", "{cut}");
        }
        assert_eq!(redacted(r"C:\users\dead", &["hush"]), r"C:\users\dead");
    }

    #[test]
    fn the_cap_holds() {
        assert_eq!(redact("hush hush hush", &["hush".into()], 14), "[secret] [secr");
        assert_eq!(redact("ééé", &[], 3), "é");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_whole_or_cut(
            secret in "[a-d\"\\\\/é😀]{4,12}",
            pieces in prop::collection::vec("[a-d\"/ é]{0,3}", 1..6),
            escaped: bool,
            cut in 4usize..40,
        ) {
            let told = serde_json::to_string(&secret).unwrap().replace('/', "\\/");
            let told = if escaped { told[1..told.len() - 1].to_owned() } else { secret.clone() };
            let text = pieces.join(&told) + "| ";
            let covered = redacted(&text, &[&secret]);
            prop_assert!(!covered.contains(&secret) && !covered.contains(&told), "{}", covered);
            prop_assert_eq!(covered.contains(COVER), text.contains(&told), "{}", covered);
            // Cut anywhere within: no four characters of it stay.
            let kept: String = secret.chars().take(cut).collect();
            if kept.len() < secret.len() {
                prop_assert_eq!(redacted(&format!("| {kept}"), &[&secret]), "| [secret]");
            }
        }

        #[test]
        fn any_text_is_taken(text in ".{0,60}|[\\\\u0-9a-f\"/]{0,60}", secret in ".{0,8}", max_bytes in 0usize..80) {
            let covered = redact(&text, &[secret], max_bytes);
            prop_assert!(covered.len() <= max_bytes);
        }
    }
}
