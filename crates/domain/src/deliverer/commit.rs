//! How far the settled prefix reaches, and from where the next owner folds `attempts`. Rules 9 and 10.

use super::{Action, Partition};
use crate::clock::Now;
use crate::sabotage::{Rule, removed};
use aerogram_wire::key::RunKey;

/// What a commit says: the offset C in `deliveries`, and in its metadata where in `attempts` the next owner begins (M)
/// and which epoch is in force there (E).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resume {
    pub offset: i64,
    pub fold_from: i64,
    pub epoch_there: Option<i64>,
    /// No line appended since then stands before `fold_from`; `None`: unknown.
    pub covers_from_ms: Option<i64>,
    /// Offsets of the last claims, oldest first, also of those at or after `fold_from`: they tell the epoch in force when
    /// the fold has to begin earlier than M.
    pub claims: Vec<i64>,
}

/// The metadata of a commit is not ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "commit metadata {0:?} is not of the form m=OFFSET;e=EPOCH;t=MILLISECONDS;c=CLAIM,CLAIM; was the group used by something else?"
)]
pub struct BadMetadata(String);

impl Resume {
    /// From a commit. Without metadata the fold begins at the beginning.
    pub fn parse(offset: i64, metadata: &str) -> Result<Self, BadMetadata> {
        let bare = Self { offset, fold_from: 0, epoch_there: None, covers_from_ms: None, claims: Vec::new() };
        if metadata.is_empty() {
            return Ok(bare);
        }
        let bad = || BadMetadata(metadata.to_owned());
        let mut fields = metadata.split(';');
        let mut field = |name: &str| fields.next().and_then(|f| f.strip_prefix(name)?.strip_prefix('='));
        let number = |text: &str| text.parse::<i64>().map_err(|_| bad());
        let some = |text: &str| if text.is_empty() { Ok(None) } else { number(text).map(Some) };
        let fold_from = number(field("m").ok_or_else(bad)?)?;
        let epoch_there = some(field("e").ok_or_else(bad)?)?;
        let covers_from_ms = some(field("t").ok_or_else(bad)?)?;
        let claims =
            field("c").ok_or_else(bad)?.split_terminator(',').map(number).collect::<Result<_, _>>()?;
        Ok(Self { offset, fold_from, epoch_there, covers_from_ms, claims })
    }

    /// The metadata to commit.
    pub fn metadata(&self) -> String {
        let text = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
        let claims = self.claims.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        format!(
            "m={};e={};t={};c={claims}",
            self.fold_from,
            text(self.epoch_there),
            text(self.covers_from_ms)
        )
    }
}

/// The commits of one ownership, and the lease they give.
pub struct Commits {
    /// Everything before it is settled.
    settled: i64,
    pub next_ms: i64,
    /// When the commit under way was sent, and whether its answer may renew the lease.
    sent: Option<(i64, bool)>,
    lease_until_ms: i64,
}

impl Commits {
    pub fn new(settled: i64, now: Now) -> Self {
        Self { settled, next_ms: now.mono_ms, sent: None, lease_until_ms: i64::MIN }
    }

    /// The lease counts from when the commit was sent: that is when the group surely still knew us.
    pub fn answered(&mut self, succeeded: bool, lease_ms: i64) {
        if let Some((sent_ms, true)) = self.sent.take()
            && succeeded
        {
            self.lease_until_ms = self.lease_until_ms.max(sent_ms + lease_ms);
        }
    }

    /// The answer to a commit under way no longer counts; it is awaited all the same, lest it be taken for a later one's.
    pub fn end_lease(&mut self) {
        self.sent = self.sent.map(|(sent_ms, _)| (sent_ms, false));
        self.lease_until_ms = i64::MIN;
    }

    /// When the lease ends, by the monotonic clock, unless another commit succeeds before.
    pub fn lease_until_ms(&self) -> i64 {
        if removed(Rule::Lease) { i64::MAX } else { self.lease_until_ms }
    }
}

impl Partition {
    /// Repeated every interval, progress or not: the commit is what renews the lease.
    pub(super) fn commit_if_due(&mut self, now: Now, out: &mut Vec<Action>) {
        if now.mono_ms < self.commits.next_ms {
            return;
        }
        self.commits.next_ms = now.mono_ms + self.config.commit_interval_ms;
        if self.commits.sent.is_some() {
            return;
        }
        self.commits.sent = Some((now.mono_ms, true));
        let point = self.commit_point(now);
        out.push(Action::Commit { offset: point.offset, metadata: point.metadata() });
    }

    /// What may be committed now.
    pub fn commit_point(&mut self, now: Now) -> Resume {
        // What was fired and not polled may repeat what was settled before: counted from how far was polled.
        // As long as there is room: forgetting must not wait for polling where polling waits for forgetting.
        let polled_ms = if self.has_room_to_remember() { self.polled.upto_ms() } else { i64::MAX };
        let recent_ms = polled_ms.min(now.wall_ms).saturating_sub(self.config.horizon_ms);
        let backlog_ms = self.backlog_since_ms(now).saturating_sub(self.config.horizon_ms);
        let items = &self.items;
        let in_work = |key: RunKey, seq: u32| items.find(key, seq).is_some();
        let (fold_from, epoch_there) = self.fold.forget_before(recent_ms, backlog_ms, in_work);
        Resume {
            offset: if removed(Rule::UnsettledFront) { self.items.end() } else { None }
                .unwrap_or(self.commits.settled),
            fold_from,
            epoch_there,
            covers_from_ms: self.fold.covers_from_ms(),
            claims: self.fold.claims().collect(),
        }
    }

