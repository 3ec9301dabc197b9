//! Says why attempts fail: for each subscription and outcome now and then, and nothing that is the customer's.

use aerogram_domain::escalations::outcome_name;
use aerogram_domain::policy::{Answer, Remark};
use aerogram_egress::{Failure, TlsKind, callable};
use aerogram_telemetry::Said;
use aerogram_wire::v1::{Outcome, Subscription};
use std::time::Instant;

/// Subscriptions and outcomes of which the last line is remembered, at most; those beyond share one.
pub const REMEMBERED_MAX: usize = 1_024;

/// Tells of an attempt that failed. `failure`: why there was no answer; our own faults are told where they are found.
pub fn tell(
    said: &Said,
    subscription: &Subscription,
    outcome: Outcome,
    answer: Answer,
    failure: Option<&Failure>,
) {
    if matches!(outcome, Outcome::Delivered | Outcome::PlatformError) {
        return;
    }
    let outcome = outcome_name(outcome);
    let Some(unsaid) = said.may_say(&format!("{} {outcome}", subscription.id), Instant::now()) else {
        return;
    };
    tracing::warn!(
        subscription = subscription.id,
        receiver = receiver(&subscription.callback_url),
        outcome,
        kind = kind(failure),
        unsaid,
        "an attempt failed: {}",
        why(answer, failure)
    );
}

/// What the attempt's record says of it.
pub fn remark(failure: &Failure) -> Remark {
    Remark {
        problem: failure.to_string(),
        tls_problem: kind(Some(failure)).unwrap_or_default().to_owned(),
        excerpt: String::new(),
    }
}

/// Host and port alone: path and query may hold a token.
fn receiver(url: &str) -> Option<String> {
    Some(callable(url).ok()?.authority()?.to_string())
}

fn kind(failure: Option<&Failure>) -> Option<&'static str> {
    match failure {
        Some(Failure::Tls(problem)) => Some(problem.kind.label()),
        _ => None,
    }
}

/// The text of what is blocked names the setting that would allow it.
fn why(answer: Answer, failure: Option<&Failure>) -> String {
    match (failure, answer) {
        (Some(Failure::Tls(problem)), _) if problem.kind == TlsKind::UnknownIssuer => {
            format!("TLS failed: {problem}; authorities of your own go into deliverer.ca_files")
        }
        (Some(failure), _) => failure.to_string(),
        (None, Answer::Status { status, .. }) => format!("the receiver answered {status}"),
        (None, Answer::Failed(_)) => "there was no answer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_egress::{EgressClient, TlsProblem};
    use aerogram_settings::DelivererSettings;
    use http::HeaderMap;
    use std::time::Duration;

    const URL: &str = "https://127.0.0.1:8443/a/hush-path?token=hush-query";

    #[test]
    fn of_the_url_only_host_and_port_are_told() {
        assert_eq!(receiver(URL).as_deref(), Some("127.0.0.1:8443"));
        assert_eq!(receiver("https://0x7f.1/?hush").as_deref(), Some("127.0.0.1"));
        for url in
            ["https://user:hush@a.example/", "http://a.example/hush", "https://a..example/hush", "hush"]
        {
            assert_eq!(receiver(url), None, "{url}");
            let failure = callable(url).unwrap_err();
            assert!(!why(Answer::Failed(Outcome::Blocked), Some(&failure)).contains("hush"), "{failure}");
        }
    }

    #[tokio::test]
    async fn what_is_blocked_names_the_setting() {
        let client = EgressClient::new(&DelivererSettings::default()).unwrap();
        for (url, setting) in
            [(URL, "deliverer.allow_cidrs"), ("https://127.0.0.1:22/?hush", "deliverer.allowed_ports")]
        {
            let (url, body) = (callable(url).unwrap(), bytes::Bytes::new());
            let failure =
                client.post(&url, HeaderMap::new(), body, Duration::from_secs(5)).await.unwrap_err();
            let why = why(Answer::Failed(Outcome::Blocked), Some(&failure));
            assert!(why.contains(setting) && why.contains("127.0.0.1") && !why.contains("hush"), "{why}");
        }
    }

    #[test]
    fn each_failure_says_what_happened_and_what_to_do() {
        let tls = |kind| Failure::Tls(TlsProblem { kind, text: "the certificate is odd".to_owned() });
        let no_tls = Answer::Failed(Outcome::Tls);
        let (unknown, expired) = (tls(TlsKind::UnknownIssuer), tls(TlsKind::Expired));
        assert!(
            why(no_tls, Some(&unknown))
                .ends_with("is odd; authorities of your own go into deliverer.ca_files")
        );
        assert_eq!(why(no_tls, Some(&expired)), "TLS failed: the certificate is odd");
        assert_eq!(kind(Some(&expired)), Some("certificate_expired"));
        let answered = Answer::Status { status: 503, retry_after_ms: None };
        assert_eq!((why(answered, None).as_str(), kind(None)), ("the receiver answered 503", None));
    }
}
