//! Carries out what the decisions say, and brings the answers back as the next inputs.

use crate::commands;
use crate::failed;
use crate::gate::Gate;
use crate::observe;
use crate::parts::Parts;
use crate::request;
use aerogram_domain::clock::Now;
use aerogram_domain::deliverer::{Action, Partition, Ticket, Why};
use aerogram_domain::limits::{Ask, Key, Lease};
use aerogram_domain::policy::AttemptResult;
use aerogram_kafka::{Assignment, Committer, Failure, Out, ReadError, WriteError, Writer};
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, Claim, CommandRecord};
use aerogram_wire::{Message as _, SCHEMA, Topic, headers};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, stream};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Something that was under way is over.
pub enum Answer {
    /// `None`: the request was not begun, for it no longer might be.
    Response {
        offset: i64,
        result: Option<AttemptResult>,
    },
    Written {
        ticket: Option<Ticket>,
        result: Result<(), WriteError>,
    },
    Committed {
        offset: i64,
        metadata: String,
        succeeded: bool,
    },
    AttemptsEnd(Option<i64>),
    TableEnd(Option<i64>),
    DeliveriesEnd(Option<i64>),
    /// `None`: nobody answered.
    Leased {
        key: Key,
        lease: Option<Lease>,
    },
    /// A request's task panicked: what became of it is unknown.
    Broken(tokio::task::JoinError),
}

impl Answer {
    /// Tells the decisions; an error stops the partition.
    pub fn tell(
        self,
        now: Now,
        core: &mut Partition,
        last_commit: &mut (i64, String),
        out: &mut Vec<Action>,
    ) -> Result<(), Failure> {
        match self {
            Answer::Response { offset, result: Some(result) } => core.on_response(now, offset, result, out),
            Answer::Response { offset, result: None } => core.on_unsent(now, offset, out),
            Answer::Committed { offset, metadata, succeeded } => {
                if succeeded {
                    *last_commit = (offset, metadata);
                }
                core.on_commit(now, succeeded, out);
            }
            Answer::AttemptsEnd(end) => core.on_attempts_end(now, end, out),
            Answer::TableEnd(end) => core.on_table_end(now, end, out),
            Answer::DeliveriesEnd(end) => core.on_deliveries_probe(end),
            Answer::Leased { key, lease } => core.on_leased(now, &key, lease, out),
            Answer::Broken(error) => return Err(Box::new(error)),
            Answer::Written { ticket: None, result: Ok(()) } => {}
            Answer::Written { ticket: Some(ticket), result: Ok(()) } => core.on_written(now, ticket, out),
            Answer::Written { ticket: Some(ticket), result: Err(WriteError::Expired) } => {
                core.on_expired(ticket, out);
            }
            Answer::Written { result: Err(error), .. } => return Err(Box::new(error)),
        }
        Ok(())
    }
}

/// All that is under way for one ownership; dropping it abandons the requests.
pub struct Carrier {
    parts: Arc<Parts>,
    partition: i32,
    committer: Committer,
    gate: Arc<Gate>,
    requests: JoinSet<(i64, Option<AttemptResult>)>,
    others: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// Set when the ownership has to start again.
    pub start_again: Option<Why>,
    /// Set when `subscriptions` is to be read again from an offset, to the end told with it.
    pub read_table_again: Option<(i64, i64)>,
}

impl Carrier {
    pub fn new(parts: Arc<Parts>, assignment: &Assignment) -> Self {
        // One future that never ends, so that the stream never does.
        let others = FuturesUnordered::new();
        others.push(futures::future::pending().boxed());
        Self {
            gate: Arc::new(Gate::closed(parts.clock, assignment.stop.clone())),
            parts,
            partition: assignment.partition,
            committer: assignment.committer.clone(),
            requests: JoinSet::new(),
            others,
            start_again: None,
            read_table_again: None,
        }
    }

