//! The attempts of a run.

use aerogram_wire::v1::Attempt;

/// Attempts that are kept of a run; our own faults can be retried for a day, once a minute.
pub const ATTEMPTS_MAX: usize = 64;
/// Of so many, the last ones, the texts are kept too.
pub const TEXTS_MAX: usize = 8;

/// Past the cap those after the first are left out, and the texts of all but the last ones.
pub fn shorten(attempts: &mut Vec<Attempt>) {
    // The first stays: it tells since when the run is tried.
    let excess = attempts.len().saturating_sub(ATTEMPTS_MAX);
    if excess > 0 {
        attempts.drain(1..=excess);
    }
    let without_texts = attempts.len().saturating_sub(TEXTS_MAX);
    for attempt in attempts.iter_mut().take(without_texts) {
        (attempt.problem, attempt.excerpt) = (String::new(), String::new());
    }
}

/// Puts in its place what is not known yet. An attempt that counts for nothing has the number of the next one.
pub(super) fn add(attempts: &mut Vec<Attempt>, attempt: &Attempt) {
    let key = |attempt: &Attempt| (attempt.number, attempt.started_at_ms);
    match attempts.binary_search_by_key(&key(attempt), key) {
        Err(place) => attempts.insert(place, attempt.clone()),
        Ok(place) => {
            if let Some(known) = attempts.get_mut(place).filter(|known| is_bare(known)) {
                *known = attempt.clone();
            }
        }
    }
}

/// Its texts were left out, or it has none.
fn is_bare(attempt: &Attempt) -> bool {
    attempt.problem.is_empty() && attempt.excerpt.is_empty()
}
