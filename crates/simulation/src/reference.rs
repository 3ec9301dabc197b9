//! What `attempts` says, told a second time: the void rules over the whole log, sharing no code with the product.

use aerogram_wire::key::RunKey;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{Attempt, AttemptsRecord, Claim, Line, LineKind};
use std::collections::{BTreeMap, BTreeSet};

/// A run, by its valid lines.
#[derive(Default)]
pub struct Run {
    pub ended: Option<Line>,
    /// The line that settled each seq.
    pub settled: BTreeMap<u32, Line>,
    failed: BTreeSet<(u32, u32)>,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt>,
    /// Attempts that count against the policy.
    pub counted: u32,
}

impl Run {
    /// Whether a record of this seq is settled.
    pub fn settles(&self, seq: u32) -> bool {
        self.ended.is_some() || self.settled.keys().next_back().is_some_and(|&last| last >= seq)
    }

    fn apply(&mut self, line: &Line) -> bool {
        if self.settles(line.seq) {
            return false;
        }
        let number = line.attempt.as_ref().map_or(0, |attempt| attempt.number);
        match line.kind() {
            LineKind::Failed => {
                if !self.failed.insert((line.seq, number)) {
                    return false;
                }
            }
            LineKind::Retry | LineKind::Parked => {
                self.settled.insert(line.seq, line.clone());
            }
            _ => {
                self.settled.insert(line.seq, line.clone());
                self.ended = Some(line.clone());
            }
        }
        self.attempts.extend(line.attempt.clone());
        self.counted = self.counted.max(line.attempts_made);
        true
    }
}

/// A claim that took effect.
pub struct Claimed {
    pub offset: i64,
    pub owner: String,
}

/// One partition of `attempts`.
#[derive(Default)]
pub struct Reference {
    pub last_claim: Option<Claimed>,
    last_nonce: Option<u64>,
    pub runs: BTreeMap<RunKey, Run>,
    /// Valid lines that tell of an attempt, by run and claim.
    pub told: BTreeMap<(RunKey, i64), u32>,
}

impl Reference {
    /// A record was appended; answers its lines, and for each whether it is valid.
    pub fn append(&mut self, offset: i64, record: &AttemptsRecord) -> Vec<(RunKey, Line, bool)> {
        match &record.body {
            Some(Body::Claim(claim)) => {
                self.claim(offset, claim);
                Vec::new()
            }
            Some(Body::Batch(batch)) => {
                let lines = batch.lines.iter().filter_map(|line| {
                    let key = RunKey::new(&line.delivery_id, line.run)?;
                    Some((key, line.clone(), self.line(batch.epoch, key, line)))
                });
                lines.collect()
            }
            None => Vec::new(),
        }
    }

    fn claim(&mut self, offset: i64, claim: &Claim) {
        if self.last_nonce != Some(claim.nonce) {
            self.last_claim = Some(Claimed { offset, owner: claim.owner.clone() });
            self.last_nonce = Some(claim.nonce);
        }
    }

    fn line(&mut self, epoch: i64, key: RunKey, line: &Line) -> bool {
        let in_force = self.last_claim.as_ref().map_or(-1, |claim| claim.offset);
        let valid = epoch >= in_force && self.runs.entry(key).or_default().apply(line);
        if valid && line.attempt.is_some() {
            *self.told.entry((key, epoch)).or_default() += 1;
        }
        valid
    }

    pub fn settles(&self, key: RunKey, seq: u32) -> bool {
        self.runs.get(&key).is_some_and(|run| run.settles(seq))
    }

    pub fn settling_line(&self, key: RunKey, seq: u32) -> Option<&Line> {
        self.runs.get(&key)?.settled.get(&seq)
    }
}
