//! A template and an event's data become what is sent.

use super::data::{EventData, Text};
use super::pieces::{Piece, Pieces};

/// The body would be larger than it may be. The event and the template are to blame together, so nothing is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the subscription's template makes a body of more than {max_bytes} bytes of this event; \
     shorten the template or raise the limit"
)]
pub struct BodyTooLarge {
    pub max_bytes: usize,
}

/// Where a field's name leads in one event.
pub(super) struct Values<'a> {
    pub(super) fields: &'a [Box<str>],
    pub(super) data: &'a EventData<'a>,
    pub(super) all_text: bool,
}

impl<'a> Values<'a> {
    fn get(&self, field: usize) -> Option<&'a str> {
        self.fields.get(field).and_then(|name| self.data.get(name))
    }
}

pub(super) fn body(pieces: &Pieces, values: &Values<'_>, max_bytes: usize) -> Result<Vec<u8>, BodyTooLarge> {
    let room = pieces.text().len() + 32 * values.fields.len();
    let mut body = Body { json: Vec::with_capacity(room.min(max_bytes)), max_bytes };
    for piece in pieces.iter() {
        match piece {
            Piece::Literal(range) => body.push(pieces.literal(range))?,
            Piece::Whole(field) => match (values.get(*field), values.all_text) {
                (value, false) => body.push(value.unwrap_or("null"))?,
                (value, true) => {
                    body.push("\"")?;
                    body.inside(value)?;
                    body.push("\"")?;
                }
            },
            Piece::Inside(field) => body.inside(values.get(*field))?,
        }
    }
    Ok(body.json)
}

/// The beginning of a body.
struct Body {
    json: Vec<u8>,
    max_bytes: usize,
}

impl Body {
    fn push(&mut self, json: &str) -> Result<(), BodyTooLarge> {
        if self.json.len() + json.len() > self.max_bytes {
            return Err(BodyTooLarge { max_bytes: self.max_bytes });
        }
        self.json.extend_from_slice(json.as_bytes());
        Ok(())
    }

    /// Inside a string of the body.
    fn inside(&mut self, value: Option<&str>) -> Result<(), BodyTooLarge> {
        let Some(json) = value else { return Ok(()) };
        match json.as_bytes().first() {
            // What stands between the quotes of one string may stand between those of another.
            Some(b'"') => self.push(json.get(1..json.len() - 1).unwrap_or_default()),
            Some(b'{' | b'[') => compact(json, |mut part| {
                while let Some(at) = part.find(['"', '\\']) {
                    self.push(&part[..at])?;
                    self.push("\\")?;
                    self.push(&part[at..=at])?;
                    part = &part[at + 1..];
                }
                self.push(part)
            }),
            _ => self.push(json),
        }
    }
}

/// A header's value: visible ASCII, and blanks between but not at the ends, whatever the event holds.
pub(super) fn header(pieces: &Pieces, values: &Values<'_>, max_bytes: usize) -> String {
    let mut line = Line { value: String::with_capacity(pieces.text().len().min(max_bytes)), max_bytes };
    for piece in pieces.iter() {
        let written = match piece {
            Piece::Literal(range) => line.push(pieces.literal(range)),
            Piece::Whole(field) | Piece::Inside(field) => line.field(values.get(*field)),
        };
        if written.is_err() {
            break;
        }
    }
    line.value.truncate(line.value.trim_end_matches(' ').len());
    match line.value.strip_prefix(' ') {
        Some(rest) => rest.trim_start_matches(' ').to_owned(),
        None => line.value,
    }
}

/// The beginning of a header's value.
struct Line {
    value: String,
    max_bytes: usize,
}

/// There is no room for more.
struct Full;

impl Line {
    fn field(&mut self, value: Option<&str>) -> Result<(), Full> {
        let Some(json) = value else { return Ok(()) };
        match json.as_bytes().first() {
            Some(b'"') => match serde_json::from_str(json) {
                Ok(Text(text)) => self.push(&text),
                Err(_) => Ok(()),
            },
            Some(b'{' | b'[') => compact(json, |part| self.push(part)),
            _ => self.push(json),
        }
    }

    /// Line ends and other controls become blanks, so nothing of an event can begin another header. What is not ASCII is
    /// percent-encoded as UTF-8 (RFC 3986): servers disagree about raw bytes, and this way nothing is lost.
    fn push(&mut self, text: &str) -> Result<(), Full> {
        for letter in text.chars() {
            if letter.is_control() {
                self.written(b" ")?;
            } else if letter.is_ascii() {
                self.written(&[letter as u8])?;
            } else {
                let (mut encoded, mut length) = ([0; 12], 0);
                for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                    encoded[length..length + 3].copy_from_slice(&[b'%', hex(byte >> 4), hex(byte & 15)]);
                    length += 3;
                }
                self.written(&encoded[..length])?;
            }
        }
        Ok(())
    }

    /// All of these ASCII letters or none, so that no encoded letter is cut in two.
    fn written(&mut self, ascii: &[u8]) -> Result<(), Full> {
        if self.value.len() + ascii.len() > self.max_bytes {
            return Err(Full);
        }
        self.value.extend(ascii.iter().copied().map(char::from));
        Ok(())
    }
}

fn hex(nibble: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(nibble & 15)]
}

/// Valid JSON without the white space between its tokens, part by part.
fn compact<E>(json: &str, mut part: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let (mut in_text, mut escaped, mut from) = (false, false, 0);
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b' ' | b'\t' | b'\n' | b'\r' if !in_text => {
                part(&json[from..at])?;
                from = at + 1;
            }
            _ => {}
        }
    }
    part(&json[from..])
}
