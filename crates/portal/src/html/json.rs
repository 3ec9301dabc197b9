//! JSON for people.

/// Of one step inwards.
const STEP: &str = "  ";
/// What lies deeper is not moved any further inwards: a line would consist of blanks, and a small text become a huge one.
const STEPS_MAX: usize = 20;
/// So much of a text is shown.
const SHOWN_BYTES_MAX: usize = 256 * 1_024;
/// What stands below a text that is longer.
const CUT: &str = "\n… It goes on. Only the first 256 KiB are shown.";

/// What stands below a text in which some are.
const TURNED: &str = "\n… Characters that change the direction of text are shown as \\u202e and the like.";

/// The same JSON with a line for each of its values. Order and spelling stay as they were, which reading and writing it anew
/// would not keep; but characters that change the direction of text are seen, and do nothing. Of a very long one the beginning,
/// with a note that says so. Not escaped for a page.
pub fn indented(json: &str) -> String {
    let (mut text, is_whole) = laid_out(json, SHOWN_BYTES_MAX, true);
    let is_turned = json.contains(is_bidi);
    if !is_whole {
        text.push_str(CUT);
    }
    if is_turned {
        text.push_str(TURNED);
    }
    text
}

/// The same of a text that somebody goes on to write: all of it, or `None` if it had more than `bytes_max`.
pub fn indented_whole(json: &str, bytes_max: usize) -> Option<String> {
    let (text, is_whole) = laid_out(json, bytes_max, false);
    is_whole.then_some(text)
}

/// Has what follows, or all of it, stand in another order than it was written in.
fn is_bidi(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// And whether it is all of it.
fn laid_out(json: &str, bytes_max: usize, shows_bidi: bool) -> (String, bool) {
    let mut text = String::with_capacity(json.len().saturating_mul(2).min(bytes_max));
    let mut depth = 0_usize;
    let (mut within_text, mut escaped) = (false, false);
    let mut rest = json.chars().peekable();
    // A character adds a line at most, or six bytes.
    while text.len() <= bytes_max
        && let Some(char) = rest.next()
    {
        if shows_bidi && is_bidi(char) {
            text.push_str(&format!("\\u{:04x}", u32::from(char)));
            escaped = false;
            continue;
        }
        if within_text {
            text.push(char);
            within_text = escaped || char != '"';
            escaped = !escaped && char == '\\';
            continue;
        }
        match char {
            '{' | '[' => {
                text.push(char);
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(char);
            }
            ',' => {
                text.push(char);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            char if char.is_ascii_whitespace() => {}
            char => {
                within_text = char == '"';
                text.push(char);
            }
        }
    }
    let is_whole = text.len() <= bytes_max;
    if !is_whole {
        let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
    }
    (text, is_whole)
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n(STEP, depth.min(STEPS_MAX)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_line_and_nothing_else_changes() {
        let json = r#"{"b": [1, 2.50, {}],"a":"x, {\"y\"}: [\\","e":[ ] }"#;
        let expected = "{\n  \"b\": [\n    1,\n    2.50,\n    {}\n  ],\n  \"a\": \"x, {\\\"y\\\"}: [\\\\\",\n  \"e\": []\n}";
        assert_eq!((indented(json).as_str(), indented(expected).as_str()), (expected, expected));
        let same = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(same(json), same(&indented(json)));
        assert_eq!((indented("null").as_str(), indented(r#""{""#).as_str()), ("null", r#""{""#));
    }

    #[test]
    fn what_turns_text_around_is_seen() {
        let turning = "{\"<b>\":\"\u{202e}gnp\u{2066}\u{200f}\u{61c}\"}";
        let shown = indented(turning);
        let expected = "{\n  \"<b>\": \"\\u202egnp\\u2066\\u200f\\u061c\"\n}";
        assert_eq!(shown.strip_suffix(TURNED), Some(expected));
        let same = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(same(expected), same(turning), "it is the same JSON");
        assert!(indented_whole(turning, 1_000).unwrap().contains("\u{202e}gnp"), "what is written stays");
        assert!(!indented("\"\u{200b}é→\"").contains('…'));
        assert!(indented(&"\u{202e}".repeat(100_000)).ends_with(&format!("{CUT}{TURNED}")));
    }

    #[test]
    fn what_is_nested_deep_does_not_grow_with_its_depth() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let shown = indented(&deep);
        assert!(shown.contains(&format!("\n{}1\n", STEP.repeat(STEPS_MAX))), "{shown}");
        assert!(shown.lines().all(|line| line.len() <= STEPS_MAX * STEP.len() + 1), "{shown}");
        assert_eq!(shown.lines().count(), 201);
    }

    #[test]
    fn what_is_very_long_is_cut_and_says_so() {
        for long in ["[".repeat(1_000_000), format!("[\"{}\"]", "é".repeat(500_000)), "[],".repeat(300_000)]
        {
            let shown = indented(&long);
            let cut = shown.strip_suffix(CUT).unwrap();
            assert!((SHOWN_BYTES_MAX - 1..=SHOWN_BYTES_MAX).contains(&cut.len()), "{}", cut.len());
            assert_eq!(indented_whole(&long, SHOWN_BYTES_MAX), None);
        }
        let fits = format!("\"{}\"", "x".repeat(SHOWN_BYTES_MAX - 2));
        assert_eq!((indented(&fits), indented_whole("[1]", 7)), (fits.clone(), Some("[\n  1\n]".to_owned())));
        assert_eq!(indented_whole("[1]", 6), None);
    }
}
