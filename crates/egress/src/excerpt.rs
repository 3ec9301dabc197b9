//! The beginning of a response as people may read it.

/// Collects the first bytes of a body.
#[derive(Debug)]
pub(crate) struct Excerpt {
    max_bytes: usize,
    kept: Vec<u8>,
    compressed: bool,
}

/// Stands for a body that a receiver compressed. Nothing is ever unpacked here, and nobody was asked to compress.
pub(crate) const COMPRESSED: &str = "(compressed)";

impl Excerpt {
    pub fn new(max_bytes: usize, compressed: bool) -> Self {
        Self { max_bytes, kept: Vec::new(), compressed }
    }

    pub fn add(&mut self, data: &[u8]) {
        let room = if self.compressed { 0 } else { self.max_bytes - self.kept.len() };
        self.kept.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// At most `max_bytes` of text. White space is a blank; what is no text, or would act on a terminal or turn the reading
    /// direction, is U+FFFD.
    pub fn text(&self) -> String {
        if self.compressed {
            return if self.max_bytes == 0 { String::new() } else { COMPRESSED.to_owned() };
        }
        let mut text = String::new();
        let mut chunks = self.kept.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.extend(chunk.valid().chars().map(harmless));
            // A character that the cap may have cut in two is left out.
            let cut = chunks.peek().is_none() && self.kept.len() == self.max_bytes;
            if !chunk.invalid().is_empty() && !cut {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text.truncate(text.floor_char_boundary(self.max_bytes));
        text
    }
}

fn harmless(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
            char::REPLACEMENT_CHARACTER
        }
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(max_bytes: usize, parts: &[&[u8]]) -> String {
        let mut excerpt = Excerpt::new(max_bytes, false);
        for part in parts {
            excerpt.add(part);
        }
        excerpt.text()
    }

    #[test]
    fn the_first_bytes_are_kept_and_nothing_in_them_acts() {
        assert_eq!(text(512, &[b"{\"a\":", b"1}"]), "{\"a\":1}");
        assert_eq!(text(4, &[b"abc", b"def"]), "abcd");
        assert_eq!(text(0, &[b"abc"]), "");
        assert_eq!(text(512, &[b"a\r\n\tb\0\x1b[31m\x7f"]), "a   b\u{fffd}\u{fffd}[31m\u{fffd}");
        assert_eq!(text(512, &["\u{202e}gpj.exe\u{85}\u{9b}".as_bytes()]), "\u{fffd}gpj.exe \u{fffd}");
        assert_eq!(text(512, &[b"a\xff\xfeb"]), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn a_cut_leaves_whole_characters_and_the_cap_holds_for_the_text() {
        assert_eq!(text(4, &["aé€".as_bytes()]), "aé");
        assert_eq!(text(6, &["aé€".as_bytes()]), "aé€");
        // Broken in the answer itself.
        assert_eq!(text(512, &[b"a\xe2\x82"]), "a\u{fffd}");
        let noise = text(10, &[&[0xff; 100]]);
        assert_eq!(noise, "\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn what_is_compressed_is_not_shown() {
        for (max_bytes, shown) in [(512, COMPRESSED), (0, "")] {
            let mut excerpt = Excerpt::new(max_bytes, true);
            excerpt.add(b"\x1f\x8b");
            assert_eq!(excerpt.text(), shown);
        }
    }
}
