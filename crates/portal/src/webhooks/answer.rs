//! `GET /portal/webhooks`: a page, or the part of it that changes; `GET /portal/webhooks/download`: all that fits, for Excel.

use std::sync::Arc;

use askama::Template;
use axum::extract::Query;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::asked::Asked;
use super::row::Listed;
use super::said;
use super::show::{OfThePage, View};
use super::{excel, row};
use crate::error::{Words, in_a_while, words};
use crate::frame::{Frame, html};
use crate::model::EventTypes;
use crate::rest::{Refused, aside, path_with};
use crate::viewer::{Viewer, Viewing};
use crate::zone::When;

/// Has htmx show this address instead of the one that it asked.
const PUSH_URL: HeaderName = HeaderName::from_static("hx-push-url");
/// What they send stays where it is: it may be all there is to a list.
const WITHOUT_BODIES: (&str, &str) = ("omit", "httpRequest");
/// Of `include`.
const LAST_DELIVERY: &str = "lastDelivery";
/// What a download is, for browsers.
const SPREADSHEET: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage<'a> {
    frame: Frame,
    view: &'a View,
    said: Option<&'static str>,
}

/// The table with its head, when order or columns change.
#[derive(Template)]
#[template(path = "webhooks-results.html")]
struct Results<'a> {
    view: &'a View,
}

/// When a filter changes.
#[derive(Template)]
#[template(path = "webhooks-rows.html")]
struct Rows<'a> {
    view: &'a View,
}

#[derive(Template)]
#[template(path = "webhooks-error.html")]
struct Unread {
    frame: Frame,
    error: ListError,
}

/// Why there is no list, to be read in its place.
struct ListError {
    words: Words,
    asked_at: When,
    again: String,
}

type Given = Query<Vec<(String, String)>>;

pub async fn list(Viewing(viewer): Viewing, Query(given): Given) -> Result<Response, Refused> {
    let said = said::done(&given);
    let asked = Asked::of(given);
    let href = asked.list.address.href();
    if asked.is_untidy && !viewer.wants_part {
        // A form says what it leaves empty as well; what stands in the address then is no view to share.
        return Ok(Redirect::to(&href).into_response());
    }
    let mut response = match view(&viewer, asked).await {
        Ok(view) => shown(&viewer, &view, said),
        Err(Refused::Unavailable(why)) if !viewer.wants_part => {
            return Ok(unread(&viewer, &Refused::Unavailable(why), href));
        }
        Err(refused) => return Err(refused),
    };
    if viewer.wants_part
        && let Ok(href) = HeaderValue::from_str(&href)
    {
        response.headers_mut().insert(PUSH_URL, href);
    }
    Ok(response)
}

fn shown(viewer: &Arc<Viewer>, view: &View, said: Option<&'static str>) -> Response {
    match viewer.target.as_deref() {
        Some("rows") if viewer.wants_part => html(StatusCode::OK, &Rows { view }),
        Some("results") if viewer.wants_part => html(StatusCode::OK, &Results { view }),
        _ => {
            let frame = Frame::new(viewer, "webhooks", "Webhooks");
            html(StatusCode::OK, &WebhooksPage { frame, view, said })
        }
    }
}

/// Within the page, since the same view can be read in a moment.
fn unread(viewer: &Arc<Viewer>, refused: &Refused, again: String) -> Response {
    let words = Words { title: "The list cannot be read right now", ..words(refused) };
    let (status, retry_after_s) = (words.status, words.retry_after_s);
    let error = ListError { words, asked_at: viewer.zone.clock(viewer.now), again };
    let page = html(status, &Unread { frame: Frame::new(viewer, "webhooks", "Webhooks"), error });
    in_a_while(page, retry_after_s)
}

/// All webhooks, the oldest first, and what their types are called.
async fn read(viewer: &Viewer, asked: &Asked) -> Result<(Vec<Listed>, EventTypes), Refused> {
    let listed = async {
        match asked.needs_last() {
            true => {
                let with_last = [WITHOUT_BODIES, ("include", LAST_DELIVERY)];
                viewer.rest.slow_whole(&path_with(&["subscriptions"], &with_last)).await
            }
            false => viewer.rest.whole(&path_with(&["subscriptions"], &[WITHOUT_BODIES])).await,
        }
    };
    tokio::try_join!(listed, viewer.rest.get("/event-types"))
}

