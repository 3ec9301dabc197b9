//! What could not be done, in the words of a page: what happened, and what to do next.

use std::sync::Arc;

use askama::Template;
use axum::extract::OriginalUri;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::assets::Assets;
use crate::frame::{Frame, html};
use crate::rest::Refused;
use crate::viewer::Viewer;

/// What a person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub status: StatusCode,
    pub title: &'static str,
    pub says: String,
    /// What to do.
    pub next: &'static str,
    /// Asking again may do.
    pub again: bool,
    /// In so many seconds.
    pub retry_after_s: Option<u64>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    words: Words,
}

/// For a part of a page, such as the rows of a list.
#[derive(Template)]
#[template(path = "error-part.html")]
struct ErrorPart<'a> {
    words: &'a Words,
}

#[derive(Template)]
#[template(path = "error-bare.html")]
struct Bare {
    assets: &'static Assets,
    words: Words,
}

/// A handler returns it as an error; [`crate::session::enter`] makes a page of it.
impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What is said of a refusal.
pub fn words(refused: &Refused) -> Words {
    let status = refused.status();
    let retry_after_s = refused.retry_after_s();
    let of = |title, says: &str, next, again| Words {
        status,
        title,
        says: sentence(says),
        next,
        again,
        retry_after_s,
    };
    match refused {
        Refused::Unauthenticated => {
            of("Your session has ended", "Its credentials do not count any more.", "Sign in again.", false)
        }
        Refused::Forbidden(why) => of(
            "Your token does not allow this",
            why,
            "Nothing was changed. Ask whoever runs Aerogram for a token that may do this, then sign in with it.",
            false,
        ),
        Refused::NotFound => of(
            "There is nothing at this address",
            "It may have been deleted, the address may be mistyped, or it belongs to another operator.",
            "",
            false,
        ),
        Refused::Gone(why) => of(
            "The log holds this no longer",
            why,
            "Nothing was changed. It is too old; what became of it still stands in the lists.",
            false,
        ),
        Refused::Invalid { detail, wrong } => {
            let all = wrong.iter().map(|wrong| {
                let of_what = if wrong.pointer.is_empty() { &wrong.parameter } else { &wrong.pointer };
                format!("{} {}", of_what.trim_start_matches('/'), wrong.detail)
            });
            let all = all.collect::<Vec<_>>().join("; ");
            of(
                "That cannot be",
                if all.is_empty() { detail } else { &all },
                "Nothing was changed. Go back and change it.",
                false,
            )
        }
        Refused::Conflict(why) => of("That cannot be as things are", why, "Nothing was changed.", false),
        Refused::Changed(_) => of(
            "Somebody changed this in the meantime",
            "Nothing of yours was saved.",
            "Look at how it is now, then change it again.",
            true,
        ),
        Refused::TooMany { .. } => {
            let seconds = retry_after_s.unwrap_or_default();
            of(
                "That was too fast",
                &format!("More was asked for than is allowed. It goes on in {seconds} seconds."),
                "",
                true,
            )
        }
        Refused::Unavailable(why) => of(
            "This cannot be read right now",
            why,
            "This is on our side. Deliveries go on meanwhile, and nothing is lost.",
            true,
        ),
        Refused::Broken(_) => of(
            "Something is wrong on our side",
            "Aerogram did not understand itself. It stands in its log.",
            "Try again. If that does not help, tell whoever runs Aerogram for you.",
            true,
        ),
    }
}

/// As one: a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let stop = if text.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), chars.as_str())
}

/// Within the page, or in place of the part that was asked for.
pub fn page(viewer: &Arc<Viewer>, refused: &Refused) -> Response {
    shown(viewer, words(refused))
}

fn shown(viewer: &Arc<Viewer>, words: Words) -> Response {
    match viewer.wants_part {
        // htmx puts only what succeeded into a page; and not in place of what was wanted, which stays as it was.
        true => {
            let place = [("hx-retarget", "#problem"), ("hx-reswap", "innerHTML"), ("hx-reselect", ".say")];
            (place, html(StatusCode::OK, &ErrorPart { words: &words })).into_response()
        }
        false => {
            let retry_after_s = words.retry_after_s;
            let page = html(words.status, &ErrorPage { frame: Frame::new(viewer, "", words.title), words });
            in_a_while(page, retry_after_s)
        }
    }
}

