//! The request template of a subscription: its own headers and its own body instead of the default ones.
//!
//! ```json
//! {"httpRequest": {"url": "https://…", "header": {"authorization": "Basic …"},
//!                  "jsonBody": {"orderID": "{{agwID}}", "freeText": "… {{agwID}}", "legs": ["{{segments}}"]}}}
//! ```
//!
//! `{{field}}`, with or without white space inside the braces, stands for a top-level field of the event's data, in header
//! values and in the strings of `jsonBody`, however deep. `{{{{` is a literal `{{`. `url` and names hold no placeholders.
//!
//! | place | the field is | absent or `null` |
//! |---|---|---|
//! | a string that is nothing but one placeholder | JSON, as it came, digit for digit | `null` |
//! | the same, with [`Template::all_text`] | a text, as in a longer string | `""` |
//! | a longer string | text; numbers and booleans as written, objects and arrays as compact JSON | nothing |
//! | a header's value | as in a longer string; controls become blanks, what is not ASCII is percent-encoded | nothing |
//!
//! Headers hold credentials: `Debug` and problems never show anything of their values.

mod compile;
mod data;
mod document;
mod fields;
mod header_names;
mod limits;
mod pieces;
mod problem;
mod render;
mod scan;
#[cfg(test)]
mod tests;

pub use data::{BadData, EventData};
pub use fields::Fields;
pub use limits::Limits;
pub use problem::Problem;
pub use render::BodyTooLarge;

use compile::Read;
use pieces::{Pieces, quoted};
use render::Values;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc};

/// A template as somebody wrote it: JSON text, so that numbers keep their digits and names their order.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// The whole of it: `{"httpRequest": {…}}`.
    Target(&'a str),
    /// What stands under `httpRequest`; problems point at it as if the rest were there.
    HttpRequest(&'a str),
    /// What stands under `header` and `jsonBody`, at least one of them. Without `jsonBody` the default body is sent.
    /// Problems point at `/header/…` and `/jsonBody/…`.
    Parts { header: Option<&'a str>, json_body: Option<&'a str> },
}

impl Source<'_> {
    fn bytes(self) -> usize {
        match self {
            Source::Target(json) | Source::HttpRequest(json) => json.len(),
            Source::Parts { header, json_body } => header.map_or(0, str::len) + json_body.map_or(0, str::len),
        }
    }
}

/// What came out of a template as somebody wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct Compiled {
    /// Any text without `{{`: whether it is a URL that may be called is not checked here.
    pub url: Option<String>,
    pub template: Template,
}

impl fmt::Debug for Compiled {
    /// Without the URL: its query may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.as_ref().map(|_| "…");
        f.debug_struct("Compiled").field("url", &url).field("template", &self.template).finish()
    }
}

/// A template that is ready to render. Clones share it.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    inner: Arc<Inner>,
    all_text: bool,
}

#[derive(PartialEq, Eq)]
struct Inner {
    headers: Box<[Header]>,
    /// `None`: the default body.
    body: Option<Pieces>,
    fields: Box<[Box<str>]>,
    header_value_max_bytes: usize,
    body_max_bytes: usize,
}

#[derive(PartialEq, Eq)]
struct Header {
    /// In lower case.
    name: Box<str>,
    value: Pieces,
}

impl Template {
    /// Checks a template and makes it ready.
    ///
    /// # Errors
    /// All that is wrong with it, but no more than 50 problems.
    pub fn compile(
        source: Source<'_>,
        fields: Fields<'_>,
        limits: &Limits,
    ) -> Result<Compiled, Vec<Problem>> {
        let mut read = compile::read(source, fields, limits)?;
        Ok(Compiled { url: read.url.take(), template: Self::of(read, limits) })
    }

