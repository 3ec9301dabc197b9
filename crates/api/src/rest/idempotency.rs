//! `Idempotency-Key`: the same key of the same pair names the same subscription and, with the same wish, the same command.
//! Results are kept a day, so for a day a repeat gets the first answer.

use aerogram_domain::commands::partition::CommandId;
use aerogram_domain::subscription_request::CreateRequest;
use aerogram_wire::v1::Status;
use axum::http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;
use uuid::{Builder, Uuid};

use super::precondition::Precondition;
use super::problem::Problem;
use crate::table::Owner;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Longest key, in bytes.
const KEY_MAX_BYTES: usize = 255;

/// For readers of the document; [`key`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "nothing is ever made of it")]
pub struct IdempotencyKey {
    /// The same call once more within a day changes nothing, and gets the same answer; a signing
    /// key that was made is not shown again.
    #[param(
        rename = "Idempotency-Key",
        nullable = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]([ -~]*[!-~])?$"
    )]
    idempotency_key: Option<String>,
}

/// The ids of a creation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ids {
    pub subscription_id: Uuid,
    pub command_id: CommandId,
    /// They come from an `Idempotency-Key`.
    pub repeatable: bool,
}

/// The key of a request.
///
/// # Errors
/// 400 when it is empty, too long, given twice or not visible ASCII.
pub fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match value.to_str() {
        // A tab is text to the library, and nothing that can be seen.
        Ok(key)
            if !key.is_empty()
                && key.len() <= KEY_MAX_BYTES
                && !key.contains('\t')
                && values.next().is_none() =>
        {
            Ok(Some(key))
        }
        _ => {
            let detail =
                format!("Idempotency-Key must be one value of 1 to {KEY_MAX_BYTES} visible ASCII characters");
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
    }
}

/// New ids, or those that the key always gives for this owner. Secrets take no part: a hash of one in a topic could be
/// guessed at.
pub fn ids(owner: &Owner, key: Option<&str>, request: &CreateRequest) -> Ids {
    let Some(key) = key else {
        return Ids {
            subscription_id: Uuid::now_v7(),
            command_id: Uuid::new_v4().into_bytes(),
            repeatable: false,
        };
    };
    let scope = owner.scope();
    let subscription_id = hash("subscription", &[&scope.partner, &scope.operator, key]);
    let mut wish = vec![
        key,
        scope.partner.as_str(),
        scope.operator.as_str(),
        &request.event,
        &request.callback_url,
        request.profile.name(),
        request.contract.as_deref().unwrap_or_default(),
        request.environment.as_str(),
        request.policy.as_deref().unwrap_or_default(),
    ];
    // Each only where it is there: a wish from before there were these stays the wish it was. No header's name has blanks.
    if request.signing_key.is_none() {
        wish.push("a signing key is to be made");
    }
    if let Some(template) = &request.template {
        wish.extend(["template", template.body_json().unwrap_or_default()]);
        wish.extend(template.header_names());
    }
    if let Some(name) = &request.name {
        wish.extend(["the name is", name]);
    }
    if request.all_text {
        wish.push("all text");
    }
    if let Some(authentication) = &request.authentication {
        wish.extend(["the authentication is", authentication.kind.name()]);
    }
    if request.status == Status::Inactive {
        wish.push("inactive at first");
    }
    let limits = request.limits.unwrap_or_default();
    let limits = [limits.rate_per_minute, limits.burst, limits.concurrency, limits.timeout_ms];
    let limits = limits.map(|limit| limit.to_string());
    if request.limits.is_some() {
        wish.push("the limits are");
        wish.extend(limits.iter().map(String::as_str));
    }
    Ids {
        // Version 8: an id whose bits have a meaning of our own.
        subscription_id: Builder::from_custom_bytes(subscription_id).into_uuid(),
        command_id: hash("command", &wish),
        repeatable: true,
    }
}

/// The command of a renewal with a key. Another `If-Match` is another wish: who was refused by it looks again and repeats.
pub fn renewal(owner: &Owner, subscription_id: &str, key: &str, precondition: &Precondition) -> CommandId {
    let scope = owner.scope();
    let versions: Vec<String> = match precondition {
        Precondition::None => Vec::new(),
        Precondition::OneOf(versions) => versions.iter().map(u64::to_string).collect(),
    };
    let mut wish = vec![scope.partner.as_str(), &scope.operator, subscription_id, key];
    wish.extend(versions.iter().map(String::as_str));
    hash("renewal", &wish)
}

