//! A page of a redelivery of many.

use aerogram_domain::credentials::Subscriber;
use aerogram_domain::history::Status;
use aerogram_domain::repair::{TaskId, room};
use aerogram_projection::{DeliveryCursor, DeliveryQuery};
use aerogram_wire::v1::{Redeliver, Task, TaskProgress};

use super::carry_out::Step;
use crate::repair::NotNow;
use crate::rest::Api;
use crate::submit::now_ms;

/// Rows of a page.
const PAGE: usize = 200;
/// What waits is counted so far.
const COUNTED_BEYOND: u64 = 1;

/// What the list is asked for.
pub fn query(task: &Task, redeliver: &Redeliver, now_ms: i64, history_since_ms: i64) -> DeliveryQuery {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let until_ms = if redeliver.issued_until_ms == 0 { now_ms } else { redeliver.issued_until_ms };
    DeliveryQuery {
        partner: task.scope.as_ref().map(|scope| scope.partner.clone()),
        operator: task.scope.as_ref().map(|scope| scope.operator.clone()),
        statuses: redeliver.statuses.iter().filter_map(|name| Status::parse(name)).collect(),
        subscription_id: given(&redeliver.subscription_id),
        event_type: given(&redeliver.event_type),
        subject: given(&redeliver.subject),
        issued_from_ms: Some(redeliver.issued_from_ms).filter(|from| *from != 0),
        issued_until_ms: Some(until_ms),
        // What comes while it goes on is not among it.
        ascending: true,
        limit: PAGE,
        not_before_ms: history_since_ms,
        ..DeliveryQuery::default()
    }
}

/// The next page.
pub(super) async fn step(
    api: &Api,
    id: &TaskId,
    task: &Task,
    redeliver: &Redeliver,
    subscriber: Option<&Subscriber>,
    at_most: usize,
) -> Result<Step, NotNow> {
    let before = task.progress.clone().unwrap_or_default();
    let after = match before.cursor.as_str() {
        "" => None,
        text => match text.parse::<DeliveryCursor>() {
            Ok(after) => Some(after),
            Err(error) => return Ok(Step::Failed(format!("it cannot be gone on with: {error}"))),
        },
    };
    api.history_is_up_to_date().await?;
    api.escalations_are_up_to_date().await?;
    api.subscriptions_are_up_to_date().await?;
    let limit = room(waiting(api, task).await?, api.settings.task_waiting_max, PAGE.min(at_most));
    if limit == 0 {
        return Ok(Step::NoRoom);
    }
    let history_since_ms = api.history.since_ms(now_ms());
    let query = query(task, redeliver, task.created_at_ms, history_since_ms);
    let page = api.history.projection.deliveries(DeliveryQuery { after, limit, ..query }).await?;
    let Some(sent) = api.send_again(id, task, &page.rows, subscriber).await? else {
        return Ok(Step::NoRoom);
    };
    let progress = TaskProgress {
        seen: before.seen + page.rows.len() as u64,
        sent: before.sent + sent.sent,
        left_out: before.left_out + sent.left_out,
        cursor: page.next.map(|next| next.to_string()).unwrap_or_default(),
        next_offsets: Vec::new(),
    };
    Ok(if page.next.is_some() { Step::On(progress) } else { Step::Done(progress) })
}

/// How many of its runs have not ended, counted a little further than may be: they are those that were issued when it was asked
/// for.
pub async fn waiting(api: &Api, task: &Task) -> Result<u64, NotNow> {
    let query = DeliveryQuery {
        partner: task.scope.as_ref().map(|scope| scope.partner.clone()),
        operator: task.scope.as_ref().map(|scope| scope.operator.clone()),
        statuses: Status::ALL.into_iter().filter(|status| !status.is_final()).collect(),
        issued_from_ms: Some(task.created_at_ms),
        issued_until_ms: Some(task.created_at_ms + 1),
        ..DeliveryQuery::default()
    };
    let at_most = api.settings.task_waiting_max.saturating_add(COUNTED_BEYOND);
    Ok(api.history.projection.count_deliveries(query, at_most).await?)
}
