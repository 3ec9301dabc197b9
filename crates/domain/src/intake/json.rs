//! The data of an event: a JSON object, checked without building it.

use super::Code;
use crate::json_kind::kind;
use bytes::Bytes;
use serde_json::value::RawValue;

/// Deeper than this nobody builds by hand, and readers with a recursion limit (128 is usual) still follow.
pub(super) const DEPTH_MAX: usize = 64;

/// The object in `json`, without the white space around it.
///
/// # Errors
/// What is wrong.
pub(super) fn object(json: &Bytes) -> Result<Bytes, (Code, String)> {
    let raw: &RawValue = serde_json::from_slice(json)
        .map_err(|error| (Code::Invalid, format!("must be a JSON object, but is not JSON: {error}")))?;
    check_object(raw)?;
    Ok(json.slice_ref(raw.get().as_bytes()))
}

/// # Errors
/// What is wrong.
pub(super) fn check_object(raw: &RawValue) -> Result<(), (Code, String)> {
    if !raw.get().starts_with('{') {
        return Err((Code::Invalid, format!("must be a JSON object, is {}", kind(raw))));
    }
    if depth(raw.get()) > DEPTH_MAX {
        return Err((Code::Invalid, format!("is nested deeper than {DEPTH_MAX} levels")));
    }
    Ok(())
}

/// How deep valid JSON is nested.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_do_not_count() {
        assert_eq!(depth(r#"{"a":"[[[\"[[","b":[{}]}"#), 3);
    }

    #[test]
    fn keeps_the_object_as_it_came() {
        let object = object(&Bytes::from_static(b" {\"a\" : 1.0} \n")).unwrap();
        assert_eq!(object.as_ref(), b"{\"a\" : 1.0}");
    }

    #[test]
    fn refuses_what_is_no_object() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        for (wrong, word) in [
            ("[]", "array"),
            ("\"{}\"", "text"),
            ("1", "number"),
            ("null", "null"),
            ("true", "boolean"),
            ("{", "not JSON"),
            ("{} {}", "not JSON"),
            ("", "not JSON"),
            (&deep, "nested"),
        ] {
            let (_, detail) = object(&Bytes::copy_from_slice(wrong.as_bytes())).unwrap_err();
            assert!(detail.contains(word), "{wrong}: {detail}");
        }
        assert!(object(&Bytes::from_static(b"{\"a\":\"\xff\"}")).is_err());
    }
}
