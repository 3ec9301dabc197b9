//! What stands in `rejected`, and which of it is still open.

use super::{
    entry::{Entry, decode},
    marks::Marks,
    tail::{Stretch, Tail, TailError},
};
use aerogram_kafka::{Cluster, Record};
use aerogram_wire::v1::Rejected;
use std::{ops::Range, time::Duration};
use tokio::time::{Instant, error::Elapsed};

/// Records read at once where only marks are looked for.
const MARKS_AT_ONCE: i64 = 2_000;
/// Records read at once for a page; with the largest events that is 64 MiB, one record of them in memory.
const LISTED_AT_ONCE: i64 = 250;
/// Records one request for a page reads, at most.
const SCANNED_MAX: i64 = 5_000;
/// When more than this came since the last question, marks are looked for backward from the new end, as far as somebody asks.
const FOLLOWED_MAX: i64 = 10_000;

/// What somebody wants to see.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Only what stands before this offset.
    pub after: Option<i64>,
    pub limit: usize,
    /// What is settled as well.
    pub all: bool,
    pub reason: Option<String>,
    pub topic: Option<String>,
}

impl Query {
    fn wants(&self, entry: &Entry) -> bool {
        (self.all || !entry.settled)
            && self.reason.as_ref().is_none_or(|reason| *reason == entry.reason)
            && self.topic.as_ref().is_none_or(|topic| *topic == entry.origin.topic)
    }
}

/// What was found, newest first.
#[derive(Debug)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// What to ask for after this page; `None`: there is nothing more.
    pub next: Option<i64>,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("there is no rejected record at this offset, or not any more")]
    NotFound,
    #[error(
        "so much has to be read that it takes longer than a request may; ask again, it goes on from there"
    )]
    Late,
    #[error("the topic of rejected records cannot be read: {0}")]
    Broken(String),
}

impl From<TailError> for Trouble {
    fn from(error: TailError) -> Self {
        match error {
            TailError::Late => Trouble::Late,
            TailError::Read(error) => Trouble::Broken(error.to_string()),
            TailError::Connect(error) => Trouble::Broken(error.to_string()),
        }
    }
}

impl From<Elapsed> for Trouble {
    fn from(_: Elapsed) -> Self {
        Trouble::Late
    }
}

/// One record, and what became of it.
#[derive(Debug)]
pub(super) struct Found {
    pub rejected: Rejected,
    pub settled: bool,
}

pub(super) struct Ledger {
    tail: Tail,
    marks: Marks,
    /// Every mark in here is known. A mark stands behind what it settles, so with the end of the topic in it, all that is
    /// settled in here is known as well.
    covered: Option<Range<i64>>,
    /// Nothing is kept before this offset, as far as is known.
    first: i64,
}

impl Ledger {
    pub fn new(cluster: Cluster) -> Self {
        Self { tail: Tail::new(cluster), marks: Marks::default(), covered: None, first: 0 }
    }

    pub fn close_if_idle(&mut self, idle: Duration) {
        self.tail.close_if_idle(idle);
    }

    pub async fn list(&mut self, query: &Query, deadline: Instant) -> Result<Page, Trouble> {
        let end = self.follow(deadline).await?;
        let mut before = query.after.unwrap_or(end).min(end);
        self.reach(before, deadline).await?;
        let (mut entries, mut scanned) = (Vec::new(), 0);
        loop {
            if !query.all {
                before = self.skip(before);
            }
            let from = (before - LISTED_AT_ONCE).max(self.beginning());
            if from >= before {
                return Ok(Page { entries, next: None });
            }
            if scanned >= SCANNED_MAX {
                return Ok(Page { entries, next: Some(before) });
            }
            let mut found = Vec::new();
            match self.read(from..before, deadline, &mut |entry| found.push(entry)).await {
                Ok(Stretch::Read) => {}
                // What is kept begins later than was known.
                Ok(Stretch::Deleted) => continue,
                Err(Trouble::Late) if scanned > 0 => {
                    return Ok(Page { entries, next: Some(before) });
                }
                Err(trouble) => return Err(trouble),
            }
            for mut entry in found.into_iter().rev() {
                entry.settled = self.marks.contains(entry.offset);
                if !query.wants(&entry) {
                    continue;
                }
                let next = Some(entry.offset);
                entries.push(entry);
                if entries.len() >= query.limit {
                    return Ok(Page { entries, next });
                }
            }
            scanned += before - from;
            before = from;
        }
    }

