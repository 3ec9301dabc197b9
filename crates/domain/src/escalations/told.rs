//! What may be told of why an attempt failed. The text that is kept names addresses, settings and proxies of the network
//! that deliveries leave from; whoever may only subscribe could ask it for any name, one callback URL after the other.

use aerogram_wire::v1::{Attempt, Outcome};

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// A pair that subscribes.
    Subscriber,
    /// Whoever keeps the installation.
    Administrator,
}

/// Why the attempt failed, as this reader may know it; `None`: nothing was kept, or the answer's status says it.
pub fn problem_for(attempt: &Attempt, reader: Reader) -> Option<&str> {
    let kept = Some(attempt.problem.as_str()).filter(|problem| !problem.is_empty())?;
    match reader {
        Reader::Administrator => Some(kept),
        // The receiver shows its certificate to everybody.
        Reader::Subscriber if attempt.outcome() == Outcome::Tls && !attempt.tls_problem.is_empty() => {
            Some(kept)
        }
        Reader::Subscriber => sentence(attempt.outcome()),
    }
}

const fn sentence(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        // What an answer was is its status and its excerpt.
        Outcome::Delivered | Outcome::Http4xx | Outcome::Http429 | Outcome::Http5xx | Outcome::HttpOther => {
            None
        }
        Outcome::Timeout => {
            Some("the time limit of a request ended before the receiver had answered in full")
        }
        Outcome::Dns => Some("the name of the host has no address"),
        Outcome::Connect => Some(
            "there was no connection to the receiver, or it broke, or what came was no valid HTTP response",
        ),
        Outcome::Tls => Some("there was no TLS session with the receiver"),
        Outcome::Blocked => Some(
            "deliveries may not go where the callback URL leads, such as to an address that is not public; nothing was sent",
        ),
        Outcome::PlatformError | Outcome::Unspecified => {
            Some("our own fault, not the receiver's; an administrator can see what it was")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escalations::OUTCOMES;

    const TELLING: &str = "blocked: vm: 10.1.2.3 is not public (private); deliverer.allow_cidrs can allow it";

    fn outcomes() -> impl Iterator<Item = Outcome> {
        OUTCOMES.into_iter().chain([Outcome::Unspecified])
    }

    fn attempt(outcome: i32, problem: &str, tls_problem: &str) -> Attempt {
        let (problem, tls_problem) = (problem.to_owned(), tls_problem.to_owned());
        Attempt { outcome, problem, tls_problem, ..Attempt::default() }
    }

    #[test]
    fn subscribers_get_the_same_sentence_whatever_happened_where() {
        // One of a later version too.
        for outcome in outcomes().map(i32::from).chain([99]) {
            let [one, other] = [TELLING, "no connection: 127.0.0.1:443: Connection refused"]
                .map(|problem| attempt(outcome, problem, ""));
            let told = problem_for(&one, Reader::Subscriber);
            assert_eq!(told, problem_for(&other, Reader::Subscriber), "{outcome}");
            let names =
                |told: &str| told.contains(['.', ':', '/']) || told.contains(|c: char| c.is_ascii_digit());
            assert!(!told.is_some_and(names), "{outcome}: {told:?}");
            assert_eq!(problem_for(&one, Reader::Administrator), Some(TELLING), "{outcome}");
        }
    }

    #[test]
    fn every_failure_without_an_answer_has_a_sentence_of_its_own() {
        let sentences: Vec<_> = outcomes().filter_map(sentence).collect();
        let mut different = sentences.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!((sentences.len(), different.len()), (7, 6), "{sentences:?}");
    }

    #[test]
    fn what_a_certificate_says_everybody_may_know() {
        let text = "TLS failed: the certificate is for a.example, not for b.example";
        let tls = attempt(Outcome::Tls.into(), text, "certificate_wrong_name");
        for reader in [Reader::Subscriber, Reader::Administrator] {
            assert_eq!(problem_for(&tls, reader), Some(text));
        }
        // A word for it alone opens nothing.
        let odd = attempt(Outcome::Blocked.into(), TELLING, "handshake");
        assert!(!problem_for(&odd, Reader::Subscriber).unwrap().contains("10.1"));
    }

    #[test]
    fn where_nothing_was_kept_nothing_is_told() {
        for (outcome, reader) in
            [(Outcome::Timeout, Reader::Subscriber), (Outcome::Dns, Reader::Administrator)]
        {
            assert_eq!(problem_for(&attempt(outcome.into(), "", ""), reader), None);
        }
    }
}