/// Each part goes in after its length, so that no two lists are the same text.
fn hash(purpose: &str, parts: &[&str]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in std::iter::once(&purpose).chain(parts) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize()[..16]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_domain::catalogue::Catalogue;
    use aerogram_domain::subscription_request::{Body, CreateContext, parse_create};
    use axum::http::HeaderValue;
    use serde_json::json;

    fn request(url: &str, signing_key: &str) -> CreateRequest {
        let body = json!({"event": "FLIGHT_CREATE", "callbackUrl": url, "signingKey": signing_key});
        let catalogue = Catalogue::builtin();
        let context = CreateContext {
            catalogue: &catalogue,
            contracts: &[],
            policy_exists: &|_| true,
            url_callable: &|_| Ok(()),
        };
        parse_create(&Body::parse(body.to_string().as_bytes()).unwrap(), &context).unwrap()
    }

    #[test]
    fn a_key_gives_the_same_ids_to_the_same_pair() {
        let mine = Owner::new("p", "o");
        let first = ids(&mine, Some("k"), &request("https://a.example/", "one"));
        assert_eq!(first, ids(&mine, Some("k"), &request("https://a.example/", "two")));
        assert_eq!(first.subscription_id.get_version_num(), 8);
        let other_wish = ids(&mine, Some("k"), &request("https://b.example/", "one"));
        assert_eq!(other_wish.subscription_id, first.subscription_id);
        assert_ne!(other_wish.command_id, first.command_id);
        for (owner, key) in [(&mine, "l"), (&Owner::new("q", "o"), "k"), (&Owner::new("po", ""), "k")] {
            assert_ne!(
                ids(owner, Some(key), &request("https://a.example/", "one")).subscription_id,
                first.subscription_id
            );
        }
    }

    #[test]
    fn what_is_said_of_deliveries_is_part_of_the_wish_and_secrets_are_not() {
        let catalogue = Catalogue::builtin();
        let context = CreateContext {
            catalogue: &catalogue,
            contracts: &[],
            policy_exists: &|_| true,
            url_callable: &|_| Ok(()),
        };
        let command_id = |members: serde_json::Value| {
            let mut body = json!({"event": "OrderCreated", "callbackUrl": "https://a.example/"});
            body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            let request = parse_create(&Body::parse(body.to_string().as_bytes()).unwrap(), &context).unwrap();
            ids(&Owner::new("p", "o"), Some("k"), &request).command_id
        };
        let target = |header: serde_json::Value| json!({"httpRequest": {"header": header, "jsonBody": {}}});
        let all: std::collections::BTreeSet<_> = [
            json!({}),
            json!({"signingKey": "k"}),
            json!({"allText": true}),
            json!({"authentication": {"type": "bearer", "token": "t"}}),
            json!({"authentication": {"type": "apiKey", "key": "t"}}),
            target(json!({})),
            target(json!({"authentication": "", "bearer": ""})),
            json!({"httpRequest": {"jsonBody": []}}),
            json!({"status": "INACTIVE"}),
            json!({"limits": {"concurrency": 60}}),
            json!({"limits": {"ratePerMinute": 60}}),
        ]
        .map(command_id)
        .into();
        assert_eq!(all.len(), 11);
        assert_eq!(command_id(json!({"limits": {}})), command_id(json!({})));
        assert_eq!(command_id(json!({"status": "ACTIVE"})), command_id(json!({})));
        assert_eq!(command_id(target(json!({"x": "1"}))), command_id(target(json!({"x": "2"}))));
        let bearer = |token: &str| command_id(json!({"authentication": {"type": "bearer", "token": token}}));
        assert_eq!(bearer("one"), bearer("two"));
    }

    #[test]
    fn without_a_key_every_creation_is_another() {
        let wish = request("https://a.example/", "one");
        let (a, b) = (ids(&Owner::new("p", "o"), None, &wish), ids(&Owner::new("p", "o"), None, &wish));
        assert!(a.subscription_id != b.subscription_id && a.command_id != b.command_id);
        assert_eq!(a.subscription_id.get_version_num(), 7);
    }

    #[test]
    fn a_renewal_with_a_key_is_one_of_its_subscription() {
        let (mine, yours) = (Owner::new("p", "o"), Owner::new("q", "o"));
        let first = renewal(&mine, "s", "k", &Precondition::None);
        assert_eq!(first, renewal(&mine, "s", "k", &Precondition::None));
        let others: std::collections::BTreeSet<_> = [
            first,
            renewal(&yours, "s", "k", &Precondition::None),
            renewal(&mine, "t", "k", &Precondition::None),
            renewal(&mine, "s", "l", &Precondition::None),
            renewal(&mine, "s", "k", &Precondition::OneOf(vec![1])),
            renewal(&mine, "s", "k", &Precondition::OneOf(vec![1, 2])),
        ]
        .into();
        assert_eq!(others.len(), 6);
    }

    #[test]
    fn keys_are_visible_ascii() {
        let key_of = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
            key(&headers).map(|k| k.map(str::to_owned)).map_err(|_| ())
        };
        assert_eq!(key_of(b"order-7"), Ok(Some("order-7".to_owned())));
        assert_eq!(key_of(&[b'k'; 255]), Ok(Some("k".repeat(255))));
        for wrong in [&b""[..], &[b'k'; 256], "ключ".as_bytes(), b"a\tb"] {
            assert_eq!(key_of(wrong), Err(()));
        }
        assert!(matches!(key(&HeaderMap::new()), Ok(None)));
    }
}