    /// Cancel-safe.
    pub async fn next_answer(&mut self) -> Answer {
        tokio::select! {
            Some(done) = self.requests.join_next() => response(done),
            Some(answer) = self.others.next() => answer,
        }
    }

    /// An answer that is there already.
    pub fn answer_now(&mut self) -> Option<Answer> {
        if let Some(done) = self.requests.try_join_next() {
            return Some(response(done));
        }
        stream::StreamExt::next(&mut self.others).now_or_never().flatten()
    }

    /// Requests are begun only as long as `core`, as it is now, would decide the same.
    pub fn decided_by(&self, core: &Partition) {
        self.gate.set(core.sends_until_ms(), core.table_position());
    }

    /// Carries out and empties `actions`, which `core` decided. Waits only while a producer's queue is full, and with
    /// requests for nothing: they were decided under a lease that goes on ending.
    pub async fn carry_out(&mut self, core: &Partition, actions: &mut Vec<Action>) -> Result<(), Failure> {
        self.decided_by(core);
        let at_once = |action: &mut Action| matches!(action, Action::Send { .. } | Action::Lease(_));
        for action in actions.extract_if(.., at_once) {
            self.begin(action);
        }
        for action in actions.drain(..) {
            match action {
                begins @ (Action::Send { .. } | Action::Lease(_)) => self.begin(begins),
                Action::Limited { kind } => observe::limited(kind),
                Action::Claim { nonce } => {
                    let claim = Claim { nonce, owner: self.parts.name.clone() };
                    self.append(Body::Claim(claim)).await?;
                }
                Action::Lines(batch) => self.append(Body::Batch(batch)).await?,
                Action::Pend { ticket, key, entry } => {
                    let payload = entry.encode_to_vec();
                    self.write(Some(ticket), Topic::Pending, &key.encode(), Some(&payload), &[], true)
                        .await?;
                }
                Action::Tombstone { ticket, key, ended } => {
                    let ended = ended.to_string();
                    let headers = [(headers::OUTCOME, ended.as_bytes())];
                    self.write(Some(ticket), Topic::Pending, &key.encode(), None, &headers, false).await?;
                }
                Action::Escalate { ticket, key, escalation } => {
                    observe::escalated(escalation.reason());
                    let payload = escalation.encode_to_vec();
                    self.write(Some(ticket), Topic::Escalations, &key.encode(), Some(&payload), &[], false)
                        .await?;
                }
                Action::Deactivate { ticket, key, subscription_id, detail } => {
                    let asked = commands::deactivation(&key, &subscription_id, detail);
                    self.command(Some(ticket), &asked).await?;
                }
                Action::NoteHealth { ticket, command_id, subscription_id, failing_since_ms } => {
                    let asked = commands::note(
                        &self.parts.failures_said,
                        &command_id,
                        &subscription_id,
                        failing_since_ms,
                    );
                    self.command(ticket, &asked).await?;
                }
                Action::GiveUp { command_id, subscription_id, failing_since_ms, detail } => {
                    let asked = commands::giving_up(&command_id, &subscription_id, failing_since_ms, detail);
                    self.command(None, &asked).await?;
                }
                Action::Commit { offset, metadata } => {
                    let committing = self.committer.commit(offset, &metadata);
                    self.others.push(
                        async move {
                            let committed = committing.await;
                            if let Err(error) = &committed {
                                tracing::warn!(offset, %error, "commit failed; sending ends with the lease unless one succeeds");
                            }
                            Answer::Committed { offset, metadata, succeeded: committed.is_ok() }
                        }
                        .boxed(),
                    );
                }
                Action::ProbeAttemptsEnd => {
                    let (parts, partition) = (self.parts.clone(), [self.partition]);
                    let asking = async move { parts.ends.high_watermarks(Topic::Attempts, &partition).await };
                    self.others.push(asking.map(|ends| Answer::AttemptsEnd(only(ends))).boxed());
                }
                Action::ProbeTableEnd => {
                    let (parts, partition) = (self.parts.clone(), [self.partition]);
                    let asking =
                        async move { parts.ends.last_stable(Topic::Subscriptions, &partition).await };
                    self.others.push(asking.map(|ends| Answer::TableEnd(only(ends))).boxed());
                }
                Action::ProbeDeliveriesEnd => {
                    let (parts, partition) = (self.parts.clone(), [self.partition]);
                    let asking =
                        async move { parts.ends.high_watermarks(Topic::Deliveries, &partition).await };
                    self.others.push(asking.map(|ends| Answer::DeliveriesEnd(only(ends))).boxed());
                }
                Action::ReadTableAgain { offset, end } => self.read_table_again = Some((offset, end)),
                Action::StartAgain(why) => self.start_again = Some(why),
                Action::Settled { kind, accepted_at_ms } => observe::settled(kind, accepted_at_ms),
            }
        }
        Ok(())
    }

