//! Reading TOML by hand, so that every mistake is told with its place, not only the first one.

use super::Problem;
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The text that is read, and what was found wrong in it.
pub(super) struct Reading<'t> {
    text: &'t str,
    found: Vec<(usize, Problem)>,
}

impl<'t> Reading<'t> {
    pub const fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub fn problem(&mut self, span: &Range<usize>, place: impl Into<String>, detail: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        self.found.push((span.start, Problem { line, place: place.into(), detail: detail.into() }));
    }

    /// `value`, unless something was wrong.
    pub fn finish<T>(mut self, value: T) -> Result<T, Vec<Problem>> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort_by_key(|(at, _)| *at);
        Err(self.found.into_iter().map(|(_, problem)| problem).collect())
    }
}

/// One table of the file.
pub(super) struct Section<'a, 'i> {
    /// For example `tokens[2]`.
    pub place: String,
    span: Range<usize>,
    table: &'a DeTable<'i>,
}

/// A text and where it stands.
#[derive(Clone)]
pub(super) struct Text<'a> {
    pub value: &'a str,
    pub span: Range<usize>,
    pub place: String,
}

/// The tables of the array `name` at the top of the file.
pub(super) fn sections<'a, 'i>(
    reading: &mut Reading<'_>,
    root: &'a DeTable<'i>,
    name: &str,
    known: &[&str],
) -> Vec<Section<'a, 'i>> {
    let Some(value) = get(root, name) else { return Vec::new() };
    let DeValue::Array(items) = value.get_ref() else {
        reading.problem(&value.span(), name, format!("must be tables, each headed [[{name}]]"));
        return Vec::new();
    };
    let mut sections = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = format!("{name}[{index}]");
        let DeValue::Table(table) = item.get_ref() else {
            reading.problem(&item.span(), place, format!("must be a table headed [[{name}]]"));
            continue;
        };
        refuse_unknown(reading, table, &place, known);
        sections.push(Section { place, span: item.span(), table });
    }
    sections
}

pub(super) fn refuse_unknown(reading: &mut Reading<'_>, table: &DeTable<'_>, place: &str, known: &[&str]) {
    for key in table.keys() {
        let name: &str = key.get_ref();
        if !known.contains(&name) {
            let place = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
            reading.problem(&key.span(), place, format!("is unknown; known are {}", known.join(", ")));
        }
    }
}

impl<'a> Section<'a, '_> {
    /// A text that must be there, not empty and at most `chars_max` long.
    pub fn text(&self, reading: &mut Reading<'_>, name: &str, chars_max: usize) -> Option<Text<'a>> {
        let place = format!("{}.{name}", self.place);
        let Some(value) = get(self.table, name) else {
            reading.problem(&self.span, place, "is required");
            return None;
        };
        read_text(reading, value, place, chars_max)
    }

    /// A list of different texts. `None`: it is not there, or it is wrong and that was said.
    pub fn texts(&self, reading: &mut Reading<'_>, name: &str, chars_max: usize) -> Option<Vec<Text<'a>>> {
        let value = get(self.table, name)?;
        let place = format!("{}.{name}", self.place);
        let DeValue::Array(items) = value.get_ref() else {
            reading.problem(&value.span(), place, "must be a list of texts");
            return None;
        };
        let mut texts: Vec<Text<'a>> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(text) = read_text(reading, item, format!("{place}[{index}]"), chars_max) else {
                continue;
            };
            if texts.iter().any(|t| t.value == text.value) {
                reading.problem(&text.span, &text.place, format!("{:?} stands there twice", text.value));
            }
            texts.push(text);
        }
        Some(texts)
    }

    /// As [`Self::texts`]; it must be there and hold something.
    pub fn some_texts(&self, reading: &mut Reading<'_>, name: &str, chars_max: usize) -> Vec<Text<'a>> {
        let there = get(self.table, name).is_some();
        let texts = self.texts(reading, name, chars_max);
        if !there || texts.as_ref().is_some_and(Vec::is_empty) {
            let place = format!("{}.{name}", self.place);
            reading.problem(&self.span, place, "is required and must name at least one");
        }
        texts.unwrap_or_default()
    }
}

fn read_text<'a>(
    reading: &mut Reading<'_>,
    value: &'a Spanned<DeValue<'_>>,
    place: String,
    chars_max: usize,
) -> Option<Text<'a>> {
    let span = value.span();
    let DeValue::String(text) = value.get_ref() else {
        reading.problem(&span, place, "must be a text");
        return None;
    };
    if text.is_empty() || text.chars().count() > chars_max || text.chars().any(char::is_control) {
        let detail = format!("must have 1 to {chars_max} characters, none of them a control character");
        reading.problem(&span, place, detail);
        return None;
    }
    Some(Text { value: text, span, place })
}

fn get<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a Spanned<DeValue<'i>>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
}
