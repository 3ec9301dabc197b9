use super::answers::Answers;
use super::*;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::command_result::Outcome;
use aerogram_wire::v1::{Create, Deactivate, Delete, NoteHealth, Refusal, Scope, Sealed, Status, Update};
use proptest::prelude::*;

fn asked(command_id: u8, subscription_id: &str, change: Change) -> Asked {
    let scope = Some(Scope { partner: "p".into(), operator: "o".into() });
    let command = Command { scope, actor: "p".into(), expected_version: 0, change: Some(change) };
    Asked { command_id: [command_id; 16], subscription_id: subscription_id.into(), command }
}

fn create(id: &str) -> Change {
    let signing_key = Some(Sealed { key_id: "k".into(), ciphertext: "SEALED".into(), ..Sealed::default() });
    let subscription = Some(Subscription { id: id.into(), signing_key, ..Subscription::default() });
    Change::Create(Create { subscription, lifetime_ms: 0 })
}

fn pause() -> Change {
    Change::Update(Update { status: Status::Inactive.into(), ..Update::default() })
}

fn results(batch: &Batch) -> Vec<CommandResult> {
    let commands = batch.records.iter().filter(|r| r.topic == Topic::Commands);
    commands
        .filter_map(|r| match CommandRecord::decode(r.payload.clone()).unwrap().body {
            Some(Body::Result(result)) => Some(result),
            _ => None,
        })
        .collect()
}

fn states(batch: &Batch) -> Vec<Subscription> {
    let states = batch.records.iter().filter(|r| r.topic == Topic::Subscriptions);
    states.filter_map(|r| SubscriptionRecord::decode(r.payload.clone()).unwrap().subscription).collect()
}

#[test]
fn answers_are_forgotten_when_they_are_too_many_bytes() {
    let mut answers = Answers::default();
    let result = |bytes: usize| CommandResult { detail: "x".repeat(bytes), ..CommandResult::default() };
    answers.remember([1; 16], &result(10), 1);
    answers.remember([2; 16], &result(ANSWERS_BYTES_MAX / 2), 2);
    assert!(answers.get(&[1; 16]).is_some());
    answers.remember([3; 16], &result(ANSWERS_BYTES_MAX / 2), 3);
    assert!([1, 2].iter().all(|id| answers.get(&[*id; 16]).is_none()) && answers.get(&[3; 16]).is_some());
    answers.forget_before(4);
    assert_eq!((answers.bytes, answers.by_id.len(), answers.oldest_first.len()), (0, 0, 0));
}

#[test]
fn commands_of_one_batch_see_each_other() {
    let state = PartitionState::default();
    let batch = state.decide(
        &[
            asked(1, "a", create("a")),
            asked(2, "a", pause()),
            asked(3, "b", pause()),
            asked(4, "a", Change::Delete(Delete {})),
            asked(5, "a", pause()),
        ],
        10,
    );
    assert_eq!(batch.outcomes, ["applied", "applied", "not_found", "applied", "not_found"]);
    let versions: Vec<_> = states(&batch).iter().map(|s| (s.version, s.status())).collect();
    assert_eq!(versions, [(1, Status::Active), (2, Status::Inactive), (3, Status::Deleted)]);
    let topics: Vec<_> = batch.records.iter().map(|r| r.topic.name()).collect();
    let (s, c) = ("subscriptions", "commands");
    assert_eq!(topics, [s, c, s, c, c, s, c, c]);
    assert_eq!(batch.records[4].key, "b");
}

#[test]
fn an_aborted_batch_leaves_nothing_behind() {
    let mut state = PartitionState::default();
    let commands = [asked(1, "a", create("a"))];
    let first = state.decide(&commands, 10);
    drop(first);
    let second = state.decide(&commands, 11);
    assert_eq!(second.outcomes, ["applied"]);
    state.committed(second, 11);
    assert_eq!(state.len(), 1);
    assert_eq!(state.decide(&commands, 12).outcomes, ["repeated"]);
}

#[test]
fn a_repeated_command_gets_its_answer_again_and_changes_nothing() {
    let mut state = PartitionState::default();
    let batch =
        state.decide(&[asked(1, "a", create("a")), asked(2, "a", pause()), asked(1, "a", create("a"))], 10);
    assert_eq!(batch.outcomes, ["applied", "applied", "repeated"]);
    let answers = results(&batch);
    assert_eq!(answers[0], answers[2]);
    state.committed(batch, 10);
    let again = state.decide(&[asked(1, "a", create("a"))], 20);
    assert_eq!((results(&again), states(&again).len()), (vec![answers[0].clone()], 0));
    // Another wish for the same id is no repeat.
    let other = state.decide(&[asked(9, "a", create("a"))], 20);
    let [CommandResult { outcome: Some(Outcome::Refused(refused)), .. }] = &results(&other)[..] else {
        panic!()
    };
    assert_eq!(Refusal::try_from(*refused), Ok(Refusal::AlreadyExists));
}