    /// A backlog keeps the memory: a record at or after C, whenever it is polled, may have a line from the time when it
    /// was appended, and fanout may emit events as old as it again.
    fn backlog_since_ms(&self, now: Now) -> i64 {
        let in_memory = self.items.iter().map(|item| item.oldest_line_ms);
        let recalled = self.recalled.since_ms(now).filter(|_| self.has_room_to_remember());
        in_memory.chain(self.behind_since_ms).chain(recalled).fold(now.wall_ms, i64::min)
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
    use super::super::{Config, Shared};
    use super::*;
    use crate::policy::Policies;
    use aerogram_wire::v1::attempts_record::Body;
    use aerogram_wire::v1::{AttemptsRecord, Claim, Delivery, Event};
    use std::sync::Arc;

    const DAY_MS: i64 = 86_400_000;

    fn at(wall_ms: i64) -> Now {
        Now { wall_ms, mono_ms: wall_ms }
    }

    fn delivery(id: u8, from_pending: bool, since_ms: i64) -> Delivery {
        Delivery {
            delivery_id: vec![id; 16].into(),
            subscription_id: "unknown".into(),
            subscription_offset: -1,
            event: Some(Event::default()),
            event_appended_at_ms: if from_pending { 0 } else { since_ms },
            due_at_ms: if from_pending { since_ms } else { 0 },
            from_pending,
            ..Delivery::default()
        }
    }

    /// Carries out what is asked for in no time; `appended_ms` is when lines are.
    fn carry_out(
        partition: &mut Partition,
        now: Now,
        attempts: &mut i64,
        appended_ms: i64,
        out: &mut Vec<Action>,
    ) {
        partition.tick(now, out);
        while let Some(action) = out.pop() {
            let body = match action {
                Action::Claim { nonce } => Body::Claim(Claim { nonce, owner: String::new() }),
                Action::Lines(batch) => Body::Batch(batch),
                Action::Tombstone { ticket, .. } => {
                    partition.on_written(now, ticket, out);
                    continue;
                }
                Action::Commit { .. } => {
                    partition.on_commit(now, true, out);
                    continue;
                }
                Action::ProbeTableEnd => {
                    partition.on_table_end(now, Some(0), out);
                    continue;
                }
                Action::ProbeDeliveriesEnd => {
                    partition.on_deliveries_probe(Some(99));
                    continue;
                }
                _ => continue,
            };
            let record = AttemptsRecord { body: Some(body), ..AttemptsRecord::default() };
            partition.on_attempts(now, *attempts, appended_ms, record, out);
            *attempts += 1;
        }
    }

    /// A copy of what it settles may stand behind, fired days after it was parked, and as old as that.
    #[test]
    fn memory_is_counted_back_from_how_far_was_polled_and_not_from_now() {
        let config = Config { line_batch_wait_ms: 0, ..Config::default() };
        let horizon_ms = config.horizon_ms;
        let polled_ms = 10 * DAY_MS;
        let now = at(polled_ms + 2 * horizon_ms);
        let (mut out, mut attempts) = (Vec::new(), 0);
        let resume = Resume::parse(0, "").unwrap();
        let shared = Shared::unlimited(Arc::new(Policies::new([])));
        let mut partition = Partition::new(config, shared, resume, 1, 2, now, &mut out);
        partition.on_subscriptions_end(now, 0, &mut out);
        carry_out(&mut partition, now, &mut attempts, now.wall_ms, &mut out);
        let parked_days_ago = delivery(1, true, 7 * DAY_MS);
        partition.on_delivery(now, 0, polled_ms, 1, parked_days_ago, &mut out).unwrap();
        carry_out(&mut partition, now, &mut attempts, now.wall_ms, &mut out);
        let young = delivery(2, false, polled_ms);
        partition.on_delivery(now, 1, polled_ms, 1, young, &mut out).unwrap();
        carry_out(&mut partition, now, &mut attempts, now.wall_ms, &mut out);
        let later = at(now.wall_ms + 2 * horizon_ms);
        carry_out(&mut partition, later, &mut attempts, later.wall_ms, &mut out);
        let point = partition.commit_point(later);
        assert_eq!((point.offset, point.fold_from), (2, 1), "the line of the one that was parked");
        partition.on_deliveries_end(later);
        let much_later = at(later.wall_ms + 2 * horizon_ms);
        partition.on_deliveries_end(much_later);
        assert_eq!(partition.commit_point(much_later).fold_from, attempts);
    }

    #[test]
    fn metadata_survives_and_others_are_refused() {
        let resume = Resume {
            offset: 7,
            fold_from: 3,
            epoch_there: Some(2),
            covers_from_ms: Some(99),
            claims: vec![1, 5],
        };
        assert_eq!(Resume::parse(7, &resume.metadata()), Ok(resume));
        let bare =
            Resume { offset: 7, fold_from: 3, epoch_there: None, covers_from_ms: None, claims: Vec::new() };
        assert_eq!(Resume::parse(7, &bare.metadata()), Ok(bare));
        assert_eq!(Resume::parse(7, "").unwrap().fold_from, 0);
        for bad in
            ["x", "m=1", "m=1;e=1;t=1", "m=1;e=x;t=;c=", "m=;e=1;t=;c=", "e=1;m=1;t=1;c=", "m=1;e=;t=;c=1,x"]
        {
            assert!(Resume::parse(0, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_to_a_commit_from_before_a_rebalance_gives_no_lease() {
        let now = Now { wall_ms: 0, mono_ms: 100 };
        let mut commits = Commits::new(0, now);
        commits.sent = Some((100, true));
        commits.end_lease();
        assert!(commits.sent.is_some(), "the next commit waits, lest this answer be taken for its own");
        commits.answered(true, 50);
        assert!(now.mono_ms >= commits.lease_until_ms());
        commits.sent = Some((100, true));
        commits.answered(true, 50);
        assert_eq!(commits.lease_until_ms(), 150);
    }
}
