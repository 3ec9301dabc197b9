//! Events in files: one, an array, or one after another.

use std::fs::File;
use std::io::{Read as _, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::value::RawValue;

/// Of one file.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What broken values span is read again from each line within them that looks like an event, until so much was read in
/// vain. From then on each line stands for itself, so that the time for a file grows with its length only.
const RESCANNED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The mark that some programs put before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// An event in a file, not yet understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// File and line, as in `flights.json:3`.
    pub place: String,
    /// JSON, or why it is not.
    pub event: Result<Bytes, String>,
}

/// All events of the files.
///
/// # Errors
/// A file cannot be read, or holds nothing.
pub fn read_all(files: &[PathBuf]) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let events = split(&name, &text(&name, read(file)?)?, RESCANNED_BYTES_MAX);
        ensure!(!events.is_empty(), "{name} holds no event");
        found.extend(events);
    }
    Ok(found)
}

/// The whole of a file; `-` is standard input.
///
/// # Errors
/// It cannot be read, or is too large.
pub fn read(file: &Path) -> anyhow::Result<Bytes> {
    let name = file.display();
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        let opened = File::open(file).with_context(|| format!("{name} cannot be read"))?;
        opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)
    };
    let length = u64::try_from(read.with_context(|| format!("{name} cannot be read"))?)?;
    ensure!(length <= FILE_BYTES_MAX, "{name} is larger than {FILE_BYTES_MAX} bytes; split it");
    Ok(bytes.into())
}

/// What was read without a mark before it.
///
/// # Errors
/// It is UTF-16, as some programs on Windows write.
fn text(file: &str, bytes: Bytes) -> anyhow::Result<Bytes> {
    // JSON begins with ASCII, and none of it holds a zero.
    let wide = matches!(&*bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..]);
    ensure!(!wide, "{file} is UTF-16, and JSON is UTF-8; convert it, as with: iconv -f UTF-16 -t UTF-8");
    Ok(if bytes.starts_with(MARK) { bytes.slice(MARK.len()..) } else { bytes })
}

fn split(file: &str, text: &Bytes, mut rescans_bytes: usize) -> Vec<Found> {
    let (mut found, mut at, mut line, mut counted) = (Vec::new(), 0, 1, 0);
    let mut place = |offset: usize| {
        line += text[counted..offset].iter().filter(|byte| **byte == b'\n').count();
        counted = offset;
        format!("{file}:{line}")
    };
    while let Some(skipped) = text[at..].iter().position(|byte| !byte.is_ascii_whitespace()) {
        at += skipped;
        let upto = if rescans_bytes == 0 { end_of_line(text, at) } else { text.len() };
        let mut values = serde_json::Deserializer::from_slice(&text[at..upto]).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(value)) if value.get().starts_with('[') => {
                // What was read as a value is an array of values.
                let items: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
                let start = value.get().as_ptr().addr();
                for item in items {
                    let offset = at + (item.get().as_ptr().addr() - start);
                    let event = text.slice(offset..offset + item.get().len());
                    found.push(Found { place: place(offset), event: Ok(event) });
                }
                at += values.byte_offset();
            }
            Some(Ok(value)) => {
                let event = text.slice(at..at + value.get().len());
                found.push(Found { place: place(at), event: Ok(event) });
                at += values.byte_offset();
            }
            Some(Err(error)) => {
                found.push(Found { place: place(at), event: Err(format!("is not JSON: {error}")) });
                rescans_bytes = rescans_bytes.saturating_sub(scanned_beyond_line(&text[at..upto], &error));
                at = next_event(text, at);
            }
            None => break,
        }
    }
    found
}

/// Where the next event begins after one that cannot be read: at a line that looks like it.
fn next_event(text: &[u8], from: usize) -> usize {
    let looks = |pair: &[u8]| matches!(pair, [b'\n', b'{' | b'[']);
    text[from..].windows(2).position(looks).map_or(text.len(), |at| from + at + 1)
}

