//! Operations as invocations of scripts, and what the scripts answer as replies. Numbers that are compared travel as
//! decimal text: Lua's have 53 bits.

use super::link::LinkFailure;
use aerogram_domain::store::{CLOCKS_DIFFER_MAX_MS, Change, Guard, Picked, StoreOp, StoreReply};
use bytes::Bytes;
use redis::{Script, ScriptInvocation, Value};

/// Length of the due time that stands before a value, big-endian.
const DUE_BYTES: usize = 8;

/// The keys of one partition; the hash tag keeps them on one node of a Cluster.
pub(super) struct Keys([String; 4]);

impl Keys {
    pub(super) fn of(prefix: &str, partition: i32) -> Self {
        Self(
            ["meta", "entries", "due", "fired"]
                .map(|name| format!("{{{prefix}:pending:{partition}}}:{name}")),
        )
    }
}

#[derive(Debug)]
pub(super) struct Scripts {
    take_over: Script,
    apply: Script,
    pick: Script,
    mark_fired: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        const KEYS: &str = include_str!("../lua/keys.lua");
        const GUARD: &str = include_str!("../lua/guard.lua");
        let limits = format!("local clocks_differ_max_ms = {CLOCKS_DIFFER_MAX_MS}\n");
        let guarded = |text: &str| Script::new(&[&limits, KEYS, GUARD, text].concat());
        Self {
            take_over: Script::new(&[&limits, KEYS, include_str!("../lua/take_over.lua")].concat()),
            apply: guarded(include_str!("../lua/apply.lua")),
            pick: guarded(include_str!("../lua/pick.lua")),
            mark_fired: guarded(include_str!("../lua/mark_fired.lua")),
        }
    }
}

/// The name of an operation in metrics and logs.
pub(super) fn command_of(op: &StoreOp) -> &'static str {
    match op {
        StoreOp::TakeOver { .. } => "take_over",
        StoreOp::Apply { .. } => "apply",
        StoreOp::Pick { .. } => "pick",
        StoreOp::MarkFired { .. } => "mark_fired",
    }
}

impl Scripts {
    pub(super) fn invocation(&self, keys: &Keys, op: StoreOp) -> ScriptInvocation<'_> {
        let mut call;
        match op {
            StoreOp::TakeOver { owner, layout_id, now_ms, age_max_ms, reset } => {
                call = self.take_over.prepare_invoke();
                call.arg(owner).arg(layout_id).arg(now_ms).arg(age_max_ms).arg(u8::from(reset));
            }
            StoreOp::Apply { guard, now_ms, age_max_ms, upto, changes, as_of_ms } => {
                call = guarded(&self.apply, guard, now_ms, age_max_ms);
                call.arg(upto).arg(as_of_ms.map(|at| at.to_string()).unwrap_or_default());
                changes.into_iter().for_each(|change| add_change(&mut call, change));
            }
            StoreOp::Pick { guard, now_ms, age_max_ms, limit, bytes_max } => {
                call = guarded(&self.pick, guard, now_ms, age_max_ms);
                // A negative limit would mean all.
                call.arg(i64::try_from(limit).unwrap_or(i64::MAX)).arg(bytes_max);
            }
            StoreOp::MarkFired { guard, now_ms, age_max_ms, keys } => {
                call = guarded(&self.mark_fired, guard, now_ms, age_max_ms);
                for key in keys {
                    call.arg(&key[..]);
                }
            }
        }
        keys.0.iter().for_each(|key| {
            call.key(key);
        });
        call
    }
}

fn guarded(script: &Script, guard: Guard, now_ms: i64, age_max_ms: i64) -> ScriptInvocation<'_> {
    let mut call = script.prepare_invoke();
    call.arg(guard.owner).arg(guard.applied).arg(now_ms).arg(age_max_ms);
    call
}

/// Three arguments for each change: key, due time or nothing, due time and value packed.
fn add_change(call: &mut ScriptInvocation<'_>, change: Change) {
    match change {
        Change::Put { key, due_at_ms, value } => {
            let packed = [&due_at_ms.to_be_bytes()[..], &value[..]].concat();
            call.arg(&key[..]).arg(due_at_ms).arg(packed);
        }
        Change::Remove { key } => {
            call.arg(&key[..]).arg("").arg("");
        }
    }
}

pub(super) fn decode(answer: Value) -> Result<StoreReply, LinkFailure> {
    let Value::Array(items) = answer else { return Err(LinkFailure::Answer("no array")) };
    let mut items = items.into_iter();
    let verdict = text(items.next()).ok_or(LinkFailure::Answer("no verdict"))?;
    let reply = match &verdict[..] {
        b"mismatch" => Some(StoreReply::Mismatch),
        b"too_old" => Some(StoreReply::TooOld),
        b"marked" => Some(StoreReply::Marked),
        b"taken_over" => taken_over(&mut items),
        b"applied" => applied(&mut items),
        b"picked" => picked(&mut items),
        _ => return Err(LinkFailure::Answer("unknown verdict")),
    };
    reply.ok_or(LinkFailure::Answer("malformed details"))
}

type Items = std::vec::IntoIter<Value>;

fn taken_over(items: &mut Items) -> Option<StoreReply> {
    Some(StoreReply::TakenOver { applied: number(items.next())?, as_of_ms: number(items.next())? })
}

fn applied(items: &mut Items) -> Option<StoreReply> {
    let Some(Value::Int(pending)) = items.next() else { return None };
    Some(StoreReply::Applied { pending: usize::try_from(pending).ok()? })
}

fn picked(items: &mut Items) -> Option<StoreReply> {
    let mut all = Vec::with_capacity(items.len() / 2);
    while let Some(key) = items.next() {
        let (key, mut value) = (text(Some(key))?, text(items.next())?);
        let due: [u8; DUE_BYTES] = value.get(..DUE_BYTES)?.try_into().ok()?;
        let value = value.split_off(DUE_BYTES);
        all.push(Picked { key, due_at_ms: i64::from_be_bytes(due), value });
    }
    Some(StoreReply::Picked(all))
}

fn text(item: Option<Value>) -> Option<Bytes> {
    match item {
        Some(Value::BulkString(bytes)) => Some(bytes.into()),
        _ => None,
    }
}

fn number(item: Option<Value>) -> Option<i64> {
    std::str::from_utf8(&text(item)?).ok()?.parse().ok()
}
