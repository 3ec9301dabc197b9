//! Publishing over HTTP, in batches. A batch is accepted as a whole: what is refused in it is left out, and the rest sent again.

use std::collections::BTreeMap;

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::Value;

use super::publish::Published;
use super::read::Found;
use crate::http::{Access, Http, Problem};

const EVENTS: &str = "/v1/events";
const BATCH: &str = "application/cloudevents-batch+json";
/// Of one request; half of what ingest takes unless it is set up otherwise.
const BATCH_BYTES_MAX: usize = 512 * 1024;
const BATCH_EVENTS_MAX: usize = 100;

/// A client of the ingest at that address; that of its events is taken as well.
///
/// # Errors
/// It is no such address, there is no token, or nobody to trust.
pub fn connect(url: &str, access: &Access) -> anyhow::Result<Http> {
    Http::new(url.trim_end_matches('/').trim_end_matches(EVENTS), access)
}

/// Sends the events in their order, and says what became of each.
///
/// # Errors
/// No answer, or one after which nothing of the rest would fare better. It says how many were published before.
pub async fn publish(http: &Http, found: &[Found]) -> anyhow::Result<Vec<Published>> {
    let mut published: BTreeMap<usize, Published> = BTreeMap::new();
    let mut waiting = Vec::new();
    for (index, one) in found.iter().enumerate() {
        match &one.event {
            Ok(event) => waiting.push((index, event.clone())),
            Err(why) => {
                published.insert(index, Published::failed(&one.place, String::new(), vec![why.clone()]));
            }
        }
    }
    let mut batches: Vec<Batch> = batches(waiting);
    batches.reverse();
    while let Some(batch) = batches.pop() {
        let sent = http.post(EVENTS, BATCH, body(&batch)).await;
        let answer = sent.with_context(|| unanswered(&published, &batch, found))?;
        if answer.is_success() {
            for (index, event) in batch {
                published.insert(index, Published::accepted(&found[index].place, id_of(&event)));
            }
            continue;
        }
        let problem = answer.problem();
        if !matches!(answer.status, 400 | 403 | 413) {
            // Nothing of what follows would fare better.
            anyhow::bail!(
                "{} events were published; then {} said {problem}",
                accepted(&published),
                http.base()
            );
        }
        let (refused, rest) = refused(&problem, batch);
        for (index, event, errors) in refused {
            published.insert(index, Published::failed(&found[index].place, id_of(&event), errors));
        }
        batches.extend(rest.into_iter().rev());
    }
    Ok(published.into_values().collect())
}

/// Events by their place among all.
type Batch = Vec<(usize, Bytes)>;

fn batches(events: Batch) -> Vec<Batch> {
    let (mut batches, mut bytes): (Vec<Batch>, usize) = (Vec::new(), 0);
    for (index, event) in events {
        bytes += event.len() + 1;
        match batches.last_mut() {
            Some(batch) if bytes <= BATCH_BYTES_MAX && batch.len() < BATCH_EVENTS_MAX => {
                batch.push((index, event));
            }
            _ => {
                bytes = event.len() + 1;
                batches.push(vec![(index, event)]);
            }
        }
    }
    batches
}

fn body(batch: &Batch) -> Bytes {
    let mut body = vec![b'['];
    for (at, (_, event)) in batch.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(event);
    }
    body.push(b']');
    body.into()
}

/// Events that are refused, each with why; and the batches to send next, in their order.
type Refused = (Vec<(usize, Bytes, Vec<String>)>, Vec<Batch>);

fn refused(problem: &Problem, mut batch: Batch) -> Refused {
    let mut errors: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for wrong in &problem.errors {
        let index = wrong.pointer.split('/').nth(1).and_then(|index| index.parse().ok());
        if let Some(index) = index.filter(|index| *index < batch.len()) {
            let within =
                wrong.pointer.splitn(3, '/').nth(2).map_or_else(String::new, |rest| format!("/{rest}: "));
            errors.entry(index).or_default().push(format!("{within}{} [{}]", wrong.detail, wrong.code));
        }
    }
    if errors.is_empty() {
        // It is the request that is refused, as too large for example: half of it may pass.
        let second = batch.split_off(batch.len().div_ceil(2));
        if !second.is_empty() {
            return (Vec::new(), vec![batch, second]);
        }
        let why = problem.to_string().lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        return (batch.into_iter().map(|(index, event)| (index, event, why.clone())).collect(), Vec::new());
    }
    let (mut refused, mut rest) = (Vec::new(), Vec::new());
    for (at, (index, event)) in batch.into_iter().enumerate() {
        match errors.remove(&at) {
            Some(errors) => refused.push((index, event, errors)),
            None => rest.push((index, event)),
        }
    }
    (refused, if rest.is_empty() { Vec::new() } else { vec![rest] })
}

