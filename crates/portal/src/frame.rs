//! What stands around every page.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::assets::Assets;
use crate::html::number;
use crate::viewer::Viewer;

/// The pages of the navigation: their names in addresses, and what people read.
pub const NAV: &[(&str, &str)] = &[
    ("webhooks", "Webhooks"),
    ("deliveries", "Deliveries"),
    ("escalations", "Escalations"),
    ("events", "Events"),
    ("catalogue", "Catalogue"),
];

/// Every template that extends `base.html` has one, named `frame`.
#[derive(Clone)]
pub struct Frame {
    pub title: String,
    /// One of [`NAV`], or nothing.
    pub here: &'static str,
    pub viewer: Arc<Viewer>,
    pub assets: &'static Assets,
}

impl Frame {
    pub fn new(viewer: &Arc<Viewer>, here: &'static str, title: impl Into<String>) -> Self {
        Self { title: title.into(), here, viewer: Arc::clone(viewer), assets: Assets::get() }
    }

    /// For the hidden field `csrf` of every form that is posted.
    pub fn csrf(&self) -> &str {
        self.viewer.csrf()
    }

    /// How many there are, if there are any and it is known.
    pub fn open_escalations(&self) -> Option<String> {
        let open = self.viewer.open_escalations.as_ref().filter(|open| open.total > 0)?;
        let more = if open.total_is_at_least { "+" } else { "" };
        Some(format!("{}{more}", number(open.total)))
    }
}

/// A page that was made of a template; nobody on the way keeps it.
pub struct Page<T>(pub T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        html(StatusCode::OK, &self.0)
    }
}

/// The same with another status.
pub fn html(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => {
            let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
            (status, headers, page).into_response()
        }
        Err(error) => {
            tracing::error!("a page could not be made: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
