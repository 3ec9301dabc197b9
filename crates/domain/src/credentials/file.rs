//! From the text of the credentials file to who may call.

use super::{
    ADMIN_ACTOR, Administrator, Credentials, Operators, Problem, Publisher, Scopes, TokenHash,
    callers::Token, patterns::EventPattern,
};
use crate::{
    catalogue::Catalogue,
    toml_reading::{Reading, Section, Text},
};
use jiff::Timestamp;
use std::collections::HashMap;
use toml::de::{DeTable, DeValue};

const CHARS_MAX: usize = 128;

pub(super) fn parse(text: &str, catalogue: &Catalogue) -> Result<Credentials, Vec<Problem>> {
    let mut reading = Reading::new(text);
    let (root, syntax) = DeTable::parse_recoverable(text);
    for error in syntax {
        reading.problem(&error.span().unwrap_or_default(), "", format!("is not TOML: {}", error.message()));
    }
    let root = &Section::root(root.get_ref());
    root.refuse_unknown(&mut reading, &["operators", "tokens", "publishers", "admins"]);
    let mut credentials = Credentials::default();
    read_operators(&mut reading, root, &mut credentials);
    read_tokens(&mut reading, root, catalogue, &mut credentials);
    read_publishers(&mut reading, root, &mut credentials);
    read_admins(&mut reading, root, &mut credentials);
    reading.finish(credentials)
}

fn read_operators(reading: &mut Reading<'_>, root: &Section<'_, '_>, credentials: &mut Credentials) {
    for section in root.sections(reading, "operators", &["id", "contracts"]) {
        let id = section.text(reading, "id", CHARS_MAX);
        let contracts = section.texts(reading, "contracts", CHARS_MAX).unwrap_or_default();
        let Some(id) = id else { continue };
        if id.value == "*" {
            reading.problem(
                &id.span,
                &id.place,
                "\"*\" stands for all operators and cannot be the id of one",
            );
        }
        let contracts = contracts.iter().map(|c| c.value.to_owned()).collect();
        if credentials.contracts.insert(id.value.to_owned(), contracts).is_some() {
            reading.problem(&id.span, &id.place, format!("operator {:?} stands there twice", id.value));
        }
    }
}

fn read_tokens(
    reading: &mut Reading<'_>,
    root: &Section<'_, '_>,
    catalogue: &Catalogue,
    credentials: &mut Credentials,
) {
    let known = ["name", "sha256", "operator", "clients", "events", "scopes", "expires"];
    for section in root.sections(reading, "tokens", &known) {
        let name = section.maybe_text(reading, "name", CHARS_MAX);
        let sha256 = read_hash(reading, &section);
        let operator = section.text(reading, "operator", CHARS_MAX);
        let clients = section.some_texts(reading, "clients", CHARS_MAX);
        for client in clients.iter().filter(|client| client.value.starts_with(ADMIN_ACTOR)) {
            let detail = format!(
                "{:?} would look like an administrator in records; no client id may begin with {ADMIN_ACTOR}",
                client.value
            );
            reading.problem(&client.span, &client.place, detail);
        }
        let events = read_patterns(reading, &section, catalogue);
        let (scopes, expires_at_ms) = (read_scopes(reading, &section), read_expiry(reading, &section));
        let Some(operator) = operator else { continue };
        check_operator(reading, credentials, &operator);
        let Some((hash, sha256)) = sha256 else { continue };
        let token = Token {
            name: name.map(|name| name.value.into()),
            operator: operator.value.into(),
            clients: clients.iter().map(|c| c.value.to_owned()).collect(),
            events: events.into(),
            scopes,
            expires_at_ms,
        };
        if credentials.tokens.insert(hash, token).is_some() {
            reading.problem(&sha256.span, &sha256.place, "the same token stands there twice");
        }
    }
}

fn read_publishers(reading: &mut Reading<'_>, root: &Section<'_, '_>, credentials: &mut Credentials) {
    // A scope with two tokens is one whose token is being changed; both must mean the same.
    let mut by_name: HashMap<String, Operators> = HashMap::new();
    for section in root.sections(reading, "publishers", &["name", "sha256", "operators", "expires"]) {
        let name = section.text(reading, "name", CHARS_MAX);
        let sha256 = read_hash(reading, &section);
        let operators = section.some_texts(reading, "operators", CHARS_MAX);
        for operator in operators.iter().filter(|o| o.value != "*") {
            check_operator(reading, credentials, operator);
        }
        let operators = Operators::from_list(&operators.iter().map(|o| o.value).collect::<Vec<_>>());
        let expires_at_ms = read_expiry(reading, &section);
        let Some(name) = name else { continue };
        if by_name.entry(name.value.to_owned()).or_insert_with(|| operators.clone()) != &operators {
            let detail = format!("publisher {:?} stands there twice with different operators", name.value);
            reading.problem(&name.span, &name.place, detail);
        }
        let Some((hash, sha256)) = sha256 else { continue };
        let publisher = Publisher { scope: name.value.into(), operators, expires_at_ms };
        if credentials.publishers.insert(hash, publisher).is_some() {
            reading.problem(&sha256.span, &sha256.place, "the same token stands there twice");
        }
    }
}

