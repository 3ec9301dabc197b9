//! Operations as invocations of scripts, and what the scripts answer as replies. Numbers that are compared travel as
//! decimal text: Lua's have 53 bits.

use super::link::LinkFailure;
use super::packed::{pack, pack_lane, unpack, unpack_lane};
use aerogram_domain::store::{CLOCKS_DIFFER_MAX_MS, Change, Picked, StoreOp, StoreReply, Under, Waiting};
use bytes::Bytes;
use redis::{Script, ScriptInvocation, Value};
use std::str::FromStr;

/// How the keys are laid out. What another one left is as good as another layout of the topics: it is reset.
const FORMAT: u32 = 2;

/// The keys of one partition; the hash tag keeps them on one node of a Cluster.
pub(super) struct Keys([String; 6]);

impl Keys {
    pub(super) fn of(prefix: &str, partition: i32) -> Self {
        Self(
            ["meta", "entries", "due", "fired", "parked", "lanes"]
                .map(|name| format!("{{{prefix}:pending:{partition}}}:{name}")),
        )
    }
}

#[derive(Debug)]
pub(super) struct Scripts {
    take_over: Script,
    apply: Script,
    pick: Script,
    pick_parked: Script,
    hold: Script,
    mark_fired: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        const GUARD: &str = include_str!("../lua/guard.lua");
        const PICKING: &str = include_str!("../lua/picking.lua");
        const PLACES: &str = include_str!("../lua/places.lua");
        let limits = format!("local clocks_differ_max_ms = {CLOCKS_DIFFER_MAX_MS}\n");
        let script = |parts: &[&str]| {
            Script::new(&[&limits, include_str!("../lua/keys.lua"), &parts.concat()].concat())
        };
        Self {
            take_over: script(&[include_str!("../lua/take_over.lua")]),
            apply: script(&[GUARD, PLACES, include_str!("../lua/apply.lua")]),
            pick: script(&[GUARD, PICKING, include_str!("../lua/pick.lua")]),
            pick_parked: script(&[GUARD, PICKING, include_str!("../lua/pick_parked.lua")]),
            hold: script(&[GUARD, PLACES, include_str!("../lua/hold.lua")]),
            mark_fired: script(&[GUARD, PLACES, include_str!("../lua/mark_fired.lua")]),
        }
    }
}

/// The name of an operation in metrics and logs.
pub(super) fn command_of(op: &StoreOp) -> &'static str {
    match op {
        StoreOp::TakeOver { .. } => "take_over",
        StoreOp::Apply { .. } => "apply",
        StoreOp::Pick { .. } => "pick",
        StoreOp::PickParked { .. } => "pick_parked",
        StoreOp::Hold { .. } => "hold",
        StoreOp::MarkFired { .. } => "mark_fired",
    }
}

impl Scripts {
    pub(super) fn invocation(&self, keys: &Keys, op: StoreOp) -> ScriptInvocation<'_> {
        let mut call;
        match op {
            StoreOp::TakeOver { owner, layout_id, now_ms, age_max_ms, reset } => {
                call = self.take_over.prepare_invoke();
                call.arg(owner).arg(format!("{FORMAT}:{layout_id}"));
                call.arg(now_ms).arg(age_max_ms).arg(u8::from(reset));
            }
            StoreOp::Apply { under, upto, changes, as_of_ms } => {
                call = guarded(&self.apply, under);
                call.arg(upto).arg(as_of_ms.map(|at| at.to_string()).unwrap_or_default());
                changes.into_iter().for_each(|change| add_change(&mut call, change));
            }
            StoreOp::Pick { under, limit, bytes_max } => {
                call = guarded(&self.pick, under);
                call.arg(bytes_max).arg(at_most(limit));
            }
            StoreOp::PickParked { under, wants, bytes_max } => {
                call = guarded(&self.pick_parked, under);
                call.arg(bytes_max);
                for (lane, n) in wants {
                    call.arg(pack_lane(&lane)).arg(at_most(n));
                }
            }
            StoreOp::Hold { under, keys } => {
                call = guarded(&self.hold, under);
                for (key, lane) in keys {
                    call.arg(&key[..]).arg(pack_lane(&lane));
                }
            }
            StoreOp::MarkFired { under, keys } => {
                call = guarded(&self.mark_fired, under);
                for (key, lane) in keys {
                    call.arg(&key[..]).arg(lane.as_deref().map(pack_lane).unwrap_or_default());
                }
            }
        }
        keys.0.iter().for_each(|key| {
            call.key(key);
        });
        call
    }
}

