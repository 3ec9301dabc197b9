//! Which headers a customer may set.

/// Longest name, in bytes.
const NAME_MAX_BYTES: usize = 128;

/// Why no template may set the header `name`, which is in lower case; `None`: it may.
///
/// `user-agent` is free: some receivers let only names they know pass.
pub(super) fn refused(name: &str) -> Option<String> {
    if name.is_empty() || name.len() > NAME_MAX_BYTES || !name.bytes().all(is_token) {
        return Some(format!(
            "is no header name: 1 to {NAME_MAX_BYTES} letters, digits or any of !#$%&'*+-.^_`|~; names hold no placeholders"
        ));
    }
    let why = match name {
        "webhook-id" | "webhook-timestamp" | "webhook-signature" => {
            "belongs to the signature and is set by Aerogram"
        }
        "traceparent" | "tracestate" => "is passed on from the event's publisher",
        "content-type" => "is always application/json",
        "content-length" | "host" | "expect" => "follows from the request",
        // Bodies are sent as they are, and answers are kept as they come, to be read by people.
        "content-encoding" | "accept-encoding" => "has no use: nothing is compressed, either way",
        "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade"
        | "http2-settings" => "belongs to the connection, not to the request",
        name if name.starts_with("proxy-") => "belongs to the connection, not to the request",
        _ => return None,
    };
    Some(format!("{why}; leave it out"))
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_and_the_connections_are_refused() {
        for name in [
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "traceparent",
            "tracestate",
            "content-type",
            "content-length",
            "host",
            "expect",
            "content-encoding",
            "accept-encoding",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "http2-settings",
            "proxy-authorization",
            "proxy-x",
        ] {
            assert!(refused(name).is_some_and(|why| why.ends_with("; leave it out")), "{name}");
        }
        for name in
            ["", "a b", "a:b", "é", "{{agwid}}", "a\r\nb", "a\0", "(a)", &"a".repeat(NAME_MAX_BYTES + 1)]
        {
            assert!(refused(name).is_some_and(|why| why.starts_with("is no header name")), "{name}");
        }
        for name in [
            "authorization",
            "user-agent",
            "x-api-key",
            "x-payload-signature",
            "cookie",
            "accept",
            "webhook-token",
            "1",
        ] {
            assert_eq!(refused(name), None, "{name}");
        }
    }
}