async fn view(viewer: &Arc<Viewer>, asked: Asked) -> Result<View, Refused> {
    let (listed, types) = read(viewer, &asked).await?;
    let of = Arc::clone(viewer);
    let mut view = aside(move || {
        let page = OfThePage {
            operator: &of.me.operator,
            contracts: &of.me.contracts,
            may_write: of.may_write(),
            zone: &of.zone,
            now: of.now,
        };
        View::of(&row::numbered(listed, &types, of.now), &types, asked, &page)
    })
    .await?;
    // Looking them up costs more than all the rest, so it is done for those that are seen.
    let ids = view.lacks_last_of().join(",");
    if !ids.is_empty() {
        let drawn = [WITHOUT_BODIES, ("include", LAST_DELIVERY), ("id", &ids)];
        let listed: Vec<Listed> = viewer.rest.get(&path_with(&["subscriptions"], &drawn)).await?;
        view.tell_last(&listed, &viewer.zone);
    }
    Ok(view)
}

pub async fn download(Viewing(viewer): Viewing, Query(given): Given) -> Result<Response, Refused> {
    let asked = Asked::of(given);
    let (listed, types) = read(&viewer, &asked).await?;
    let now = viewer.now;
    let made = aside(move || excel::workbook(&asked.pick(&row::numbered(listed, &types, now), now))).await?;
    let made = made.map_err(|error| Refused::broken(format!("a spreadsheet cannot be written: {error}")))?;
    let named = format!("attachment; filename=\"{}\"", excel::name(&viewer.zone, now));
    let headers = [
        (CONTENT_TYPE, SPREADSHEET.to_owned()),
        (CONTENT_DISPOSITION, named),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, made).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use crate::webhooks::testing::{asked, last, row, types, view};

    const HOSTILE: &str = "https://a.example/\"><script>alert(1)</script><b>'{{7*7}}\u{202e}=1+1";

    fn listed(id: &str) -> serde_json::Value {
        serde_json::json!({"id": id, "event": "OrderDisrupted", "callbackUrl": "https://a.example/", "status": "ACTIVE",
            "lastDelivery": {"id": "msg_1", "status": "DELIVERED", "issuedAtDateTime": "2026-11-20T10:00:00.000Z"}})
    }

    #[tokio::test]
    async fn newest_deliveries_are_looked_up_of_those_that_are_seen() {
        const ALL: &str = "GET /subscriptions?omit=httpRequest";
        let all = || (0..60).map(|n| listed(&format!("w{n}"))).collect::<Vec<_>>();
        let world = || World::of(vec![("GET /subscriptions", 200, serde_json::json!(all()))]);

        let plain = world();
        plain.get("/portal/webhooks").await;
        assert!(plain.was_asked(ALL) && !plain.was_asked(&format!("{ALL}&include=lastDelivery")));

        let seen = world();
        let page = seen.get("/portal/webhooks?columns=last&page=2").await.page;
        let ids = (50..60).map(|n| format!("w{n}")).collect::<Vec<_>>().join("%2C");
        assert!(seen.was_asked(ALL) && seen.was_asked(&format!("{ALL}&include=lastDelivery&id={ids}")));
        assert_eq!(page.matches("/portal/deliveries/msg_1").count(), 10, "{page}");

        let sorted = world();
        sorted.get("/portal/webhooks?columns=last&sort=last").await;
        assert!(sorted.was_asked(&format!("{ALL}&include=lastDelivery")) && !sorted.was_asked(ALL));
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_read_says_so_in_its_page_or_above_what_was_there() {
        let detail = serde_json::json!({"detail": "history is still being read"});
        let world = World::of(vec![("GET /subscriptions", 503, detail)]);
        let whole = world.get("/portal/webhooks?url=x").await;
        assert_eq!(whole.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            whole.page.contains("The list cannot be read") && whole.page.contains("?url=x\">Try again"),
            "{}",
            whole.page
        );
        let part = world.part("/portal/webhooks?url=x", "rows").await;
        assert!(
            part.status == StatusCode::OK && part.page.starts_with("<div class=\"say bad\""),
            "{}",
            part.page
        );
    }

    #[test]
    fn text_of_others_is_text() {
        let mut rows = [row(1, HOSTILE), row(2, "https://b.example/")];
        rows[0].title = HOSTILE.into();
        rows[0].of.event = HOSTILE.to_owned();
        rows[0].of.contract_id = Some(HOSTILE.to_owned());
        rows[0].of.status = "INACTIVE".to_owned();
        rows[0].of.status_reason = Some(HOSTILE.to_owned());
        rows[1].of.last_delivery = Some(last(HOSTILE, "2026-11-21T09:00:00Z"));
        let hostile: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
        for filter in ["no", "url", "type", "contract"] {
            let query = format!("{filter}={hostile}&columns=contract&columns=expires&columns=last");
            let filtered = Results { view: &view(&rows, &types(), asked(&query)) }.render().unwrap();
            let all = Rows { view: &view(&rows, &types(), asked("columns=contract&columns=last")) };
            for drawn in [filtered, all.render().unwrap()] {
                assert!(!drawn.contains("<script") && !drawn.contains("<b>"), "{drawn}");
                assert!(!drawn.contains("\"&#62;&#60;"), "{drawn}");
            }
        }
    }

    #[test]
    fn an_answer_with_rows_brings_all_that_changes_with_them() {
        let rows = [row(1, "https://a.example/x"), row(2, "https://b.example/")];
        let drawn = Rows { view: &view(&rows, &types(), asked("url=/x&columns=expires")) }.render().unwrap();
        assert_eq!(drawn.matches("data-label=\"No\"").count(), 1);
        let download = "<a class=\"button\" id=\"download\" href=\"/portal/webhooks/download?url=%2Fx\" hx-swap-oob=\"true\">";
        for part in [
            "<p hx-swap-oob=\"innerHTML:#count\">Showing 1 of 2 webhooks. <a href=\"/portal/webhooks?columns=expires\">",
            "<span hx-swap-oob=\"innerHTML:#finder-set\"> (1 set)</span>",
            "<tr role=\"row\" id=\"heads\" hx-swap-oob=\"true\">",
            "href=\"/portal/webhooks?url=%2Fx&#38;columns=expires&#38;sort=url\"",
            "<span>1 to 1 of 1</span>",
            download,
        ] {
            assert!(drawn.contains(part), "{part} is not in {drawn}");
        }
        let none = Rows { view: &view(&rows, &types(), asked("url=zzz")) }.render().unwrap();
        for part in [
            "No webhook fits these filters",
            "There are 2 without them.",
            "hx-swap-oob=\"true\" hidden></nav>",
        ] {
            assert!(none.contains(part), "{part} is not in {none}");
        }
    }

    #[test]
    fn columns_are_those_that_are_asked_for() {
        let rows = [row(1, "https://a.example/")];
        let heads = |query: &str| {
            let drawn = Results { view: &view(&rows, &types(), asked(query)) }.render().unwrap();
            let titles = drawn.split("class=\"sort\"").skip(1);
            let titles = titles.filter_map(|rest| rest.split_once('>')?.1.split_once('<'));
            titles.map(|(title, _)| title.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(heads(""), ["No", "URL", "Event Type", "Status", "Actions"]);
        let more = heads("columns=last&columns=contract");
        assert_eq!(more, ["No", "URL", "Event Type", "Status", "Actions", "Contract", "Last delivery"]);
    }

    #[test]
    fn who_may_only_look_is_offered_nothing_else() {
        let drawn = |may_write| {
            let mut view = view(&[row(1, "https://a.example/")], &types(), asked(""));
            view.may_write = may_write;
            Rows { view: &view }.render().unwrap()
        };
        assert!(
            drawn(true).contains("href=\"/portal/webhooks/w-1/edit\">Edit<span class=\"vh\"> webhook 1, ")
        );
        assert!(!drawn(false).contains("/edit") && drawn(false).contains("Look only"));
    }
}