fn guarded(script: &Script, Under { guard, now_ms, age_max_ms }: Under) -> ScriptInvocation<'_> {
    let mut call = script.prepare_invoke();
    call.arg(guard.owner).arg(guard.applied).arg(now_ms).arg(age_max_ms);
    call
}

/// To Redis a negative limit would mean all.
fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Three arguments for each change: key, due time, packed entry; the latter two are empty for a tombstone.
fn add_change(call: &mut ScriptInvocation<'_>, change: Change) {
    match change {
        Change::Put { key, entry } => call.arg(&key[..]).arg(entry.due_at_ms).arg(pack(&entry)),
        Change::Remove { key } => call.arg(&key[..]).arg("").arg(""),
    };
}

pub(super) fn decode(answer: Value) -> Result<StoreReply, LinkFailure> {
    let Value::Array(items) = answer else { return Err(LinkFailure::Answer("no array")) };
    let mut items = items.into_iter();
    let verdict = text(items.next()).ok_or(LinkFailure::Answer("no verdict"))?;
    let reply = match &verdict[..] {
        b"mismatch" => Some(StoreReply::Mismatch),
        b"too_old" => Some(StoreReply::TooOld),
        b"taken_over" => taken_over(&mut items),
        b"applied" => applied(&mut items),
        b"picked" => picked(items.next()).map(StoreReply::Picked),
        b"parked" => picked(items.next()).map(StoreReply::Parked),
        b"held" => waiting(items.next()).map(|lanes| StoreReply::Held { lanes }),
        b"marked" => waiting(items.next()).map(|lanes| StoreReply::Marked { lanes }),
        _ => return Err(LinkFailure::Answer("unknown verdict")),
    };
    reply.ok_or(LinkFailure::Answer("malformed details"))
}

fn taken_over(items: &mut impl Iterator<Item = Value>) -> Option<StoreReply> {
    let (applied, as_of_ms) = (number(items.next())?, number(items.next())?);
    let lanes = waiting(items.next())?;
    let by_credit = pairs(items.next())?.into_iter().filter(|(_, lane)| !lane.is_empty());
    let mut outstanding: Vec<_> =
        by_credit.map(|(key, lane)| Some((key, unpack_lane(&lane)?))).collect::<Option<_>>()?;
    outstanding.sort_unstable();
    Some(StoreReply::TakenOver { applied, as_of_ms, lanes, outstanding })
}

fn applied(items: &mut impl Iterator<Item = Value>) -> Option<StoreReply> {
    let Some(Value::Int(pending)) = items.next() else { return None };
    Some(StoreReply::Applied { pending: usize::try_from(pending).ok()?, lanes: waiting(items.next())? })
}

/// How many wait in lanes. They are sorted here, for Lua compares as the locale of the Redis does.
fn waiting(item: Option<Value>) -> Option<Vec<Waiting>> {
    // Under no lane at all stands how many wait in all of them.
    let of_lanes = pairs(item)?.into_iter().filter(|(lane, _)| !lane.is_empty());
    let mut lanes: Vec<_> =
        of_lanes.map(|(lane, n)| Some((unpack_lane(&lane)?, parse(&n)?))).collect::<Option<_>>()?;
    lanes.sort_unstable();
    Some(lanes)
}

fn picked(item: Option<Value>) -> Option<Vec<Picked>> {
    pairs(item)?.into_iter().map(|(key, packed)| Some(Picked { key, entry: unpack(&packed)? })).collect()
}

fn pairs(item: Option<Value>) -> Option<Vec<(Bytes, Bytes)>> {
    let Some(Value::Array(items)) = item else { return None };
    let mut all = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let Some(first) = items.next() {
        all.push((text(Some(first))?, text(items.next())?));
    }
    Some(all)
}

fn text(item: Option<Value>) -> Option<Bytes> {
    match item {
        Some(Value::BulkString(bytes)) => Some(bytes.into()),
        _ => None,
    }
}

fn number(item: Option<Value>) -> Option<i64> {
    parse(&text(item)?)
}

fn parse<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
