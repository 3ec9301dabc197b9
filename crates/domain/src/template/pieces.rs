//! A text with placeholders, taken apart once, so that rendering is copying.

use std::ops::Range;

/// One piece of a text.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// These bytes of the text, as they are.
    Literal(Range<usize>),
    /// The field of this index as a JSON value.
    Whole(usize),
    /// The field of this index inside a text.
    Inside(usize),
}

/// A text in its canonical form and the pieces it is made of. Of an escaped `{{` only one half is a piece.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pieces {
    text: Box<str>,
    pieces: Box<[Piece]>,
}

impl Pieces {
    /// As it is stored; compiled again, it is the same.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter()
    }

    pub(super) fn literal(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// How long it is without its placeholders.
    pub(super) fn literal_bytes(&self) -> usize {
        let lengths = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(range) => range.len(),
            Piece::Whole(_) | Piece::Inside(_) => 0,
        });
        lengths.sum()
    }

    /// On the heap.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + size_of_val(self.pieces.as_ref())
    }
}

/// Writes a text and takes it apart at once.
#[derive(Default)]
pub(super) struct Writer {
    text: String,
    pieces: Vec<Piece>,
    literal_from: usize,
}

impl Writer {
    pub(super) fn literal(&mut self, literal: &str) {
        self.text.push_str(literal);
    }

    /// A literal `{{`.
    pub(super) fn braces(&mut self) {
        self.text.push_str("{{");
        self.end_literal();
        self.text.push_str("{{");
        self.literal_from = self.text.len();
    }

    /// A field inside a text; `name` as it is to be written there.
    pub(super) fn inside(&mut self, name: &str, field: usize) {
        self.field(&["{{", name, "}}"], Piece::Inside(field));
    }

    /// A string of JSON that is nothing but this field; `name` as it is to be written there.
    pub(super) fn whole(&mut self, name: &str, field: usize) {
        self.field(&["\"{{", name, "}}\""], Piece::Whole(field));
    }

    fn field(&mut self, written: &[&str], piece: Piece) {
        self.end_literal();
        self.text.extend(written.iter().copied());
        self.literal_from = self.text.len();
        self.pieces.push(piece);
    }

    fn end_literal(&mut self) {
        if self.literal_from < self.text.len() {
            self.pieces.push(Piece::Literal(self.literal_from..self.text.len()));
        }
    }

    pub(super) fn finish(mut self) -> Pieces {
        self.end_literal();
        Pieces { text: self.text.into_boxed_str(), pieces: self.pieces.into_boxed_slice() }
    }
}

/// `text` as it stands between the quotes of a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let mut json = serde_json::Value::from(text).to_string();
    json.pop();
    json.split_off(1)
}
