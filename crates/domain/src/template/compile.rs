//! A template as written becomes one that renders. Everything that is wrong with it is found, not just the first.

use super::document::Members;
use super::header_names;
use super::pieces::{Pieces, Writer, quoted};
use super::problem::Problems;
use super::scan::{Broken, Token, scan};
use super::{Fields, Header, Limits, Problem, Source};
use crate::json_kind::kind;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// What was read of a template.
pub(super) struct Read {
    pub(super) url: Option<String>,
    pub(super) headers: Vec<Header>,
    pub(super) body: Option<Pieces>,
    /// The names of the fields it uses; placeholders count in these.
    pub(super) fields: Vec<Box<str>>,
}

pub(super) fn read(source: Source<'_>, fields: Fields<'_>, limits: &Limits) -> Result<Read, Vec<Problem>> {
    let mut reader =
        Reader { fields, limits, problems: Problems::default(), used: Vec::new(), placeholders: 0 };
    let parts = reader.source(source);
    if !reader.problems.is_empty() {
        return Err(reader.problems.into_list());
    }
    Ok(Read { url: parts.url, headers: parts.headers, body: parts.body, fields: reader.used })
}

#[derive(Default)]
struct Parts {
    url: Option<String>,
    headers: Vec<Header>,
    body: Option<Pieces>,
}

struct Reader<'a> {
    fields: Fields<'a>,
    limits: &'a Limits,
    problems: Problems,
    used: Vec<Box<str>>,
    placeholders: usize,
}

