//! Readiness: a list of named conditions, all of which must hold but those that only tell how something is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

/// The readiness of a process; cheap to clone.
#[derive(Clone, Default)]
pub struct Health {
    shared: Arc<Shared>,
    /// Stands before the names of conditions.
    part: Option<&'static str>,
}

#[derive(Default)]
struct Shared {
    draining: AtomicBool,
    /// Each must have registered a condition before the whole can be ready.
    parts: Mutex<Vec<&'static str>>,
    conditions: Mutex<Vec<Condition>>,
}

/// One named condition; cheap to clone. It does not hold until it is set.
#[derive(Clone)]
pub struct Condition {
    state: Arc<State>,
}

struct State {
    part: Option<&'static str>,
    name: String,
    /// Without it the process is not ready.
    required: bool,
    holds: AtomicBool,
    text: Mutex<String>,
}

impl Health {
    /// Without conditions: not ready before the first one is registered and holds, because a process that is still
    /// starting has none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same readiness as one part of the process sees it: its conditions carry its name, so that those of several
    /// roles in one process are told apart. The process is not ready before the part has registered a condition.
    #[must_use]
    pub fn part(&self, name: &'static str) -> Self {
        let mut parts = locked(&self.shared.parts);
        if !parts.contains(&name) {
            parts.push(name);
        }
        drop(parts);
        Self { shared: Arc::clone(&self.shared), part: Some(name) }
    }

    /// Registers a condition, not holding yet; a name that is registered already gives the same condition again.
    pub fn condition(&self, name: &str) -> Condition {
        self.register(name, true)
    }

    /// The same, for something without which the process does the rest of its work: it is shown, and takes nobody out of
    /// service.
    pub fn notice(&self, name: &str) -> Condition {
        self.register(name, false)
    }

    fn register(&self, name: &str, required: bool) -> Condition {
        let name = match self.part {
            Some(part) => format!("{part}: {name}"),
            None => name.to_owned(),
        };
        let mut conditions = locked(&self.shared.conditions);
        if let Some(known) = conditions.iter().find(|known| known.state.name == name) {
            return known.clone();
        }
        let state = State {
            part: self.part,
            name,
            required,
            holds: AtomicBool::new(false),
            text: Mutex::new("not yet".to_owned()),
        };
        let condition = Condition { state: Arc::new(state) };
        conditions.push(condition.clone());
        condition
    }

    /// From now on the process is not ready, for it is leaving.
    pub fn draining(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Whether every condition holds and the process is not leaving. With notices alone nothing is known yet.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let conditions = locked(&self.shared.conditions);
        let has_begun = |part: &&'static str| conditions.iter().any(|known| known.state.part == Some(*part));
        !self.shared.draining.load(Ordering::Relaxed)
            && conditions.iter().any(|condition| condition.state.required)
            && conditions.iter().all(|condition| condition.holds() || !condition.state.required)
            && locked(&self.shared.parts).iter().all(has_begun)
    }

    /// The conditions that do not hold, each with its text.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        let conditions = locked(&self.shared.conditions);
        let failing = conditions.iter().filter(|condition| !condition.holds());
        failing
            .map(|condition| format!("{}: {}", condition.state.name, locked(&condition.state.text)))
            .collect()
    }

    /// What `/readyz` shows.
    #[must_use]
    pub fn report(&self) -> Value {
        let conditions: Vec<Value> = locked(&self.shared.conditions)
            .iter()
            .map(|condition| {
                let text = locked(&condition.state.text).clone();
                let Condition { state } = condition;
                json!({"name": state.name, "ok": condition.holds(), "required": state.required, "text": text})
            })
            .collect();
        json!({
            "ready": self.is_ready(),
            "draining": self.shared.draining.load(Ordering::Relaxed),
            "conditions": conditions,
        })
    }
}

impl Condition {
    /// Says whether it holds, and why or how far it is. A change is logged.
    pub fn set(&self, holds: bool, text: impl Into<String>) {
        let text = text.into();
        let before = self.state.holds.swap(holds, Ordering::Relaxed);
        if before != holds {
            tracing::info!(condition = self.state.name, holds, text, "readiness changed");
        }
        *locked(&self.state.text) = text;
    }

    /// Whether it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.state.holds.load(Ordering::Relaxed)
    }
}

/// What is guarded is replaced as a whole, so a panic elsewhere leaves nothing half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
