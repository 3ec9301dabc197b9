//! One callback URL, under the profiles that allow only one: asked before a creation, made sure of after it, and moved for
//! all subscriptions together. Which of them is in whose way is decided in the domain.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aerogram_domain::commands::decide;
use aerogram_domain::subscription::one_url::{AS_CREATED, Place, SETTLED_AFTER_MS, Verdict};
use aerogram_domain::subscription_request::{CreateRequest, PatchRequest};
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::command_result::Outcome;
use aerogram_wire::v1::{Command, CommandResult, Delete, Refusal, Subscription, Update};
use axum::http::StatusCode;
use tokio::time::{sleep, timeout};

use super::auth::Caller;
use super::problem::Problem;
use super::{Api, answer};
use crate::submit::now_ms;

/// How long a creation waits for a later one to go. One that goes does so as soon as it is answered.
const WAITING_MAX: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often a move looks at what is left to move; more than three times because of another move or a creation meanwhile.
const ROUNDS_MAX: u32 = 10;

/// Refuses a creation with a second URL. A creation that was there before is answered as it was.
///
/// # Errors
/// 409 that names the first; 503 when that is not known.
pub async fn check(api: &Api, caller: &Caller, id: &str, request: &CreateRequest) -> Result<(), Problem> {
    let Some(place) = Place::new(request.profile, request.environment) else { return Ok(()) };
    let pair = pair(api, caller).await?;
    match place.conflict(&request.callback_url, &pair) {
        Some(first) if !pair.iter().any(|subscription| subscription.id == id) => Err(second(place, first)),
        _ => Ok(()),
    }
}

/// Makes sure that a creation did not pass [`check`] beside another one; else it is taken back, as long as it is as it was
/// created. For the request that created it, and for no other: only while that is not answered nobody counts on it.
///
/// # Errors
/// 409 when it was; 503 when that is not known.
pub async fn settle(api: &Api, caller: &Caller, id: &str, request: &CreateRequest) -> Result<(), Problem> {
    let Some(place) = Place::new(request.profile, request.environment) else { return Ok(()) };
    let begun = Instant::now();
    loop {
        let pair = pair(api, caller).await?;
        let other = match place.after_creation(id, &pair) {
            Verdict::Stays => return Ok(()),
            Verdict::Gone => return Err(gone()),
            Verdict::Waits(_) if begun.elapsed() < WAITING_MAX => {
                sleep(LOOK_AGAIN).await;
                continue;
            }
            Verdict::Waits(other) | Verdict::Goes(other) => other,
        };
        let result = api.change(caller, id, AS_CREATED, Change::Delete(Delete {})).await?;
        match refusal(&result) {
            None | Some(Refusal::NotFound) => return Err(second(place, &other)),
            // Changed meanwhile: the next look finds it so, and it stays.
            Some(Refusal::VersionMismatch) => {}
            Some(_) => return Err(answer::applied(result).err().unwrap_or_else(gone)),
        }
    }
}

/// A repeat of a creation takes nothing back. It only waits for the request that created it, if that may not be answered yet,
/// so that both get the same answer.
///
/// # Errors
/// 409 when there is none any more; 503 when that is not known.
pub async fn repeated(api: &Api, caller: &Caller, id: &str, request: &CreateRequest) -> Result<(), Problem> {
    let Some(place) = Place::new(request.profile, request.environment) else { return Ok(()) };
    let begun = Instant::now();
    loop {
        let pair = pair(api, caller).await?;
        match place.after_repeat(id, &pair, now_ms()) {
            Verdict::Gone => return Err(gone()),
            Verdict::Waits(_) if begun.elapsed().as_millis() < SETTLED_AFTER_MS.unsigned_abs().into() => {
                sleep(LOOK_AGAIN).await;
            }
            Verdict::Stays | Verdict::Waits(_) | Verdict::Goes(_) => return Ok(()),
        }
    }
}