fn id_of(event: &[u8]) -> String {
    let body: Value = serde_json::from_slice(event).unwrap_or_default();
    body["id"].as_str().unwrap_or_default().to_owned()
}

/// Whether a batch without an answer was published nobody knows.
fn unanswered(published: &BTreeMap<usize, Published>, batch: &Batch, found: &[Found]) -> String {
    let from = batch.first().map_or("", |(index, _)| found[*index].place.as_str());
    format!(
        "{} events were published; whether the {} from {from} on were is not known, and nothing after them was sent. \
         Publish all of them again, soon and with the same ids",
        accepted(published),
        batch.len()
    )
}

fn accepted(published: &BTreeMap<usize, Published>) -> usize {
    published.values().filter(|one| one.accepted).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Wrong;

    fn batch(indices: &[usize]) -> Batch {
        indices.iter().map(|index| (*index, Bytes::from(format!("{{\"id\":\"{index}\"}}")))).collect()
    }

    fn indices(batches: &[Batch]) -> Vec<Vec<usize>> {
        batches.iter().map(|batch| batch.iter().map(|(index, _)| *index).collect()).collect()
    }

    #[test]
    fn batches_are_bounded_in_events_and_bytes() {
        assert_eq!(indices(&batches(batch(&[0, 1, 2]))), [[0, 1, 2]]);
        let many: Vec<usize> = (0..250).collect();
        assert_eq!(batches(batch(&many)).iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
        let large = |index| (index, Bytes::from(vec![b' '; BATCH_BYTES_MAX / 2]));
        assert_eq!(
            indices(&batches(vec![large(0), large(1), (2, Bytes::from_static(b"{}"))])),
            vec![vec![0], vec![1, 2]]
        );
        assert_eq!(body(&batch(&[1, 2])).as_ref(), br#"[{"id":"1"},{"id":"2"}]"#);
    }

    #[test]
    fn a_lost_answer_does_not_hide_what_was_published() {
        let found: Vec<Found> =
            (1..=4).map(|line| Found { place: format!("f:{line}"), event: Ok(Bytes::new()) }).collect();
        let published = BTreeMap::from([
            (0, Published::accepted("f:1", "0".into())),
            (1, Published::failed("f:2", "1".into(), Vec::new())),
        ]);
        let said = unanswered(&published, &batch(&[2, 3]), &found);
        assert!(
            said.starts_with("1 events were published; whether the 2 from f:3 on were is not known"),
            "{said}"
        );
    }

    #[test]
    fn what_is_refused_leaves_its_batch_and_every_answer_brings_the_end_nearer() {
        let wrong = |pointer: &str| Wrong {
            pointer: pointer.into(),
            code: "c".into(),
            detail: "d".into(),
            ..Wrong::default()
        };
        let problem = |pointers: &[&str]| Problem {
            status: 400,
            detail: "no".into(),
            errors: pointers.iter().map(|pointer| wrong(pointer)).collect(),
            ..Problem::default()
        };
        let (out, rest) = refused(&problem(&["/1/data/a", "/1", "/2/id"]), batch(&[4, 5, 6, 7]));
        let told: Vec<_> = out.iter().map(|(index, _, errors)| (*index, errors.clone())).collect();
        let expected =
            [(5, vec!["/data/a: d [c]".to_owned(), "d [c]".to_owned()]), (6, vec!["/id: d [c]".to_owned()])];
        assert_eq!(told, expected);
        assert_eq!(indices(&rest), [[4, 7]]);
        let (out, rest) = refused(&problem(&[]), batch(&[1, 2, 3]));
        assert_eq!((out.len(), indices(&rest)), (0, vec![vec![1, 2], vec![3]]));
        for unattributed in [problem(&[]), problem(&["/id", "/9/id"])] {
            let (out, rest) = refused(&unattributed, batch(&[1]));
            assert_eq!((out.len(), rest.len()), (1, 0));
        }
    }
}