    /// What waits for nothing: requests, and questions for the tokens that requests wait for.
    fn begin(&mut self, action: Action) {
        match action {
            Action::Lease(ask) => self.lease(ask),
            send => self.send(send),
        }
    }

    fn lease(&mut self, ask: Ask) {
        let Some(leases) = self.parts.leases.clone() else { return };
        let asking = async move {
            let lease = leases.lease(&ask).await;
            observe::leased(lease);
            Answer::Leased { key: ask.key, lease }
        };
        self.others.push(asking.boxed());
    }

    fn send(&mut self, action: Action) {
        let Action::Send { offset, as_of, attempt, timeout_ms, delivery, subscription, policy } = action
        else {
            return;
        };
        let (parts, gate) = (self.parts.clone(), self.gate.clone());
        self.requests.spawn(async move {
            if !gate.is_open(as_of) {
                return (offset, None);
            }
            let _open = observe::OpenRequest::count();
            let timeout = Duration::from_millis(timeout_ms.into());
            let (result, failure) =
                request::attempt(&parts, attempt, &delivery, &subscription, timeout).await;
            let outcome = policy.outcome(result.answer);
            observe::attempt(outcome, attempt, result.duration_ms);
            failed::tell(&parts.failures_said, &subscription, outcome, result.answer, failure.as_ref());
            (offset, Some(result))
        });
    }

    async fn append(&mut self, body: Body) -> Result<(), Failure> {
        let payload = AttemptsRecord { schema: SCHEMA, body: Some(body) }.encode_to_vec();
        self.write(None, Topic::Attempts, &[], Some(&payload), &[], false).await
    }

    async fn command(&mut self, ticket: Option<Ticket>, asked: &CommandRecord) -> Result<(), Failure> {
        let payload = asked.encode_to_vec();
        let key = asked.subscription_id.as_bytes();
        self.write(ticket, Topic::Commands, key, Some(&payload), &[], false).await
    }

    async fn write(
        &mut self,
        ticket: Option<Ticket>,
        topic: Topic,
        key: &[u8],
        payload: Option<&[u8]>,
        headers: &[(&str, &[u8])],
        expiring: bool,
    ) -> Result<(), Failure> {
        let writer: &Writer = if expiring { &self.parts.expiring } else { &self.parts.durable };
        let key = (!key.is_empty()).then_some(key);
        let out = Out { topic, partition: self.partition, key, payload, headers };
        let ack = writer.enqueue(out).await?;
        self.others.push(async move { Answer::Written { ticket, result: ack.await.map(drop) } }.boxed());
        Ok(())
    }
}

/// The one end that was asked for; `None` when it could not be found out, and then it is asked for again.
fn only(ends: Result<Vec<i64>, ReadError>) -> Option<i64> {
    ends.ok().and_then(|ends| ends.first().copied())
}

fn response(done: Result<(i64, Option<AttemptResult>), tokio::task::JoinError>) -> Answer {
    match done {
        Ok((offset, result)) => Answer::Response { offset, result },
        Err(error) => Answer::Broken(error),
    }
}