/// Before anything is changed: whether the caller may send elsewhere all that has to move along.
///
/// # Errors
/// 403; 503 when it is not known what has to move.
pub async fn may_move(
    api: &Api,
    caller: &Caller,
    named: &Subscription,
    request: &PatchRequest,
) -> Result<(), Problem> {
    let (Some(place), Some(url)) = (Place::of(named), &request.callback_url) else { return Ok(()) };
    let pair = pair(api, caller).await?;
    let others = place.to_move(url, &pair);
    let Some(other) = others.into_iter().find(|other| !caller.subscriber.may_subscribe(&other.event_type))
    else {
        return Ok(());
    };
    let (id, event) = (&other.id, &other.event_type);
    let detail = format!(
        "the subscription {id} has to move along, and the token is not entitled to its {event}; delete it first"
    );
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

/// Changes `named`, and gives the other subscriptions its new URL: first those, one after the other, and `named` at last, so
/// that what was interrupted is completed by the same again, also with its version. Answers with `named` as it is then.
///
/// # Errors
/// What the change of `named` would be refused for, before anything is changed; 409 when others keep changing them; 503 when it
/// takes longer than a request may, or is not known.
pub async fn change_and_move(
    api: &Api,
    caller: &Caller,
    named: &Subscription,
    expected_version: u64,
    update: Update,
) -> Result<Arc<Subscription>, Problem> {
    let (id, url) = (&named.id, update.callback_url.clone());
    let change = Change::Update(update);
    let Some(place) = Place::of(named) else {
        let result = api.change(caller, id, expected_version, change).await?;
        return Ok(Arc::new(answer::applied(result)?));
    };
    refused_at_once(caller, named, expected_version, &change)?;
    let moving = async {
        let mut changed = None;
        for _ in 0..ROUNDS_MAX {
            let pair = pair(api, caller).await?;
            let others = match &changed {
                None => place.to_move_before(id, &url, &pair),
                // Also itself, if another move has got it meanwhile.
                Some(_) => place.to_move(&url, &pair),
            };
            match changed.as_ref().filter(|_| others.is_empty()) {
                Some(changed) => {
                    let own = pair.iter().find(|subscription| subscription.id == *id);
                    return Ok(Arc::clone(own.unwrap_or(changed)));
                }
                None if others.is_empty() => {
                    let result = api.change(caller, id, expected_version, change.clone()).await?;
                    changed = Some(Arc::new(answer::applied(result)?));
                }
                None => {
                    for other in others {
                        move_one(api, caller, &other.id, &url).await?;
                    }
                }
            }
        }
        let detail = "others are changing callbackUrl of these subscriptions at the same time; look at them, and repeat \
                      the change";
        Err(Problem::new(StatusCode::CONFLICT, detail))
    };
    timeout(api.patience(), moving).await.unwrap_or_else(|_| {
        let detail =
            "not all subscriptions have got the new callbackUrl yet; repeat the change to move the rest";
        Err(Problem::unavailable(detail))
    })
}

/// Asked beforehand, because the change itself comes last: what cannot be done moves nothing.
fn refused_at_once(
    caller: &Caller,
    named: &Subscription,
    expected_version: u64,
    change: &Change,
) -> Result<(), Problem> {
    let (scope, actor) = (Some(caller.owner.scope()), caller.actor.clone());
    let command = Command { scope, expected_version, actor, change: Some(change.clone()) };
    answer::applied(decide(Some(named), &named.id, &command, now_ms()).to_result()).map(|_| ())
}

async fn move_one(api: &Api, caller: &Caller, id: &str, url: &str) -> Result<(), Problem> {
    let update = Update { callback_url: url.to_owned(), ..Update::default() };
    let result = api.change(caller, id, 0, Change::Update(update)).await?;
    match refusal(&result) {
        Some(Refusal::NotFound) => Ok(()),
        _ => answer::applied(result).map(|_| ()),
    }
}

/// All subscriptions of the caller's pair as they are now.
async fn pair(api: &Api, caller: &Caller) -> Result<Vec<Arc<Subscription>>, Problem> {
    api.caught_up(api.catch_up.all()).await?;
    Ok(api.table.list(&caller.owner))
}

fn refusal(result: &CommandResult) -> Option<Refusal> {
    match result.outcome {
        Some(Outcome::Applied(_)) => None,
        Some(Outcome::Refused(refusal)) => Some(Refusal::try_from(refusal).unwrap_or(Refusal::Unspecified)),
        None => Some(Refusal::Unspecified),
    }
}

fn second(place: Place, first: &Subscription) -> Problem {
    let (profile, environment) = (place.profile(), place.environment());
    let (id, url) = (&first.id, &first.callback_url);
    let detail = format!(
        "the profile {profile} allows one callbackUrl for {environment}, and the subscription {id} has {url}; create with \
         that one, or move all of them with a PATCH of callbackUrl of any of them"
    );
    Problem::new(StatusCode::CONFLICT, detail)
}

fn gone() -> Problem {
    let detail = "this subscription was created, and is deleted; use a new Idempotency-Key for another one";
    Problem::new(StatusCode::CONFLICT, detail)
}