    /// Makes a stored template ready: what [`Self::header_json`] and [`Self::body_json`] gave. It was checked when it came,
    /// so fields that no longer exist and limits that were lowered since do not matter; those of rendering hold.
    ///
    /// # Errors
    /// What was stored is not what was given, or sets a header that is refused by now.
    pub fn restore(
        header: Option<&str>,
        json_body: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, Vec<Problem>> {
        let source = Source::Parts { header, json_body };
        Ok(Self::of(compile::read(source, Fields::Any, &limits.of_rendering())?, limits))
    }

    fn of(read: Read, limits: &Limits) -> Self {
        let inner = Inner {
            headers: read.headers.into_boxed_slice(),
            body: read.body,
            fields: read.fields.into_boxed_slice(),
            header_value_max_bytes: limits.header_value_max_bytes,
            body_max_bytes: limits.body_max_bytes,
        };
        Self { inner: Arc::new(inner), all_text: false }
    }

    /// Whether strings that are nothing but one placeholder become text too, instead of the field's own JSON. It is no part
    /// of the template's JSON, so whoever stores one stores this beside it.
    #[must_use]
    pub const fn all_text(mut self, on: bool) -> Self {
        self.all_text = on;
        self
    }

    /// The body for one event: valid JSON of the template's shape. `None`: the template has none, so the default body it is.
    ///
    /// # Errors
    /// It would be larger than [`Limits::body_max_bytes`].
    pub fn body(&self, data: &EventData<'_>) -> Result<Option<Vec<u8>>, BodyTooLarge> {
        let body = self.inner.body.as_ref();
        body.map(|pieces| render::body(pieces, &self.values(data), self.inner.body_max_bytes)).transpose()
    }

    /// The headers for one event: names in lower case, values of printable ASCII without blanks at the ends, cut at
    /// [`Limits::header_value_max_bytes`]. A value may be empty. They are secrets.
    pub fn headers(&self, data: &EventData<'_>) -> Vec<(&str, String)> {
        let values = self.values(data);
        let max = self.inner.header_value_max_bytes;
        let rendered = |header: &Header| render::header(&header.value, &values, max);
        self.inner.headers.iter().map(|header| (header.name.as_ref(), rendered(header))).collect()
    }

    fn values<'a>(&'a self, data: &'a EventData<'a>) -> Values<'a> {
        Values { fields: &self.inner.fields, data, all_text: self.all_text }
    }

    /// Names of the headers it sets, in lower case.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.inner.headers.iter().map(|header| header.name.as_ref())
    }

    /// Names of the fields it uses, each once.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.inner.fields.iter().map(AsRef::as_ref)
    }

    /// What is to stand under `header`, in canonical form; `None`: it sets none. A secret as a whole.
    pub fn header_json(&self) -> Option<String> {
        let mut json = String::new();
        for Header { name, value } in &self.inner.headers {
            json.push(if json.is_empty() { '{' } else { ',' });
            for part in ["\"", name, "\":\"", &quoted(value.text()), "\""] {
                json.push_str(part);
            }
        }
        (!json.is_empty()).then(|| json + "}")
    }

    /// What is to stand under `jsonBody`, in canonical form; `None`: the default body.
    pub fn body_json(&self) -> Option<&str> {
        self.inner.body.as_ref().map(Pieces::text)
    }

    /// The template in canonical form: no needless white space, header names in lower case. A secret as a whole. Compiled
    /// again it is the same template, unless it has no body: then only [`Self::restore`] takes it.
    pub fn to_json(&self) -> String {
        let header = self.header_json().map(|json| format!("\"header\":{json}"));
        let body = self.body_json().map(|json| format!("\"jsonBody\":{json}"));
        let members: Vec<String> = header.into_iter().chain(body).collect();
        format!("{{\"httpRequest\":{{{}}}}}", members.join(","))
    }

    /// What its owner may see of it.
    pub const fn redacted(&self) -> Redacted<'_> {
        Redacted(self)
    }

    /// How much memory it takes, shared by all clones; for caches.
    pub fn bytes(&self) -> usize {
        let Inner { headers, body, fields, .. } = &*self.inner;
        let header = |header: &Header| header.name.len() + header.value.bytes();
        2 * size_of::<usize>()
            + size_of::<Inner>()
            + size_of_val(headers.as_ref())
            + size_of_val(fields.as_ref())
            + headers.iter().map(header).sum::<usize>()
            + body.as_ref().map_or(0, Pieces::bytes)
            + fields.iter().map(|name| name.len()).sum::<usize>()
    }
}

impl fmt::Debug for Template {
    /// Nothing that somebody wrote as a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("header_names", &self.header_names().collect::<Vec<_>>())
            .field("fields", &self.inner.fields)
            .field("has_body", &self.inner.body.is_some())
            .field("all_text", &self.all_text)
            .finish()
    }
}

/// A template without its secrets, as JSON: `{"header": ["authorization"], "jsonBody": {…}, "allText": false}`. The header
/// names are an array, so that it cannot be given back by mistake as a template without values.
#[derive(Clone, Copy, Debug)]
pub struct Redacted<'t>(&'t Template);

impl Serialize for Redacted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("header", &self.0.header_names().collect::<Vec<_>>())?;
        if let Some(body) = self.0.body_json() {
            let body: &RawValue = serde_json::from_str(body).map_err(serde::ser::Error::custom)?;
            members.serialize_entry("jsonBody", body)?;
        }
        members.serialize_entry("allText", &self.0.all_text)?;
        members.end()
    }
}