/// A name may stand there with several tokens.
fn read_admins(reading: &mut Reading<'_>, root: &Section<'_, '_>, credentials: &mut Credentials) {
    for section in root.sections(reading, "admins", &["name", "sha256", "scopes", "expires"]) {
        let name = section.text(reading, "name", CHARS_MAX);
        let sha256 = read_hash(reading, &section);
        let (scopes, expires_at_ms) = (read_scopes(reading, &section), read_expiry(reading, &section));
        let (Some(name), Some((hash, sha256))) = (name, sha256) else { continue };
        let admin = Administrator { name: name.value.into(), scopes, expires_at_ms };
        if credentials.admins.insert(hash, admin).is_some() {
            reading.problem(&sha256.span, &sha256.place, "the same token stands there twice");
        }
    }
}

fn check_operator(reading: &mut Reading<'_>, credentials: &Credentials, operator: &Text<'_>) {
    if !credentials.contracts.contains_key(operator.value) {
        let id = operator.value;
        let detail = format!("there is no operator {id:?}; add [[operators]] with id = {id:?}");
        reading.problem(&operator.span, &operator.place, detail);
    }
}

fn read_hash<'a>(reading: &mut Reading<'_>, section: &Section<'a, '_>) -> Option<(TokenHash, Text<'a>)> {
    const HINT: &str = "must be the SHA-256 of the token in 64 hex digits (printf %s TOKEN | sha256sum)";
    let text = section.text(reading, "sha256", CHARS_MAX)?;
    let Some(hash) = parse_hex(text.value) else {
        reading.problem(&text.span, &text.place, HINT);
        return None;
    };
    Some((hash, text))
}

fn parse_hex(text: &str) -> Option<TokenHash> {
    let mut hash = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(pairs) {
        let digit = |d: u8| char::from(d).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(hash)
}

/// Both, unless it says less.
fn read_scopes(reading: &mut Reading<'_>, section: &Section<'_, '_>) -> Scopes {
    if section.value("scopes").is_none() {
        return Scopes::ALL;
    }
    let mut scopes = Scopes::none();
    for text in section.some_texts(reading, "scopes", CHARS_MAX) {
        if let Err(detail) = scopes.add(text.value) {
            reading.problem(&text.span, &text.place, detail);
        }
    }
    scopes
}

/// In milliseconds since 1970. A time that is past is none too: what has expired may stay in the file.
fn read_expiry(reading: &mut Reading<'_>, section: &Section<'_, '_>) -> Option<i64> {
    const NAME: &str = "expires";
    let value = section.value(NAME)?;
    // TOML has times of its own, and people write them.
    let text = match value.get_ref() {
        DeValue::Datetime(time) => time.to_string(),
        _ => section.maybe_text(reading, NAME, CHARS_MAX)?.value.to_owned(),
    };
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let detail = format!("{text:?} is no time with an offset; write it like \"2027-01-31T00:00:00Z\"");
    reading.problem(&value.span(), section.place_of(NAME), detail);
    None
}

fn read_patterns(
    reading: &mut Reading<'_>,
    section: &Section<'_, '_>,
    catalogue: &Catalogue,
) -> Vec<EventPattern> {
    let Some(texts) = section.texts(reading, "events", CHARS_MAX) else {
        return vec![EventPattern::Beginning(String::new())];
    };
    let mut patterns = Vec::new();
    for text in texts {
        match EventPattern::parse(text.value, catalogue) {
            Some(pattern) => patterns.push(pattern),
            None => {
                let detail =
                    format!("{:?} means no event type; write a wire name, or a beginning and *", text.value);
                reading.problem(&text.span, &text.place, detail);
            }
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_exactly_32_bytes() {
        assert_eq!(parse_hex(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(parse_hex(&"0F".repeat(32)), Some([15; 32]));
        for wrong in ["0f".repeat(31), "0f".repeat(33), "0f".repeat(31) + "0g", "é".repeat(32), String::new()]
        {
            assert_eq!(parse_hex(&wrong), None, "{wrong}");
        }
    }
}