#[test]
fn a_new_owner_that_folded_the_log_knows_the_same() {
    let mut former = PartitionState::default();
    let batch = former.decide(&[asked(1, "a", create("a")), asked(2, "a", pause())], 10);
    let mut owner = PartitionState::default();
    for state in states(&batch) {
        owner.fold_state(state);
    }
    for (id, result) in [1_u8, 2].into_iter().zip(results(&batch)) {
        owner.fold_result([id; 16], &result, 10);
    }
    former.committed(batch, 10);
    for commands in [[asked(2, "a", pause())], [asked(3, "a", Change::Delete(Delete {}))]] {
        assert_eq!(owner.decide(&commands, 20).records, former.decide(&commands, 20).records);
    }
}

#[test]
fn answers_are_forgotten_after_a_day_and_beyond_their_limit() {
    let mut state = PartitionState::default();
    let result = CommandResult { detail: "first".into(), ..CommandResult::default() };
    state.fold_result([1; 16], &result, 1_000);
    state.fold_result([1; 16], &CommandResult::default(), 2_000);
    assert_eq!(state.answers.get(&[1; 16]), Some(result));
    state.committed(Batch::default(), 1_000 + ANSWERS_KEPT_MS);
    assert!(state.answers.get(&[1; 16]).is_some());
    state.committed(Batch::default(), 1_001 + ANSWERS_KEPT_MS);
    assert!(state.answers.get(&[1; 16]).is_none());
    for i in 0..=ANSWERS_MAX as u128 {
        state.fold_result(i.to_be_bytes(), &CommandResult::default(), 5_000);
    }
    assert_eq!(state.answers.people.by_id.len(), ANSWERS_MAX);
    assert!(state.answers.get(&0_u128.to_be_bytes()).is_none());
    assert!(state.answers.get(&1_u128.to_be_bytes()).is_some());
}

#[test]
fn notes_of_receivers_do_not_push_out_what_people_were_answered() {
    let mut state = PartitionState::default();
    let creation = [asked(1, "a", create("a"))];
    let batch = state.decide(&creation, 10);
    let answer = results(&batch);
    state.committed(batch, 10);
    let note = |failing_since_ms| Change::NoteHealth(NoteHealth { failing_since_ms });
    let batch =
        state.decide(&[asked(2, "a", note(7)), asked(3, "a", Change::Deactivate(Deactivate::default()))], 10);
    assert_eq!(batch.outcomes, ["applied", "applied"]);
    let [noted, deactivated] = &results(&batch)[..] else { panic!() };
    assert!(noted.encoded_len().max(deactivated.encoded_len()) < 20, "{noted:?} {deactivated:?}");
    state.committed(batch, 10);
    for i in 0..=ANSWERS_MAX as u128 {
        state.fold_result((i + 99).to_be_bytes(), noted, 10);
    }
    assert_eq!(state.answers.system.by_id.len(), ANSWERS_MAX);
    let again = state.decide(&creation, 20);
    assert_eq!((&again.outcomes[..], results(&again)), (&["repeated"][..], answer));
    let last = (ANSWERS_MAX as u128 + 99).to_be_bytes();
    let again = state.decide(&[Asked { command_id: last, ..asked(2, "a", note(9)) }], 20);
    assert_eq!((&again.outcomes[..], states(&again).len()), (&["repeated"][..], 0));
}

#[test]
fn the_sealed_key_stays_in_subscriptions() {
    let batch = PartitionState::default().decide(&[asked(1, "a", create("a"))], 10);
    for record in &batch.records {
        let sealed = record.payload.windows(6).any(|part| part == b"SEALED");
        assert_eq!(sealed, record.topic == Topic::Subscriptions);
    }
}

proptest! {
    /// However a history is cut into batches, aborted or repeated, each command takes effect once.
    #[test]
    fn batches_make_no_difference(
        wishes in prop::collection::vec((0u8..12, 0usize..3, 0u8..3), 1..60),
        cuts in prop::collection::vec((1usize..8, any::<bool>()), 60),
    ) {
        let commands: Vec<_> = wishes
            .into_iter()
            .map(|(command_id, which, change)| {
                let id = ["a", "b", "c"][which];
                let change = match change {
                    0 => create(id),
                    1 => pause(),
                    _ => Change::Delete(Delete {}),
                };
                asked(command_id, id, change)
            })
            .collect();
        let mut one_by_one = PartitionState::default();
        let mut expected = Vec::new();
        for command in &commands {
            let batch = one_by_one.decide(std::slice::from_ref(command), 1);
            expected.extend(batch.records.clone());
            one_by_one.committed(batch, 1);
        }
        let (mut state, mut written, mut rest) = (PartitionState::default(), Vec::new(), &commands[..]);
        for (size, aborted) in cuts {
            let (now, later) = rest.split_at(size.min(rest.len()));
            let batch = state.decide(now, 1);
            if !aborted {
                written.extend(batch.records.clone());
                state.committed(batch, 1);
                rest = later;
            }
        }
        while let Some((first, later)) = rest.split_first() {
            let batch = state.decide(std::slice::from_ref(first), 1);
            written.extend(batch.records.clone());
            state.committed(batch, 1);
            rest = later;
        }
        prop_assert_eq!(written, expected);
    }
}
