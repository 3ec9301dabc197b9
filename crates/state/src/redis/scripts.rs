//! Operations as invocations of scripts, and what the scripts answer as replies. Numbers that are compared travel as
//! decimal text: Lua's have 53 bits.

use super::link::LinkFailure;
use super::packed::{pack, unpack, unpack_lane};
use aerogram_domain::store::{
    CLOCKS_DIFFER_MAX_MS, Change, Payload, Payloads, Picked, StoreOp, StoreReply, Under, Waiting,
};
use bytes::Bytes;
use redis::{Script, ScriptInvocation, Value};
use std::collections::HashMap;
use std::str::FromStr;

/// How the keys are laid out. What another one left is as good as another layout of the topics: it is reset.
const FORMAT: u32 = 3;

/// The keys of one partition; the hash tag keeps them on one node of a Cluster.
pub(super) struct Keys([String; 8]);

impl Keys {
    pub(super) fn of(prefix: &str, partition: i32) -> Self {
        Self(
            ["meta", "entries", "values", "due", "fired", "parked", "lanes", "names"]
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
            StoreOp::Apply { under, upto, changes, as_of_ms, keep } => {
                call = guarded(&self.apply, under);
                call.arg(upto).arg(as_of_ms.map(|at| at.to_string()).unwrap_or_default());
                call.arg(keep.bytes_max).arg(keep.high_water_percent).arg(at_most(keep.drop_max));
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
                    call.arg(&lane[..]).arg(at_most(n));
                }
            }
            StoreOp::Hold { under, keys } => {
                call = guarded(&self.hold, under);
                for (key, lane) in keys {
                    call.arg(&key[..]).arg(&lane[..]);
                }
            }
            StoreOp::MarkFired { under, keys } => {
                call = guarded(&self.mark_fired, under);
                for (key, lane) in keys {
                    // Some lane is called ''.
                    let by = lane.map(|lane| [b"+", &lane[..]].concat()).unwrap_or_default();
                    call.arg(&key[..]).arg(by);
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

/// Five arguments for each change: key, due time, packed entry, lane, value; all but the key are empty for a tombstone.
fn add_change(call: &mut ScriptInvocation<'_>, change: Change) {
    match change {
        Change::Put { key, entry } => {
            call.arg(&key[..])
                .arg(entry.due_at_ms)
                .arg(pack(&entry))
                .arg(entry.lane.as_deref().unwrap_or_default());
            match &entry.payload {
                Payload::Here(value) => call.arg(&value[..]),
                Payload::InLog { .. } => call.arg(""),
            }
        }
        Change::Remove { key } => call.arg(&key[..]).arg("").arg("").arg("").arg(""),
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
        b"full" => Some(StoreReply::Full),
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
    let numbered: HashMap<_, _> = pairs(items.next())?
        .into_iter()
        .map(|(number, lane)| Some((number, unpack_lane(&lane)?)))
        .collect::<Option<_>>()?;
    let by_credit = pairs(items.next())?.into_iter().filter(|(_, number)| !number.is_empty());
    let mut outstanding: Vec<_> = by_credit
        .map(|(key, number)| Some((key, numbered.get(&number)?.1.clone())))
        .collect::<Option<_>>()?;
    outstanding.sort_unstable();
    let mut lanes: Vec<_> =
        numbered.into_values().filter(|(n, _)| *n > 0).map(|(n, lane)| (lane, n)).collect();
    lanes.sort_unstable();
    Some(StoreReply::TakenOver { applied, as_of_ms, lanes, outstanding })
}

fn applied(items: &mut impl Iterator<Item = Value>) -> Option<StoreReply> {
    let pending = count(items.next().as_ref())?;
    let (kept, in_log) = (count(items.next().as_ref())?, count(items.next().as_ref())?);
    let room_bytes = parse(&text(items.next())?)?;
    let payloads = Payloads { kept, in_log, room_bytes };
    Some(StoreReply::Applied { pending, payloads, lanes: waiting(items.next())? })
}

/// How many wait in lanes. They are sorted here, for Lua compares as the locale of the Redis does.
fn waiting(item: Option<Value>) -> Option<Vec<Waiting>> {
    let mut lanes: Vec<_> =
        pairs(item)?.into_iter().map(|(lane, n)| Some((lane, parse(&n)?))).collect::<Option<_>>()?;
    lanes.sort_unstable();
    Some(lanes)
}

/// Key, entry, lane and value of each.
fn picked(item: Option<Value>) -> Option<Vec<Picked>> {
    let Some(Value::Array(items)) = item else { return None };
    let mut all = Vec::with_capacity(items.len() / 4);
    let mut items = items.into_iter();
    while let Some(key) = items.next() {
        let (key, packed, lane) = (text(Some(key))?, text(items.next())?, text(items.next())?);
        let value = match items.next()? {
            Value::Nil => None,
            value => Some(text(Some(value))?),
        };
        all.push(Picked { key, entry: unpack(&packed, lane, value)? });
    }
    Some(all)
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

fn count(item: Option<&Value>) -> Option<usize> {
    let Some(Value::Int(n)) = item else { return None };
    usize::try_from(*n).ok()
}

fn number(item: Option<Value>) -> Option<i64> {
    parse(&text(item)?)
}

fn parse<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
