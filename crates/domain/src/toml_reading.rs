//! Reading TOML by hand, so that every mistake is told with its place, not only the first one.

use serde_json::Value;
use std::{borrow::Cow, fmt, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// One mistake in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// For example `tokens[2].sha256`.
    pub place: String,
    /// What is wrong and what is expected.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.detail),
            place => write!(f, "line {}: {place}: {}", self.line, self.detail),
        }
    }
}

impl std::error::Error for Problem {}

/// The text that is read, and what was found wrong in it.
pub struct Reading<'t> {
    text: &'t str,
    found: Vec<(usize, Problem)>,
}

impl<'t> Reading<'t> {
    pub const fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub fn problem(&mut self, span: &Range<usize>, place: impl Into<String>, detail: impl Into<String>) {
        let line = self.line(span);
        self.found.push((span.start, Problem { line, place: place.into(), detail: detail.into() }));
    }

    /// The line something begins in, from 1.
    pub fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    /// How many mistakes were found so far.
    pub const fn count(&self) -> usize {
        self.found.len()
    }

    /// `value`, unless something was wrong.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<Problem>> {
        let found = self.found();
        if found.is_empty() { Ok(value) } else { Err(found) }
    }

    /// What was wrong, in the order of the file.
    pub fn found(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|(at, _)| *at);
        self.found.into_iter().map(|(_, problem)| problem).collect()
    }
}

/// One table of the file.
pub struct Section<'a, 'i> {
    /// For example `tokens[2]`; empty: the whole file.
    pub place: String,
    pub span: Range<usize>,
    table: &'a DeTable<'i>,
}

/// A text and where it stands.
#[derive(Clone)]
pub struct Text<'a> {
    pub value: &'a str,
    pub span: Range<usize>,
    pub place: String,
}

impl<'a, 'i> Section<'a, 'i> {
    /// The whole file.
    pub fn root(table: &'a DeTable<'i>) -> Self {
        Self { place: String::new(), span: 0..0, table }
    }

    /// The table that `value` is.
    pub fn of(reading: &mut Reading<'_>, value: &'a Spanned<DeValue<'i>>, place: String) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            reading.problem(&value.span(), place, "must be a table");
            return None;
        };
        Some(Section { place, span: value.span(), table })
    }

    /// Where the value `name` stands, or would.
    pub fn place_of(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    pub fn value(&self, name: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }

    /// All that is in it, in the order of the file.
    pub fn entries(&self) -> Vec<(Text<'a>, &'a Spanned<DeValue<'i>>)> {
        let entry = |(key, value): (&'a Spanned<Cow<'i, str>>, _)| {
            let name: &str = key.get_ref();
            (Text { value: name, span: key.span(), place: self.place_of(name) }, value)
        };
        let mut entries: Vec<_> = self.table.iter().map(entry).collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        entries
    }

    pub fn refuse_unknown(&self, reading: &mut Reading<'_>, known: &[&str]) {
        for (key, _) in self.entries() {
            if !known.contains(&key.value) {
                reading.problem(&key.span, key.place, format!("is unknown; known are {}", known.join(", ")));
            }
        }
    }

    /// The tables of the array `name`.
    pub fn sections(&self, reading: &mut Reading<'_>, name: &str, known: &[&str]) -> Vec<Self> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let at = self.place_of(name);
        let DeValue::Array(items) = value.get_ref() else {
            reading.problem(&value.span(), &at, format!("must be tables, each headed [[{at}]]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let place = format!("{at}[{index}]");
            let DeValue::Table(table) = item.get_ref() else {
                reading.problem(&item.span(), place, format!("must be a table headed [[{at}]]"));
                continue;
            };
            let section = Section { place, span: item.span(), table };
            section.refuse_unknown(reading, known);
            sections.push(section);
        }
        sections
    }

    /// The table `name`, if it is there.
    pub fn section(&self, reading: &mut Reading<'_>, name: &str) -> Option<Self> {
        Section::of(reading, self.value(name)?, self.place_of(name))
    }

    /// `false` unless it is there.
    pub fn flag(&self, reading: &mut Reading<'_>, name: &str) -> bool {
        let Some(value) = self.value(name) else { return false };
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        reading.problem(&value.span(), self.place_of(name), "must be true or false");
        false
    }

    /// A text that must be there, not empty and at most `chars_max` long.
    pub fn text(&self, reading: &mut Reading<'_>, name: &str, chars_max: usize) -> Option<Text<'a>> {
        if self.value(name).is_none() {
            reading.problem(&self.span, self.place_of(name), "is required");
        }
        self.maybe_text(reading, name, chars_max)
    }

    /// As [`Self::text`], but it may be left out.
    pub fn maybe_text(&self, reading: &mut Reading<'_>, name: &str, chars_max: usize) -> Option<Text<'a>> {
        read_text(reading, self.value(name)?, self.place_of(name), chars_max)
    }

    /// A list of different texts. `None`: it is not there, or it is wrong and that was said.
    pub fn texts(&self, reading: &mut Reading<'_>, name: &str, chars_max: usize) -> Option<Vec<Text<'a>>> {
        let value = self.value(name)?;
        let place = self.place_of(name);
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
        let there = self.value(name).is_some();
        let texts = self.texts(reading, name, chars_max);
        if !there || texts.as_ref().is_some_and(Vec::is_empty) {
            let place = self.place_of(name);
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

/// The same value as JSON; times become texts.
pub fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(number.as_str()),
        },
        DeValue::Float(number) => {
            number.as_str().parse::<f64>().map_or_else(|_| Value::from(number.as_str()), Value::from)
        }
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref().to_owned(), to_json(value.get_ref())))
            .collect(),
    }
}
