//! How far the settled prefix reaches, and from where the next owner folds `attempts`. Rules 9 and 10.

use super::{Action, Partition};
use crate::clock::Now;
use aerogram_wire::key::RunKey;

/// What a commit says: the offset C in `deliveries`, and in its metadata where in `attempts` the next owner begins (M)
/// and which epoch is in force there (E).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resume {
    pub offset: i64,
    pub fold_from: i64,
    pub epoch_there: Option<i64>,
    /// No line appended since then stands before `fold_from`; `None`: unknown.
    pub covers_from_ms: Option<i64>,
}

/// The metadata of a commit is not ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("commit metadata {0:?} is not of the form m=OFFSET;e=EPOCH;t=MILLISECONDS; was the group used by something else?")]
pub struct BadMetadata(String);

impl Resume {
    /// From a commit. Without metadata the fold begins at the beginning.
    pub fn parse(offset: i64, metadata: &str) -> Result<Self, BadMetadata> {
        let bare = Self { offset, fold_from: 0, epoch_there: None, covers_from_ms: None };
        if metadata.is_empty() {
            return Ok(bare);
        }
        let bad = || BadMetadata(metadata.to_owned());
        let mut fields = metadata.split(';');
        let mut field = |name: &str| -> Result<Option<i64>, BadMetadata> {
            let value = fields.next().and_then(|f| f.strip_prefix(name)?.strip_prefix('=')).ok_or_else(bad)?;
            if value.is_empty() { Ok(None) } else { value.parse().map(Some).map_err(|_| bad()) }
        };
        let (m, e, t) = (field("m")?.ok_or_else(bad)?, field("e")?, field("t")?);
        Ok(Self { offset, fold_from: m, epoch_there: e, covers_from_ms: t })
    }

    /// The metadata to commit.
    pub fn metadata(&self) -> String {
        let text = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
        format!("m={};e={};t={}", self.fold_from, text(self.epoch_there), text(self.covers_from_ms))
    }
}

/// The commits of one ownership, and the lease they give.
pub struct Commits {
    /// Everything before it is settled.
    settled: i64,
    pub next_ms: i64,
    sent_ms: Option<i64>,
    lease_until_ms: i64,
}

impl Commits {
    pub fn new(resume: &Resume, now: Now) -> Self {
        Self { settled: resume.offset, next_ms: now.mono_ms, sent_ms: None, lease_until_ms: i64::MIN }
    }

    /// The lease counts from when the commit was sent: that is when the group surely still knew us.
    pub fn answered(&mut self, succeeded: bool, lease_ms: i64) {
        if let Some(sent) = self.sent_ms.take()
            && succeeded
        {
            self.lease_until_ms = self.lease_until_ms.max(sent + lease_ms);
        }
    }

    /// The answer to a commit under way no longer counts.
    pub fn end_lease(&mut self) {
        self.sent_ms = None;
        self.lease_until_ms = i64::MIN;
    }

    pub fn lease_holds(&self, now: Now) -> bool {
        now.mono_ms < self.lease_until_ms
    }
}

impl Partition {
    /// Repeated every interval, progress or not: the commit is what renews the lease.
    pub(super) fn commit_if_due(&mut self, now: Now, out: &mut Vec<Action>) {
        if now.mono_ms < self.commits.next_ms {
            return;
        }
        self.commits.next_ms = now.mono_ms + self.config.commit_interval_ms;
        if self.commits.sent_ms.is_some() {
            return;
        }
        self.commits.sent_ms = Some(now.mono_ms);
        let point = self.commit_point(now);
        out.push(Action::Commit { offset: point.offset, metadata: point.metadata() });
    }

    /// What may be committed now.
    pub fn commit_point(&mut self, now: Now) -> Resume {
        let base_ms = self.oldest_first_time_ms(now) - self.config.horizon_ms;
        let items = &self.items;
        let in_work = |key: RunKey, seq: u32| items.find(key, seq).is_some();
        let (fold_from, epoch_there) = self.fold.forget_before(base_ms, in_work);
        Resume { offset: self.commits.settled, fold_from, epoch_there, covers_from_ms: self.fold.covers_from_ms() }
    }

    /// A backlog keeps the memory as old as its events: fanout may emit them again.
    fn oldest_first_time_ms(&self, now: Now) -> i64 {
        let in_memory = self
            .items
            .iter()
            .filter(|item| item.delivery.seq == 0 && item.delivery.run == 0)
            .map(|item| item.delivery.event_appended_at_ms);
        in_memory.chain(self.behind_since_ms).fold(now.wall_ms, i64::min)
    }

    /// Moves C over what is settled.
    pub(super) fn advance(&mut self) {
        while let Some(item) = self.items.pop_settled() {
            self.commits.settled = item.offset + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_survives_and_others_are_refused() {
        let resume = Resume { offset: 7, fold_from: 3, epoch_there: Some(2), covers_from_ms: Some(99) };
        assert_eq!(Resume::parse(7, &resume.metadata()), Ok(resume));
        let bare = Resume { offset: 7, fold_from: 3, epoch_there: None, covers_from_ms: None };
        assert_eq!(Resume::parse(7, &bare.metadata()), Ok(bare));
        assert_eq!(Resume::parse(7, "").unwrap().fold_from, 0);
        for bad in ["x", "m=1", "m=1;e=x;t=", "m=;e=1;t=", "e=1;m=1;t=1"] {
            assert!(Resume::parse(0, bad).is_err(), "{bad}");
        }
    }
}
