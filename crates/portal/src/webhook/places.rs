//! Where in the form stands what REST names by a JSON pointer.

use axum::http::HeaderName;
use secrecy::ExposeSecret as _;

use super::form::{Form, Header};

/// REST takes no longer value.
const HEADER_VALUE_BYTES_MAX: usize = 4_096;

/// A part of the form that can be folded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fold {
    /// Always in sight.
    None,
    Name,
    Profile,
    Body,
    Authentication,
    Limits,
}

/// A field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// What its error is called by, with `-error` after it.
    pub id: String,
    /// Where a link to it leads; of several to choose from the chosen one.
    pub target: String,
    pub label: &'static str,
    pub fold: Fold,
    /// What follows the field's own pointer: where in a body something is wrong.
    pub within: String,
    /// Of two fields the one with less stands first; the second number is that of a header's row.
    pub order: (usize, usize),
}

/// As the fields follow each other; of pointers that begin alike the longer first.
const PLACES: &[(&str, &str, &str, Fold)] = &[
    ("/contractId", "contract", "Contract", Fold::None),
    ("/callbackUrl", "url", "URL", Fold::None),
    ("/httpRequest/url", "url", "URL", Fold::None),
    ("/event", "event", "Event Type", Fold::None),
    ("/status", "status", "Status", Fold::None),
    ("/name", "name", "Name", Fold::Name),
    ("/environment", "environment", "Environment", Fold::Name),
    ("/profile", "profile", "Profile", Fold::Profile),
    ("/policy", "policy", "Retry policy", Fold::Profile),
    ("/httpRequest/jsonBody", "template", "Body", Fold::Body),
    ("/httpRequest/header", "headers", "Headers", Fold::Body),
    ("/httpRequest", "template", "Body", Fold::Body),
    ("/allText", "template", "Body", Fold::Body),
    ("/authentication/secret", "auth-signature-secret", "Secret", Fold::Authentication),
    ("/authentication/key", "auth-key-value", "Key", Fold::Authentication),
    ("/authentication/username", "auth-user", "User name", Fold::Authentication),
    ("/authentication/password", "auth-pass", "Password", Fold::Authentication),
    ("/authentication/token", "auth-bearer-token", "Bearer token", Fold::Authentication),
    ("/authentication", "auth", "Authentication", Fold::Authentication),
    ("/limits/ratePerMinute", "rate", "Attempts a minute", Fold::Limits),
    ("/limits/burst", "burst", "At once after a pause", Fold::Limits),
    ("/limits/concurrency", "open", "Open requests", Fold::Limits),
    ("/limits/timeoutMs", "timeout", "Time for an answer", Fold::Limits),
    ("/limits", "rate", "Limits", Fold::Limits),
];

/// `None`: no field stands for it.
pub fn place(pointer: &str, form: &Form) -> Option<Place> {
    let found = PLACES.iter().find_map(|(known, id, label, fold)| {
        let within = pointer.strip_prefix(known)?;
        (within.is_empty() || within.starts_with('/')).then_some((*id, *label, *fold, within))
    });
    let (id, label, fold, within) = found?;
    let order = PLACES.iter().position(|(_, known, ..)| *known == id).unwrap_or(PLACES.len());
    if let ("headers", Some(step)) = (id, within.strip_prefix('/')) {
        return Some(header(&unescaped(step), form, order));
    }
    let target = match id {
        "status" => format!("status-{}", form.status),
        "auth" => format!("auth-{}", form.auth),
        // A body that is kept, or the standard one, has no field.
        "template" if form.body != "own" => format!("body-{}", form.body),
        "headers" => "header-name-1".to_owned(),
        id => id.to_owned(),
    };
    let within = within.split('/').skip(1).map(unescaped).collect::<Vec<_>>().join(" › ");
    Some(Place { id: id.to_owned(), target, label, fold, within, order: (order, 0) })
}

/// The last of this name, for the one before it was taken as it is.
fn header(name: &str, form: &Form, order: usize) -> Place {
    let row = form.headers.iter().rposition(|header| header.name == name);
    let (id, within) = match row {
        Some(index) if name.is_empty() => (format!("header-name-{}", index + 1), ""),
        Some(index) if value_is_at_fault(&form.headers, index) => {
            (format!("header-value-{}", index + 1), name)
        }
        Some(index) => (format!("header-name-{}", index + 1), name),
        None => ("headers".to_owned(), name),
    };
    let target = if row.is_some() { id.clone() } else { "header-name-1".to_owned() };
    let order = (order, row.map_or(0, |index| index + 1));
    Place { id, target, label: "Headers", fold: Fold::Body, within: within.to_owned(), order }
}