fn end_of_line(text: &[u8], from: usize) -> usize {
    text[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| from + at)
}

/// How much was read before the error, but for the first line, which is not read again.
fn scanned_beyond_line(text: &[u8], error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len);
    let whole: usize = lines.skip(1).take(error.line().saturating_sub(2)).sum();
    if error.line() > 1 { whole + error.column() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(String, Option<String>)> {
        places_within(text, RESCANNED_BYTES_MAX)
    }

    fn places_within(text: &str, rescans_bytes: usize) -> Vec<(String, Option<String>)> {
        let found = split("f", &Bytes::copy_from_slice(text.as_bytes()), rescans_bytes);
        found
            .into_iter()
            .map(|found| {
                (found.place, found.event.ok().map(|event| String::from_utf8(event.to_vec()).unwrap()))
            })
            .collect()
    }

    fn good(line: usize, event: &str) -> (String, Option<String>) {
        (format!("f:{line}"), Some(event.to_owned()))
    }

    #[test]
    fn one_an_array_or_one_after_another() {
        assert_eq!(places("{\"a\":\n1}\n"), [good(1, "{\"a\":\n1}")]);
        assert_eq!(places("\n[{},\n {\"b\": [1]}]\n"), [good(2, "{}"), good(3, "{\"b\": [1]}")]);
        assert_eq!(places("{}\n\n{\"b\":2}\r\n[7]\n"), [good(1, "{}"), good(3, "{\"b\":2}"), good(4, "7")]);
        assert_eq!(places(" \n"), []);
        assert_eq!(places("[]"), []);
    }

    #[test]
    fn what_cannot_be_read_does_not_hide_what_follows() {
        let found = places("{\"a\":1}\n{\"b\":\n  \"x\n}\n{\"c\":3}\nnonsense\n{\"d\":4}");
        let bad = |line: usize| (format!("f:{line}"), None);
        assert_eq!(found, [good(1, "{\"a\":1}"), bad(2), good(5, "{\"c\":3}"), bad(6), good(7, "{\"d\":4}")]);
    }

    #[test]
    fn what_is_broken_all_over_is_read_line_by_line() {
        let bad = |line: usize| (format!("f:{line}"), None);
        let text = "[\n[\n{\"a\":\n1}\n{\"b\":2}";
        let pretty = ("f:3".to_owned(), Some("{\"a\":\n1}".to_owned()));
        assert_eq!(places(text), [bad(1), bad(2), pretty, good(5, "{\"b\":2}")]);
        assert_eq!(places_within(text, 1), [bad(1), bad(2), bad(3), good(5, "{\"b\":2}")]);
        let many = "[\n".repeat(60_000) + "{\"c\":3}";
        let found = places(&many);
        assert_eq!((found.len(), found.last()), (60_001, Some(&good(60_001, "{\"c\":3}"))));
    }

    #[test]
    fn only_what_is_read_again_counts() {
        let scanned = |text: &str| {
            let error = serde_json::from_str::<&RawValue>(text).unwrap_err();
            scanned_beyond_line(text.as_bytes(), &error)
        };
        assert_eq!(scanned("[1,2,3"), 0);
        assert_eq!(scanned("[\n[\n[1"), 4);
        assert_eq!(scanned("[1,\n2,x,\n3]"), 3);
    }

    #[test]
    fn a_mark_is_no_part_of_the_text_and_utf_16_is_named() {
        let read =
            |bytes: &'static [u8]| text("f", Bytes::from_static(bytes)).map_err(|error| error.to_string());
        assert_eq!(read(b"\xef\xbb\xbf{}").unwrap(), "{}");
        assert_eq!(read(b"{}").unwrap(), "{}");
        assert_eq!(read(b"").unwrap(), "");
        for wide in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}", b"{\0}\0", b"\0{\0}"] {
            assert!(read(wide).unwrap_err().starts_with("f is UTF-16"), "{wide:?}");
        }
    }
}
