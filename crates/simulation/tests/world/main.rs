//! Many seeds of the world; and the world's own test: each deliberate bug must be found.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod staffing;

use aerogram_domain::sabotage::{Rule, remove};
use aerogram_simulation::{Stats, run};

/// Seeds, unless `AEROGRAM_SIM_SEEDS` says another number.
const SEEDS: u64 = 1_000;

/// Seeds in which a deliberate bug must show itself.
const SEEDS_TO_FIND_MAX: u64 = 20_000;

fn seeds() -> u64 {
    match std::env::var("AEROGRAM_SIM_SEEDS") {
        Ok(text) => {
            text.parse().unwrap_or_else(|_| panic!("AEROGRAM_SIM_SEEDS={text} is not a number of seeds"))
        }
        Err(_) => SEEDS,
    }
}

fn live(seeds: impl Iterator<Item = u64>) -> Stats {
    let mut all = Stats::default();
    for seed in seeds {
        match run(seed, false) {
            Ok(stats) => all.add(&stats),
            Err(violation) => panic!("{violation}"),
        }
    }
    all
}

#[test]
fn every_seed_comes_to_rest_without_a_violation() {
    let seeds = seeds();
    let mut all = Stats::default();
    std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| scope.spawn(move || live((half..seeds).step_by(2))));
        for half in halves {
            match half.join() {
                Ok(stats) => all.add(&stats),
                Err(violation) => std::panic::resume_unwind(violation),
            }
        }
    });
    println!("{seeds} seeds: {all:?}");
    assert!(all.sent > seeds, "the world has become idle: {} requests in {seeds} seeds", all.sent);
}

#[test]
fn what_must_come_about_does() {
    let all = live(0..2 * SEEDS);
    for what in [
        "LINE_KIND_DELIVERED",
        "LINE_KIND_ESCALATED",
        "LINE_KIND_CANCELLED",
        "emitted again",
        "expired writes",
        "foreign claims",
        "memories extended",
        "tables read again",
        "sends held back",
        "payloads read back",
        "payloads gone",
        "stores full",
        // Subscriptions change by commands.
        "command handlers crashed",
        "transactions timed out",
        "transactions of former owners refused",
        "transactions of former owners committed",
        "takeovers that wait for a transaction",
        "results of commands deleted",
        "commands refused",
        "commands for another version refused",
        "commands repeated",
        "commands that change nothing",
        "subscriptions deleted",
        "subscriptions activated again",
        "subscriptions renewed",
        "renewals of what never expires refused",
        "renewals refused as too early",
        "renewals refused as too late",
        "activations of what expired refused",
        // Keys and policies change while deliveries are under way.
        "keys replaced",
        "signed by two keys",
        "signed after an overlap",
        "policies changed",
        "runs under several policies",
        "attempts above the policy in force",
        "exhausted by a change of policy",
        // 410.
        "410 as any failure",
        "escalated as gone",
        "deactivations after 410",
        "deactivations repeated",
        "cancelled as inactive",
        "delivered after a reactivation",
        // Receivers that fail for long.
        "receivers noted",
        "notes taken back",
        "subscriptions given up",
        "escalated without an attempt",
        "given up and active again",
        // Escalations, and what people make of them.
        "escalated as exhausted",
        "escalated as our own fault",
        "escalations repeated",
        "escalations repeated after a change of the subscription",
        "escalations first written by who judged",
        "escalations first written by who inherited",
        "dismissals",
        "redeliveries",
        "redeliveries refused",
        "redelivered runs that ended",
        "redeliveries repeated",
        "redeliveries repeated after their tombstone",
        "redeliveries repeated after their tombstone was compacted away",
        "redeliveries repeated long after",
        // What has ended is sent again, and test events.
        "ended runs sent again",
        "wishes repeated after their tombstone",
        "wishes repeated long after",
        "test events",
        "test events that failed",
        // What api tells of deliveries.
        "histories restarted",
        "histories rebuilt",
        "histories told while all is under way",
        // Limits of subscriptions and hosts.
        "sent under a subscription's rate",
        "sent under a host's rate",
        "held back by a subscription's limit",
        "held back by a host's limit",
        "leases failed",
    ] {
        assert!(all.counts.get(what).is_some_and(|n| *n > 0), "{what} never came about: {all:?}");
    }
}

#[test]
fn a_seed_is_always_the_same_world() {
    for seed in 0..20 {
        assert_eq!(run(seed, false).unwrap(), run(seed, false).unwrap());
    }
}

/// How many seeds until the world notices that a rule is missing.
fn assert_found(rule: Rule) {
    remove(Some(rule));
    let found = (0..SEEDS_TO_FIND_MAX).find_map(|seed| run(seed, false).err());
    remove(None);
    match found {
        Some(violation) => println!("without {rule:?}: seed {}: {}", violation.seed, violation.what),
        None => panic!("{SEEDS_TO_FIND_MAX} seeds did not notice that the rule {rule:?} is missing"),
    }
}

macro_rules! deliberate_bugs {
    ($($name:ident: $rule:ident,)*) => {
        $(#[test]
        fn $name() {
            assert_found(Rule::$rule);
        })*
    };
}

deliberate_bugs! {
    acting_before_a_line_is_read_back_is_found: ReadBack,
    taking_a_zombies_line_for_valid_is_found: Epoch,
    leaving_out_a_duplicates_tombstone_is_found: DuplicateTombstone,
    not_repeating_inherited_consequences_is_found: Redo,
    committing_past_unsettled_work_is_found: UnsettledFront,
    forgetting_lines_too_early_is_found: Memory,
    deciding_beyond_memory_is_found: Extension,
    sending_without_the_lease_is_found: Lease,
    deciding_by_a_table_that_is_behind_is_found: Freshness,
    sending_by_an_old_table_is_found: TableAge,
    a_store_guard_that_compares_the_owner_only_is_found: StoreGuard,
    marking_as_fired_before_the_acknowledgement_is_found: FiredAfterAcknowledgement,
    carrying_out_a_command_twice_is_found: CommandOnce,
    changing_what_was_deleted_is_found: DeletedIsFinal,
    changing_another_version_than_the_one_meant_is_found: ExpectedVersion,
    signing_by_a_key_whose_overlap_is_over_is_found: OverlapEnds,
    signing_by_a_key_older_than_the_one_before_is_found: OneOldKey,
    redelivering_again_with_a_new_due_time_is_found: RedeliveryTime,
    escalating_as_of_a_later_change_is_found: JudgedBy,
    sending_without_a_token_is_found: Rate,
    opening_more_requests_than_allowed_is_found: Concurrency,
    believing_a_note_after_a_success_is_found: SuccessRefutes,
    believing_a_former_owners_late_note_is_found: ForeignNote,
    giving_up_for_few_failures_is_found: DaysOfFailing,
    taking_an_old_wish_for_a_new_one_is_found: AskedLately,
    making_history_of_a_zombies_line_is_found: HistoryEpoch,
    making_history_go_back_is_found: HistoryForward,
}