impl Reader<'_> {
    fn source(&mut self, source: Source<'_>) -> Parts {
        let max = self.limits.template_max_bytes;
        if source.bytes() > max {
            self.problems.tell(format!("is {} bytes long; a template may have {max}", source.bytes()));
            return Parts::default();
        }
        match source {
            Source::Target(json) => self.target(json),
            Source::HttpRequest(json) => {
                let above = self.problems.enter("httpRequest");
                let parts = self.json(json).map(|raw| self.http_request(raw));
                self.problems.leave(above);
                parts.unwrap_or_default()
            }
            Source::Parts { header, json_body } => self.parts(header, json_body),
        }
    }

    fn target(&mut self, json: &str) -> Parts {
        let Some(members) = self.json(json).and_then(|raw| self.known(raw, &["httpRequest"])) else {
            return Parts::default();
        };
        match members.get("httpRequest") {
            Some(raw) => self.at("httpRequest", |reader| reader.http_request(raw)),
            None => {
                self.problems.tell("has no httpRequest");
                Parts::default()
            }
        }
    }

    fn http_request(&mut self, raw: &RawValue) -> Parts {
        let Some(members) = self.known(raw, &["url", "header", "jsonBody"]) else {
            return Parts::default();
        };
        let given = |name| members.get(name).filter(|raw| raw.get() != "null");
        let mut parts = Parts::default();
        if let Some(raw) = given("url") {
            parts.url = self.at("url", |reader| reader.url(raw));
        }
        if let Some(raw) = given("header") {
            parts.headers = self.at("header", |reader| reader.headers(raw));
        }
        // Without one the default body is sent, with the headers.
        if let Some(raw) = given("jsonBody") {
            parts.body = self.at("jsonBody", |reader| reader.body(raw));
        }
        self.needs_something(&parts);
        parts
    }

    fn parts(&mut self, header: Option<&str>, json_body: Option<&str>) -> Parts {
        let headers = header.map(|json| {
            self.at("header", |reader| reader.json(json).map(|raw| reader.headers(raw)).unwrap_or_default())
        });
        let headers = headers.unwrap_or_default();
        let body = json_body.and_then(|json| {
            self.at("jsonBody", |reader| reader.json(json).and_then(|raw| reader.body(raw)))
        });
        let parts = Parts { url: None, headers, body };
        self.needs_something(&parts);
        parts
    }

    /// Said only when nothing else is wrong, for what is wrong may be the header or the body.
    fn needs_something(&mut self, parts: &Parts) {
        if self.problems.is_empty() && parts.headers.is_empty() && parts.body.is_none() {
            self.problems.tell("holds neither a header nor a jsonBody");
        }
    }

    /// Not templated: its owner, not an event, decides where deliveries go.
    fn url(&mut self, raw: &RawValue) -> Option<String> {
        let url = self.text(raw)?;
        if url.contains("{{") {
            self.problems.tell("holds {{, but placeholders stand in header values and in jsonBody only");
        }
        Some(url)
    }

    fn headers(&mut self, raw: &RawValue) -> Vec<Header> {
        let Some(members) = self.members(raw) else { return Vec::new() };
        if members.0.len() > self.limits.headers_max {
            let (there, max) = (members.0.len(), self.limits.headers_max);
            self.problems.tell(format!("holds {there} headers; a template may set {max}"));
        }
        let mut seen = HashSet::new();
        let headers = members.0.iter().filter_map(|(name, raw)| {
            self.at(name, |reader| {
                // HTTP takes names in any case for the same.
                let name = name.to_ascii_lowercase();
                if let Some(why) = header_names::refused(&name) {
                    reader.problems.tell(why);
                } else if !seen.insert(name.clone()) {
                    reader.problems.tell("stands there twice; upper and lower case make no other header");
                }
                Some(Header { name: name.into_boxed_str(), value: reader.header_value(raw)? })
            })
        });
        headers.collect()
    }

    /// No message repeats anything of it, also not what stands between braces: it may be the secret itself.
    fn header_value(&mut self, raw: &RawValue) -> Option<Pieces> {
        let value = self.text(raw)?;
        let max = self.limits.header_value_max_bytes;
        if value.len() > max {
            self.problems.tell(format!("is {} bytes long; a header's value may have {max}", value.len()));
        }
        let mut writer = Writer::default();
        for (at, found) in scan(&value) {
            match found {
                Ok(Token::Literal(literal)) => {
                    let wrong = literal.find(|c: char| !c.is_ascii() || c.is_control());
                    if let Some(wrong) = wrong {
                        let character = 1 + value[..at + wrong].chars().count();
                        self.problems.tell(format!(
                            "holds a line end, another control or a letter beyond ASCII as character {character}"
                        ));
                    }
                    writer.literal(literal);
                }
                Ok(Token::Braces) => writer.braces(),
                Ok(Token::Placeholder(name)) => {
                    let position = 1 + value[..at].chars().count();
                    let unknown = |hint: &str| {
                        format!("the placeholder at character {position} names an unknown field{hint}")
                    };
                    if let Some(field) = self.field(name, unknown) {
                        writer.inside(name, field);
                    }
                }
                Err(broken) => self.broken(&value, at, broken),
            }
        }
        Some(writer.finish())
    }

    fn body(&mut self, raw: &RawValue) -> Option<Pieces> {
        if !raw.get().starts_with(['{', '[']) {
            self.problems.tell(format!("must be an object or an array, not {}", kind(raw)));
            return None;
        }
        let mut writer = Writer::default();
        self.value(raw, 1, &mut writer);
        let (body, max) = (writer.finish(), self.limits.body_max_bytes);
        let literals = body.literal_bytes();
        if literals > max {
            self.problems.tell(format!(
                "is {literals} bytes long before any field is filled in; a body may have {max}"
            ));
        }
        Some(body)
    }

    /// The only recursion, as deep as the limit allows.
    fn value(&mut self, raw: &RawValue, depth: usize, writer: &mut Writer) {
        let first = raw.get().as_bytes().first();
        let max = self.limits.depth_max();
        if matches!(first, Some(b'{' | b'[')) && depth > max {
            self.problems.tell(format!("is nested deeper than {max} levels"));
            return;
        }
        match first {
            Some(b'{') => self.object(raw, depth, writer),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
                writer.literal("[");
                for (index, item) in items.into_iter().enumerate() {
                    if index > 0 {
                        writer.literal(",");
                    }
                    self.at(&index.to_string(), |reader| reader.value(item, depth + 1, writer));
                }
                writer.literal("]");
            }
            Some(b'"') => self.string(raw, writer),
            // Numbers keep their digits.
            _ => writer.literal(raw.get()),
        }
    }

    fn object(&mut self, raw: &RawValue, depth: usize, writer: &mut Writer) {
        let Some(members) = self.members(raw) else { return };
        let mut seen = HashSet::new();
        writer.literal("{");
        for (index, (name, raw)) in members.0.iter().enumerate() {
            if index > 0 {
                writer.literal(",");
            }
            writer.literal("\"");
            writer.literal(&quoted(name));
            writer.literal("\":");
            self.at(name, |reader| {
                if !seen.insert(name) {
                    reader.problems.tell("stands there twice");
                }
                // It would be sent as it is, which nobody means.
                if name.contains("{{") {
                    reader.problems.tell("holds {{ in its name, but placeholders stand in values only");
                }
                reader.value(raw, depth + 1, writer);
            });
        }
        writer.literal("}");
    }

    fn string(&mut self, raw: &RawValue, writer: &mut Writer) {
        let Some(text) = self.text(raw) else { return };
        let found: Vec<_> = scan(&text).collect();
        if let [(_, Ok(Token::Placeholder(name)))] = found.as_slice() {
            if let Some(field) = self.body_field(name) {
                writer.whole(&quoted(name), field);
            }
            return;
        }
        writer.literal("\"");
        for (at, found) in found {
            match found {
                Ok(Token::Literal(literal)) => writer.literal(&quoted(literal)),
                Ok(Token::Braces) => writer.braces(),
                Ok(Token::Placeholder(name)) => {
                    if let Some(field) = self.body_field(name) {
                        writer.inside(&quoted(name), field);
                    }
                }
                Err(broken) => self.broken(&text, at, broken),
            }
        }
        writer.literal("\"");
    }

    fn body_field(&mut self, name: &str) -> Option<usize> {
        let shown = name.chars().take(64).collect::<String>();
        self.field(name, |hint| format!("unknown field {}{hint}", shown.escape_debug()))
    }

    /// The index of a field. `unknown` words the problem, given how its message is to end.
    fn field(&mut self, name: &str, unknown: impl FnOnce(&str) -> String) -> Option<usize> {
        self.placeholders += 1;
        // Told where it is passed, once.
        if self.placeholders == self.limits.placeholders_max.saturating_add(1) {
            let max = self.limits.placeholders_max;
            self.problems.tell(format!("is one placeholder too many; a template may have {max}"));
        }
        if !self.fields.has(name) {
            self.problems.tell(unknown(&self.fields.hint(name)));
            return None;
        }
        let known = self.used.iter().position(|used| **used == *name);
        Some(known.unwrap_or_else(|| {
            self.used.push(name.into());
            self.used.len() - 1
        }))
    }

    fn broken(&mut self, text: &str, at: usize, broken: Broken) {
        let position = 1 + text[..at].chars().count();
        self.problems.tell(format!("the placeholder at character {position} {broken}"));
    }

    fn json<'j>(&mut self, json: &'j str) -> Option<&'j RawValue> {
        match serde_json::from_str(json) {
            Ok(raw) => Some(raw),
            Err(error) => {
                self.problems.tell(format!("is not JSON: {error}"));
                None
            }
        }
    }

    fn text(&mut self, raw: &RawValue) -> Option<String> {
        if !raw.get().starts_with('"') {
            self.problems.tell(format!("must be a text, not {}", kind(raw)));
            return None;
        }
        let text = serde_json::from_str(raw.get()).ok();
        if text.is_none() {
            self.problems.tell("is not valid Unicode: half of a surrogate pair");
        }
        text
    }

    fn members<'j>(&mut self, raw: &'j RawValue) -> Option<Members<'j>> {
        if !raw.get().starts_with('{') {
            self.problems.tell(format!("must be an object, not {}", kind(raw)));
            return None;
        }
        let members = serde_json::from_str(raw.get()).ok();
        if members.is_none() {
            self.problems.tell("holds a name that is not valid Unicode: half of a surrogate pair");
        }
        members
    }

    /// The members of an object that may have just these.
    fn known<'j>(&mut self, raw: &'j RawValue, names: &[&str]) -> Option<Members<'j>> {
        let members = self.members(raw)?;
        let mut seen = HashSet::new();
        for (name, _) in &members.0 {
            let wrong = match (names.contains(&name.as_str()), seen.insert(name)) {
                (false, _) => format!("is not known here{}", Fields::Only(names).hint(name)),
                (true, false) => "stands there twice".to_owned(),
                (true, true) => continue,
            };
            self.at(name, |reader| reader.problems.tell(wrong));
        }
        Some(members)
    }

    /// Does something one step further down.
    fn at<T>(&mut self, step: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let above = self.problems.enter(step);
        let done = work(self);
        self.problems.leave(above);
        done
    }
}