/// With how long to wait before asking again.
pub fn in_a_while(mut response: Response, seconds: Option<u64>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// When it is not known whose page it is.
pub fn without_frame(refused: &Refused) -> Response {
    bare(words(refused))
}

fn bare(words: Words) -> Response {
    let retry_after_s = words.retry_after_s;
    in_a_while(html(words.status, &Bare { assets: Assets::get(), words }), retry_after_s)
}

/// Nobody is asked who they are for what is not there.
pub async fn nothing_here(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    tracing::debug!(path = uri.path(), part = headers.contains_key("hx-request"), "there is no such page");
    without_frame(&Refused::NotFound)
}

/// Another site had the browser do it.
pub fn from_elsewhere() -> Response {
    bare(Words {
        status: StatusCode::FORBIDDEN,
        title: "This did not come from here",
        says: "Another site sent it, or a browser that does not say where it comes from.".to_owned(),
        next: "Nothing was done. Open the portal itself and do it there.",
        again: false,
        retry_after_s: None,
    })
}

/// It came over plain HTTP.
pub fn overheard() -> Response {
    bare(Words {
        status: StatusCode::FORBIDDEN,
        title: "This connection is not encrypted",
        says: "This page came over plain HTTP, so others on the way can read what you type and change what you see."
            .to_owned(),
        next: "Nothing was done. Open the portal with https:// in its address. If you have just sent a token this way, have \
               whoever runs Aerogram replace it.",
        again: false,
        retry_after_s: None,
    })
}

/// It was posted from a page of a session before, or by somebody else.
pub fn another_session(viewer: &Arc<Viewer>) -> Response {
    let words = Words {
        status: StatusCode::FORBIDDEN,
        title: "This page was of a session before",
        says: "You have signed in again since it was opened.".to_owned(),
        next: "Nothing was done. Open the page again and repeat it there.",
        again: true,
        retry_after_s: None,
    };
    shown(viewer, words)
}

/// From a page of a session before, or by somebody else, it was asked to sign out of this one.
pub fn still_signed_in() -> Response {
    bare(Words {
        status: StatusCode::FORBIDDEN,
        title: "You are still signed in",
        says: "This page was of a session before: you have signed in again since it was opened.".to_owned(),
        next: "Nothing was done. Open the portal and sign out there.",
        again: false,
        retry_after_s: None,
    })
}

/// What was posted is too long, too slow, or no form. It may not be known who posted it.
pub fn unreadable_form(viewer: Option<&Arc<Viewer>>, status: StatusCode) -> Response {
    let (title, says, next) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => (
            "That is too much",
            "The form is longer than any that can be saved.",
            "Go back and make it shorter, most of all its body. A browser may come back with an empty form: nothing of what you \
             typed was kept here.",
        ),
        StatusCode::REQUEST_TIMEOUT => {
            ("That took too long", "The form did not arrive in time.", "Go back and send it again.")
        }
        _ => (
            "That could not be read",
            "The form did not arrive whole, or is no form.",
            "Go back and send it again.",
        ),
    };
    let says = format!("{says} Nothing was done.");
    let words = Words { status, title, says, next, again: false, retry_after_s: None };
    match viewer {
        Some(viewer) => shown(viewer, words),
        None => bare(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_api_becomes_a_sentence() {
        assert_eq!(sentence("must begin with https://"), "Must begin with https://.");
        assert_eq!((sentence("É so!"), sentence("")), ("É so!".to_owned(), String::new()));
    }

    #[test]
    fn every_refusal_says_what_happened() {
        let all = [
            Refused::Unauthenticated,
            Refused::Forbidden("this needs the scope write".to_owned()),
            Refused::NotFound,
            Refused::Gone("the log does not hold it any more".to_owned()),
            Refused::Invalid { detail: "the query is not valid".to_owned(), wrong: Vec::new() },
            Refused::Conflict("it has expired".to_owned()),
            Refused::Changed(String::new()),
            Refused::TooMany { detail: String::new(), retry_after_s: Some(7) },
            Refused::Unavailable("history is still being read".to_owned()),
            Refused::Broken(String::new()),
        ];
        for refused in all {
            let words = words(&refused);
            assert!(!words.title.is_empty() && words.says.len() > 10, "{words:?}");
        }
    }
}