/// REST names a header, not what of it is wrong. A value can only be missing, too long, unfit for a header or no template; when
/// it is none of that, or the name could not be any header's, the name is meant.
fn value_is_at_fault(headers: &[Header], index: usize) -> bool {
    let Some(Header { name, value }) = headers.get(index) else { return false };
    let value = value.expose_secret();
    let same = headers.iter().filter(|other| other.name.eq_ignore_ascii_case(name)).count();
    let is_unfit = value.len() > HEADER_VALUE_BYTES_MAX
        || value.contains("{{")
        || !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    let may_be_named_so = HeaderName::from_bytes(name.as_bytes()).is_ok() && same == 1;
    value.is_empty() || is_unfit && may_be_named_so
}

/// A step of a JSON pointer (RFC 6901) as it is meant.
fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pointer: &str, form: &Form) -> Option<(String, String, String)> {
        place(pointer, form).map(|place| (place.id, place.target, place.within))
    }

    fn at(id: &str, target: &str, within: &str) -> Option<(String, String, String)> {
        Some((id.to_owned(), target.to_owned(), within.to_owned()))
    }

    #[test]
    fn what_is_wrong_with_a_header_is_told_at_its_name_or_its_value() {
        let header = |name: &str, value: &str| Header { name: name.to_owned(), value: value.into() };
        let long = "x".repeat(4_097);
        let headers = vec![
            header("host", "a.example"),
            header("x y", "{{gone}}"),
            header("x-a", "{{gone}}"),
            header("x-b", "é"),
            header("x-c", &long),
            header("x-d", ""),
            header("X-E", "1"),
            header("x-e", "{{gone}}"),
        ];
        let form = Form { body: "own".to_owned(), headers, ..Form::blank() };
        for (name, id) in [
            ("host", "header-name-1"),
            ("x y", "header-name-2"),
            ("x-a", "header-value-3"),
            ("x-b", "header-value-4"),
            ("x-c", "header-value-5"),
            ("x-d", "header-value-6"),
            ("x-e", "header-name-8"),
        ] {
            assert_eq!(found(&format!("/httpRequest/header/{name}"), &form), at(id, id, name), "{name}");
        }
    }

    #[test]
    fn places_follow_each_other_as_the_fields_do() {
        let headers = vec![Header { name: "a".to_owned(), ..Header::default() }, Header::default()];
        let form = Form { body: "own".to_owned(), headers, ..Form::blank() };
        let order = |pointer: &str| place(pointer, &form).unwrap().order;
        assert_eq!(order("/callbackUrl"), order("/httpRequest/url"));
        let all = [
            "/contractId",
            "/httpRequest/url",
            "/event",
            "/status",
            "/name",
            "/policy",
            "/allText",
            "/httpRequest/header",
            "/httpRequest/header/a",
            "/httpRequest/header/",
            "/authentication/token",
            "/limits/burst",
            "/limits/timeoutMs",
        ];
        assert!(all.map(order).is_sorted(), "{:?}", all.map(order));
    }

    #[test]
    fn every_pointer_has_its_field() {
        let header = |name: &str| Header { name: name.to_owned(), ..Header::default() };
        let headers = vec![header("x-a"), header(""), header("x/b"), header("x-a")];
        let form = Form { body: "own".to_owned(), auth: "basic".to_owned(), headers, ..Form::blank() };
        for (pointer, expected) in [
            ("/callbackUrl", at("url", "url", "")),
            ("/httpRequest/url", at("url", "url", "")),
            ("/contractId", at("contract", "contract", "")),
            ("/event", at("event", "event", "")),
            ("/status", at("status", "status-active", "")),
            ("/profile", at("profile", "profile", "")),
            ("/policy", at("policy", "policy", "")),
            ("/name", at("name", "name", "")),
            ("/environment", at("environment", "environment", "")),
            ("/httpRequest", at("template", "template", "")),
            ("/httpRequest/jsonBody", at("template", "template", "")),
            ("/httpRequest/jsonBody/a~1b/0/<b>", at("template", "template", "a/b › 0 › <b>")),
            ("/httpRequest/header", at("headers", "header-name-1", "")),
            ("/httpRequest/header/x-a", at("header-value-4", "header-value-4", "x-a")),
            ("/httpRequest/header/x~1b", at("header-value-3", "header-value-3", "x/b")),
            ("/httpRequest/header/", at("header-name-2", "header-name-2", "")),
            ("/httpRequest/header/gone", at("headers", "header-name-1", "gone")),
            ("/authentication", at("auth", "auth-basic", "")),
            ("/authentication/type", at("auth", "auth-basic", "type")),
            ("/authentication/password", at("auth-pass", "auth-pass", "")),
            ("/limits/timeoutMs", at("timeout", "timeout", "")),
            ("/limits", at("rate", "rate", "")),
        ] {
            assert_eq!(found(pointer, &form), expected, "{pointer}");
        }
        for unknown in ["", "/signingKey", "/eventually", "event"] {
            assert_eq!(found(unknown, &form), None, "{unknown}");
        }
        assert_eq!(found("/httpRequest", &Form::blank()), at("template", "body-default", ""));
    }
}
