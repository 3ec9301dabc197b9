//! How attempts end, in words for people; the only place that has them.

/// Every `AttemptOutcome` of the API, with what people read where no status says more.
const WORDS: [(&str, &str); 11] = [
    ("delivered", "Delivered"),
    ("http_4xx", "Refused (4xx)"),
    ("http_429", "Too many requests (429)"),
    ("http_5xx", "Error of the receiver (5xx)"),
    ("http_other", "Another answer"),
    ("timeout", "No answer in time"),
    ("dns", "Host not found"),
    ("connect", "No connection"),
    ("tls", "No TLS session"),
    ("blocked", "Blocked: not a public address"),
    ("platform_error", "Our own fault"),
];

/// The status that was answered, or what happened instead of an answer.
pub fn answer(outcome: &str, status: Option<u32>) -> String {
    // A time limit may end within an answer whose status was there already.
    let answered = outcome == "delivered" || outcome.starts_with("http_");
    match status.filter(|_| answered) {
        Some(status) => status.to_string(),
        None => word(outcome).to_owned(),
    }
}

/// One that this version does not know is shown as it is not.
fn word(outcome: &str) -> &'static str {
    WORDS.iter().find(|(name, _)| *name == outcome).map_or("Unknown", |(_, word)| word)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn all_outcomes_of_the_api_have_words() {
        let document: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
        let names = document["components"]["schemas"]["AttemptOutcome"]["enum"].as_array().unwrap();
        let names: Vec<_> = names.iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(WORDS.map(|(name, _)| name).to_vec(), names);
    }

    #[test]
    fn an_answer_is_its_status_and_anything_else_is_a_word() {
        assert_eq!(answer("http_5xx", Some(503)), "503");
        assert_eq!(answer("delivered", Some(204)), "204");
        assert_eq!(answer("timeout", Some(200)), "No answer in time");
        assert_eq!(answer("dns", None), "Host not found");
        assert_eq!(answer("http_4xx", None), "Refused (4xx)");
        assert_eq!(answer("<b>", None), "Unknown");
    }
}
