//! All tasks that are known, in memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aerogram_domain::repair::{TaskId, fold, is_over};
use aerogram_kafka::Record;
use aerogram_telemetry::names;
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Scope, Task};
use tokio::sync::watch;

use crate::fold::Folded;
use crate::records::{self, BadRecord};

/// The tasks. Of very many, those that are over for the longest time are forgotten.
pub struct Tasks {
    known: RwLock<HashMap<TaskId, Arc<Task>>>,
    max: usize,
    changed: watch::Sender<()>,
}

impl Folded for Tasks {
    fn take(&self, partition: i32, record: &Record) -> Result<(), BadRecord> {
        let (id, task) = records::task(partition, record)?;
        self.apply(id, task);
        Ok(())
    }
}

impl Tasks {
    /// Of which so many are kept, beside those under way.
    pub fn new(max: usize) -> Self {
        Self { known: RwLock::default(), max, changed: watch::channel(()).0 }
    }

    fn apply(&self, id: TaskId, task: Task) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(&id).map(|task| Task::clone(task));
        let was_running = before.as_ref().is_some_and(|task| !is_over(task));
        let task = Arc::new(fold(before, task));
        match (was_running, is_over(&task)) {
            (false, false) => metrics::gauge!(names::TASKS_RUNNING, "kind" => kind(&task)).increment(1),
            (true, true) => metrics::gauge!(names::TASKS_RUNNING, "kind" => kind(&task)).decrement(1),
            _ => {}
        }
        known.insert(id, task);
        if known.len() > self.max {
            let over = known.iter().filter(|(_, task)| is_over(task));
            // In one order in every process.
            let oldest = over.min_by_key(|(id, task)| (task.created_at_ms, **id)).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                known.remove(&oldest);
            }
        }
        drop(known);
        self.changed.send_replace(());
    }

    /// Of this scope; `None`: of anybody, for an administrator.
    pub fn get(&self, scope: Option<&Scope>, id: &TaskId) -> Option<Arc<Task>> {
        let task = self.known.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()?;
        (scope.is_none() || task.scope.as_ref() == scope).then_some(task)
    }

    /// Of this scope, newest first.
    pub fn list(&self, scope: Option<&Scope>) -> Vec<Arc<Task>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let theirs = known.values().filter(|task| scope.is_none() || task.scope.as_ref() == scope);
        let mut theirs: Vec<_> = theirs.cloned().collect();
        drop(known);
        theirs.sort_by(|a, b| (b.created_at_ms, &b.id).cmp(&(a.created_at_ms, &a.id)));
        theirs
    }

    /// Under way, the oldest first.
    pub fn running(&self) -> Vec<Arc<Task>> {
        let mut running = self.list(None);
        running.retain(|task| !is_over(task));
        running.reverse();
        running
    }

    /// Tells whenever something was read.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

/// As metrics name it.
pub fn kind(task: &Task) -> &'static str {
    match task.work {
        Some(Work::Redeliver(_)) => "redelivery",
        Some(Work::Replay(_)) => "replay",
        None => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::TaskState;

    fn task(id: u8, partner: &str, state: TaskState) -> (TaskId, Task) {
        let scope = Some(Scope { partner: partner.into(), operator: "o".into() });
        let created_at_ms = i64::from(id);
        let task =
            Task { id: vec![id; 16].into(), scope, created_at_ms, state: state.into(), ..Task::default() };
        ([id; 16], task)
    }

    #[test]
    fn everyone_sees_their_own_and_the_oldest_that_are_over_go_first() {
        let tasks = Tasks::new(3);
        for (id, partner, state) in [
            (1, "mine", TaskState::Running),
            (2, "mine", TaskState::Done),
            (3, "yours", TaskState::Running),
            (4, "mine", TaskState::Cancelled),
        ] {
            let (id, task) = task(id, partner, state);
            tasks.apply(id, task);
        }
        let ids = |tasks: Vec<Arc<Task>>| tasks.iter().map(|task| task.id[0]).collect::<Vec<_>>();
        let mine = Scope { partner: "mine".into(), operator: "o".into() };
        assert_eq!(ids(tasks.list(Some(&mine))), [4, 1]);
        assert_eq!((ids(tasks.list(None)), ids(tasks.running())), (vec![4, 3, 1], vec![1, 3]));
        assert!(tasks.get(Some(&mine), &[3; 16]).is_none() && tasks.get(None, &[3; 16]).is_some());
        assert!(tasks.get(None, &[2; 16]).is_none());
    }
}
