//! Calls that wait for what a receiver answers to a test event.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Calls that wait, at most; and of one subscription.
pub const WAITING_MAX: usize = 32;
pub const WAITING_OF_ONE_MAX: usize = 2;

/// How many calls wait, by subscription; none is not kept.
#[derive(Default)]
pub struct Waiting(Mutex<BTreeMap<String, usize>>);

/// One that waits, for as long as it is held.
pub struct Waits<'a> {
    among: &'a Waiting,
    subscription_id: String,
}

impl Waiting {
    /// `None`: there are too many.
    pub fn one_more(&self, subscription_id: &str) -> Option<Waits<'_>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= WAITING_MAX
            || counts.get(subscription_id).is_some_and(|count| *count >= WAITING_OF_ONE_MAX)
        {
            return None;
        }
        *counts.entry(subscription_id.to_owned()).or_default() += 1;
        Some(Waits { among: self, subscription_id: subscription_id.to_owned() })
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let mut counts = self.among.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.subscription_id) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.subscription_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_a_subscription_wait_and_so_many_in_all() {
        let waiting = Waiting::default();
        let mut held = vec![waiting.one_more("a").unwrap(), waiting.one_more("a").unwrap()];
        assert!(waiting.one_more("a").is_none());
        held.extend((2..WAITING_MAX).map(|n| waiting.one_more(&format!("s{n}")).unwrap()));
        assert!(waiting.one_more("b").is_none());
        held.remove(0);
        assert!(waiting.one_more("b").is_some());
        drop(held);
        assert!(waiting.0.lock().unwrap().is_empty());
    }
}