    pub async fn one(&mut self, offset: i64, deadline: Instant) -> Result<Found, Trouble> {
        let end = self.follow(deadline).await?;
        if offset < self.beginning() || offset >= end {
            return Err(Trouble::NotFound);
        }
        self.reach(offset, deadline).await?;
        let mut found = None;
        let read = self.tail.read(offset..offset + 1, deadline, &mut |record| found = Some(record)).await?;
        let record = found.filter(|_| read == Stretch::Read).ok_or(Trouble::NotFound)?;
        let rejected = decode(&record).map_err(Trouble::Broken)?;
        if rejected.settled.is_some() {
            return Err(Trouble::NotFound);
        }
        Ok(Found { rejected, settled: self.marks.contains(offset) })
    }

    /// A mark for `offset` was written by this process, at `at` (-1: the broker did not say).
    pub fn marked(&mut self, offset: i64, at: i64) {
        self.marks.insert(offset);
        self.marks.insert(at);
        if let Some(covered) = self.covered.as_mut().filter(|covered| covered.end == at) {
            covered.end += 1;
        }
    }

    /// Where to go on reading backward: what is known to hold nothing open, and so no mark that is not known, is left out.
    fn skip(&mut self, before: i64) -> i64 {
        let Some(from) = self.marks.beginning_of(before - 1) else { return before };
        self.cover(from..before);
        from
    }

    /// Every mark in the stretch is known.
    fn cover(&mut self, stretch: Range<i64>) {
        if let Some(covered) = &mut self.covered
            && (covered.start..=covered.end).contains(&stretch.end)
        {
            covered.start = covered.start.min(stretch.start);
        }
    }

    fn beginning(&self) -> i64 {
        self.first.max(self.marks.floor())
    }

    /// Knows the end, and the marks before it; says where it is.
    async fn follow(&mut self, deadline: Instant) -> Result<i64, Trouble> {
        let end = self.tail.end(deadline).await?;
        loop {
            let covered = match self.covered.clone() {
                // The topic was made anew, and nothing is as it was.
                Some(covered) if covered.end > end => {
                    (self.marks, self.first) = (Marks::default(), 0);
                    end..end
                }
                Some(covered) if end - covered.end <= FOLLOWED_MAX => covered,
                Some(_) | None => end..end,
            };
            self.covered = Some(covered.clone());
            if covered.end == end {
                return Ok(end);
            }
            let until = end.min(covered.end + MARKS_AT_ONCE);
            self.covered = match self.read(covered.end..until, deadline, &mut |_| {}).await? {
                Stretch::Read => Some(covered.start..until),
                Stretch::Deleted => None,
            };
        }
    }

    /// Knows the marks from `offset` to the end.
    async fn reach(&mut self, offset: i64, deadline: Instant) -> Result<(), Trouble> {
        while let Some(start) = self.covered.as_ref().map(|covered| covered.start)
            && offset.max(self.beginning()) < start
        {
            if self.skip(start) < start {
                continue;
            }
            let from = (start - MARKS_AT_ONCE).max(self.beginning());
            self.read(from..start, deadline, &mut |_| {}).await?;
        }
        Ok(())
    }

    /// Reads a stretch for its marks, and gives the rest to `each`. When its beginning is not kept any more, nothing is read,
    /// and `first` is what is kept.
    async fn read(
        &mut self,
        stretch: Range<i64>,
        deadline: Instant,
        each: &mut (dyn FnMut(Entry) + Send),
    ) -> Result<Stretch, Trouble> {
        let marks = &mut self.marks;
        let mut note = |record: Record| match decode(&record) {
            Ok(Rejected { settled: Some(settled), .. }) => {
                marks.insert(settled.offset);
                marks.insert(record.offset);
            }
            Ok(rejected) => each(Entry::new(record.offset, &rejected)),
            Err(why) => each(Entry::unreadable(record.offset, why)),
        };
        let read = self.tail.read(stretch.clone(), deadline, &mut note).await?;
        if read == Stretch::Deleted {
            let first = self.tail.first(deadline).await?;
            if first <= stretch.start {
                return Err(Trouble::Broken(format!("there is no offset {} in it", stretch.start)));
            }
            self.first = first;
        } else {
            self.cover(stretch);
        }
        Ok(read)
    }
}
