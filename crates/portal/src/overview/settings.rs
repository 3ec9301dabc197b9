//! How a webhook is set up, in words.

use serde_json::Value;

use crate::deliveries::took;
use crate::html::number;
use crate::model::{Policies, Subscription};

/// A line of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Fact {
    pub name: &'static str,
    pub value: String,
    /// There is more of it that nobody is shown.
    pub hidden: bool,
}

/// All that is said of it, in the order of the form.
pub fn settings(of: &Subscription, policies: &Policies) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |name, value: Option<String>, hidden| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| Fact { name, value, hidden }));
    };
    fact("Name", of.name.clone(), false);
    fact("URL", Some(of.callback_url.clone()), false);
    fact("Contract", of.contract_id.clone(), false);
    fact("Environment", Some(of.environment.clone()), false);
    fact("Profile", Some(of.profile.clone()), false);
    fact("Policy", policy(of, policies), false);
    fact("Body", Some(body(of)), false);
    fact("Headers", Some(of.headers.join(", ")), true);
    let authentication =
        of.authentication.as_ref().map(|authentication| match authentication.r#type.as_str() {
            "payloadSignature" => "a shared secret as X-Payload-Signature",
            "apiKey" => "an API key as X-api-key",
            "basic" => "user and password",
            "bearer" => "a bearer token",
            _ => "something that this page does not know",
        });
    fact(
        "Authentication",
        Some(authentication.unwrap_or("its signature alone").to_owned()),
        authentication.is_some(),
    );
    fact("Limits", Some(limits(of.limits.as_ref())), false);
    facts
}

/// Its own, or that of its profile.
fn policy(of: &Subscription, policies: &Policies) -> Option<String> {
    let found = match &of.policy {
        Some(own) => policies.policies.iter().find(|policy| policy.name == *own),
        None => policies.of_profile(&of.profile),
    };
    match found {
        Some(policy) if policy.summary.is_empty() => Some(policy.name.clone()),
        Some(policy) => Some(format!("{}: {}", policy.name, policy.summary)),
        None => of.policy.clone(),
    }
}

fn body(of: &Subscription) -> String {
    let own = of.http_request.as_ref().is_some_and(|request| request.json_body.is_some());
    match (own, of.all_text) {
        (false, _) => "the standard one",
        (true, false) => "one of its own",
        (true, true) => "one of its own, every field as text",
    }
    .to_owned()
}

fn limits(of: Option<&Value>) -> String {
    let limit = |name: &str| of.and_then(|limits| limits.get(name)).and_then(Value::as_u64);
    let told = [
        limit("ratePerMinute").map(|rate| format!("{} a minute", number(rate))),
        limit("burst").map(|burst| format!("{} at once", number(burst))),
        limit("concurrency").map(|open| match open {
            1 => "one open request".to_owned(),
            open => format!("{} open requests", number(open)),
        }),
        timeout_ms(of).map(|ms| format!("{} for an answer", took(u32::try_from(ms).unwrap_or(u32::MAX)))),
    ];
    let told: Vec<_> = told.into_iter().flatten().collect();
    if told.is_empty() { "those of its profile".to_owned() } else { told.join(", ") }
}

/// How long an answer may take, if it says so itself.
pub fn timeout_ms(limits: Option<&Value>) -> Option<u64> {
    limits?.get("timeoutMs")?.as_u64()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn subscription(more: &Value) -> Subscription {
        serde_json::from_value(json(more)).unwrap()
    }

    /// As the API answers it.
    pub fn json(more: &Value) -> Value {
        let mut all = serde_json::json!({
            "id": "s-1", "event": "FLIGHT_CREATE", "callbackUrl": "https://a.example/x", "status": "ACTIVE",
            "createdAtDateTime": "2026-11-14T09:20:00Z", "updatedAtDateTime": "2026-11-14T09:20:00Z",
            "expirationDateTime": null, "profile": "flight", "environment": "production"
        });
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    }

    fn told(of: &Subscription) -> Vec<(&'static str, String, bool)> {
        let policies = serde_json::json!({"policies": [
            {"name": "brisk", "profiles": [], "summary": ""},
            {"name": "standard", "profiles": ["flight"], "summary": "11 attempts within about 3 days"}]});
        let facts = settings(of, &serde_json::from_value(policies).unwrap());
        facts.into_iter().map(|fact| (fact.name, fact.value, fact.hidden)).collect()
    }

    #[test]
    fn what_is_not_said_is_that_of_its_profile() {
        let facts = told(&subscription(&serde_json::json!({})));
        let names: Vec<_> = facts.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, ["URL", "Environment", "Profile", "Policy", "Body", "Authentication", "Limits"]);
        assert_eq!(facts[3].1, "standard: 11 attempts within about 3 days");
        assert_eq!((facts[5].1.as_str(), facts[5].2), ("its signature alone", false));
        assert_eq!(facts[6].1, "those of its profile");
    }

    #[test]
    fn what_is_said_is_told_and_secrets_are_named_only() {
        let facts = told(&subscription(&serde_json::json!({
            "name": "ours", "policy": "brisk", "allText": true, "httpRequest": {"jsonBody": {}}, "headers": ["x-a", "x-b"],
            "authentication": {"type": "bearer"},
            "limits": {"ratePerMinute": 1200, "burst": 20, "concurrency": 1, "timeoutMs": 2500}
        })));
        let of = |name: &str| facts.iter().find(|fact| fact.0 == name).unwrap();
        assert_eq!(of("Policy").1, "brisk");
        assert_eq!(of("Body").1, "one of its own, every field as text");
        assert_eq!((of("Headers").1.as_str(), of("Headers").2), ("x-a, x-b", true));
        assert_eq!((of("Authentication").1.as_str(), of("Authentication").2), ("a bearer token", true));
        assert_eq!(of("Limits").1, "1,200 a minute, 20 at once, one open request, 2.5 s for an answer");
    }
}
