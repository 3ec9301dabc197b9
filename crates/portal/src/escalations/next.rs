//! `GET /portal/escalations/next`: on to another one that waits for somebody.

use axum::response::{IntoResponse as _, Redirect, Response};

use super::model::Escalations;
use super::row::href;
use crate::rest::{Refused, path_with};
use crate::viewer::Viewing;

pub async fn next(Viewing(viewer): Viewing) -> Result<Response, Refused> {
    let path = path_with(&["escalations"], &[("state", "open"), ("limit", "1")]);
    let open = viewer.rest.get::<Escalations>(&path).await?;
    Ok(Redirect::to(&place(&open)).into_response())
}

/// The list says when there is none.
fn place(open: &Escalations) -> String {
    open.escalations.first().map_or_else(|| format!("{}/escalations", crate::BASE), |first| href(&first.id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::row::tests::escalation;
    use super::*;

    #[test]
    fn the_first_open_one_comes_next_and_after_the_last_the_list() {
        let of = |escalations| Escalations { escalations, next: None, total: None, total_is_at_least: false };
        assert_eq!(place(&of(vec![escalation(&json!({"id": "msg_9"}))])), "/portal/escalations/msg_9");
        assert_eq!(place(&of(Vec::new())), "/portal/escalations");
    }
}
