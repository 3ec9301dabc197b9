//! Sending it again, or letting it be.

use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde_json::{Value, json};

use super::model::Escalation;
use super::row::href;
use super::show::{Field, Tried, again};
use crate::deliveries;
use crate::error::sentence;
use crate::filled::Filled;
use crate::rest::{Refused, path};
use crate::viewer::Viewing;

/// Field of both forms.
const WHY: &str = "why";

pub async fn redeliver(viewer: Viewing, Path(id): Path<String>, filled: Filled) -> Result<Response, Refused> {
    let why = filled.get(WHY).trim();
    let path_of = path(&["escalations", &id, "redeliveries"]);
    let Viewing(of) = &viewer;
    match of.rest.send(Method::POST, &path_of, Some(&body(why)), &[]).await {
        Ok(answer) => {
            let run =
                answer.read::<Escalation>()?.resolution.and_then(|resolution| resolution.redelivered_as);
            // For a moment it may be written down and not known yet.
            let there = match &run {
                Some(run) => of.rest.send(Method::GET, &path(&["deliveries", run]), None, &[]).await.is_ok(),
                None => false,
            };
            Ok(match run.filter(|_| there) {
                Some(run) => Redirect::to(&format!("{}?done=sent", deliveries::href(&run))),
                None => Redirect::to(&format!("{}?done=redelivered", href(&id))),
            }
            .into_response())
        }
        Err(refused) => {
            let (status, error, problem) = told(refused)?;
            let redeliver = Field { value: filled.get(WHY).to_owned(), error };
            again(&viewer, &id, Tried { redeliver, problem, ..Tried::default() }, status).await
        }
    }
}

pub async fn dismiss(viewer: Viewing, Path(id): Path<String>, filled: Filled) -> Result<Response, Refused> {
    let why = filled.get(WHY).trim();
    let path_of = path(&["escalations", &id, "dismissal"]);
    match viewer.0.rest.send(Method::POST, &path_of, Some(&body(why)), &[]).await {
        Ok(_) => Ok(Redirect::to(&format!("{}?done=dismissed", href(&id))).into_response()),
        Err(refused) => {
            let (status, error, problem) = told(refused)?;
            let dismiss = Field { value: filled.get(WHY).to_owned(), error };
            again(&viewer, &id, Tried { dismiss, problem, ..Tried::default() }, status).await
        }
    }
}

/// What is left empty is not said.
fn body(why: &str) -> Value {
    if why.is_empty() { json!({}) } else { json!({ "why": why }) }
}

/// What is wrong with the field, or with how things are.
fn told(refused: Refused) -> Result<(StatusCode, Option<String>, Option<String>), Refused> {
    let status = refused.status();
    match refused {
        Refused::Invalid { wrong, .. } if wrong.iter().any(|wrong| wrong.pointer == "/why") => {
            let why = wrong.into_iter().find(|wrong| wrong.pointer == "/why");
            let error = why.map(|wrong| sentence(wrong.detail.trim_start_matches("is required: ")));
            Ok((status, error, None))
        }
        Refused::Conflict(problem) => Ok((status, None, Some(sentence(&problem)))),
        refused => Err(refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::Wrong;

    #[test]
    fn what_is_wrong_is_told_where_it_can_be_put_right() {
        let wrong = |pointer: &str| Refused::Invalid {
            detail: "no".to_owned(),
            wrong: vec![Wrong {
                pointer: pointer.to_owned(),
                parameter: String::new(),
                detail: "is required: say why nothing more will be done".to_owned(),
            }],
        };
        let beside = told(wrong("/why")).unwrap();
        assert_eq!(
            (beside.0, beside.1.as_deref()),
            (StatusCode::BAD_REQUEST, Some("Say why nothing more will be done."))
        );
        assert_eq!(told(wrong("")).unwrap_err(), wrong(""));
        let (_, _, problem) = told(Refused::Conflict("it was sent again already".to_owned())).unwrap();
        assert_eq!(problem.as_deref(), Some("It was sent again already."));
        assert_eq!(told(Refused::NotFound).unwrap_err(), Refused::NotFound);
    }

    #[test]
    fn what_is_left_empty_is_not_said() {
        assert_eq!((body(""), body("it is over")), (json!({}), json!({"why": "it is over"})));
    }
}
