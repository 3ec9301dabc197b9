//! One consumer group over the partitions of its driver topic: owners, generations, sessions, commits.

use crate::limits::{PARTITIONS, SESSION_MS};

/// A life of a process in a group. A restarted process is another member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    pub process: usize,
    pub life: u64,
}

struct Owner {
    member: Member,
    generation: u64,
    seen_ms: i64,
}

#[derive(Default)]
pub struct Group {
    owners: [Option<Owner>; PARTITIONS],
    generation: u64,
    /// (offset, metadata), as committed last.
    pub committed: [(i64, String); PARTITIONS],
}

impl Group {
    pub fn heartbeat(&mut self, member: Member, now_ms: i64) {
        for owner in self.owners.iter_mut().flatten().filter(|owner| owner.member == member) {
            owner.seen_ms = now_ms;
        }
    }

    /// Nobody owns it, or its owner has been silent for a session.
    pub fn wants_owner(&self, partition: usize, now_ms: i64) -> bool {
        self.owners[partition].as_ref().is_none_or(|owner| now_ms - owner.seen_ms > SESSION_MS)
    }

    /// Makes `member` the owner; answers the generation.
    pub fn assign(&mut self, partition: usize, member: Member, now_ms: i64) -> u64 {
        self.generation += 1;
        let generation = self.generation;
        self.owners[partition] = Some(Owner { member, generation, seen_ms: now_ms });
        generation
    }

    pub fn release(&mut self, partition: usize, generation: u64) {
        self.owners[partition].take_if(|owner| owner.generation == generation);
    }

    pub fn is_owner(&self, partition: usize, generation: u64) -> bool {
        self.owners[partition].as_ref().is_some_and(|owner| owner.generation == generation)
    }

    pub fn owner(&self, partition: usize) -> Option<Member> {
        self.owners[partition].as_ref().map(|owner| owner.member)
    }
}
