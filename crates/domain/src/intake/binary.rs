//! CloudEvents in binary mode: attributes in `ce_` headers, the data as payload.

use super::{
    Code, Refusal,
    attributes::{Attribute, Draft, Naming, Time},
    json, media_type,
    structured::check_specversion,
};
use bytes::Bytes;

pub(super) fn read(headers: &[(String, Bytes)], payload: &Bytes) -> Draft {
    let attribute = |name: &str| -> Attribute {
        let named = |header: &str| {
            header.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case("ce_"))
                && header.get(3..).is_some_and(|rest| rest.eq_ignore_ascii_case(name))
        };
        let Some((_, value)) = headers.iter().rfind(|(header, _)| named(header)) else {
            return Attribute::Missing;
        };
        match std::str::from_utf8(value) {
            Ok("") => Attribute::Missing,
            Ok(text) => Attribute::Text(text.to_owned()),
            Err(_) => Attribute::Wrong("not UTF-8"),
        }
    };
    let naming = Naming::Header;
    let mut refusal = Refusal::none();
    check_specversion(&attribute("specversion"), &naming.field("specversion"), &mut refusal);
    Draft {
        id: attribute("id"),
        source: attribute("source"),
        event_type: attribute("type"),
        operator: attribute("operator"),
        contract: attribute("contract"),
        environment: attribute("environment"),
        subject: attribute("subject"),
        time: Time::Text(attribute("time")),
        data: data(headers, payload),
        naming,
        refusal,
    }
}

/// The content type tells of the data in this mode; without one JSON is assumed.
fn data(headers: &[(String, Bytes)], payload: &Bytes) -> Result<Bytes, (Code, String)> {
    let stated = headers.iter().rfind(|(header, _)| header.eq_ignore_ascii_case("content-type"));
    if let Some((_, value)) = stated {
        let stated = media_type(&String::from_utf8_lossy(value));
        let is_json = stated == "application/json" || stated == "text/json" || stated.ends_with("+json");
        if !is_json {
            let stated: String = stated.chars().take(80).collect();
            return Err((
                Code::Invalid,
                format!("must be a JSON object, but the content-type is {stated:?}"),
            ));
        }
    }
    json::object(payload)
}
