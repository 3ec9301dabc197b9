//! The style sheet, the scripts and the icon, all within the program; their addresses change with their content.

use std::sync::LazyLock;

use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

/// Addresses of what pages refer to.
#[derive(Clone, Debug)]
pub struct Assets {
    pub style: String,
    pub script: String,
    pub htmx: String,
    pub icon: String,
}

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const STYLE: Asset = Asset {
    name: "portal.css",
    kind: "text/css; charset=utf-8",
    bytes: include_bytes!("../static/portal.css"),
};
const SCRIPT: Asset = Asset {
    name: "portal.js",
    kind: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../static/portal.js"),
};
/// Of npm's htmx.org 2.0.11, `dist/htmx.min.js`; its licence stands beside it.
const HTMX: Asset = Asset {
    name: "htmx.js",
    kind: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../static/htmx-2.0.11.min.js"),
};
const ICON: Asset =
    Asset { name: "icon.svg", kind: "image/svg+xml", bytes: include_bytes!("../static/icon.svg") };

static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: STYLE.address(),
    script: SCRIPT.address(),
    htmx: HTMX.address(),
    icon: ICON.address(),
});

impl Assets {
    pub fn get() -> &'static Self {
        &ASSETS
    }
}

impl Asset {
    fn address(&self) -> String {
        let version = Sha256::digest(self.bytes).into_iter().take(6).map(|byte| format!("{byte:02x}"));
        format!("{}/static/{}?v={}", crate::BASE, self.name, version.collect::<String>())
    }
}

/// An asset by its name.
pub async fn serve(Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    let Assets { style, script, htmx, icon } = Assets::get();
    let mut all = [(STYLE, style), (SCRIPT, script), (HTMX, htmx), (ICON, icon)].into_iter();
    let Some((asset, address)) = all.find(|(asset, _)| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, kept(address, &query.unwrap_or_default()))];
    (headers, asset.bytes).into_response()
}

/// For how long it may be kept. While instances of two versions run, a page of one may ask the other, which has not what is
/// meant: that must not stay.
fn kept(address: &str, query: &str) -> &'static str {
    match address.ends_with(&format!("?{query}")) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_is_kept() {
        let address = &Assets::get().style;
        let (_, ours) = address.split_once('?').unwrap();
        assert!(kept(address, ours).contains("immutable"));
        for other in ["", "v=", "v=000000000000", &ours[1..], &format!("{ours}&x=1")] {
            assert_eq!(kept(address, other), "no-cache", "{other}");
        }
    }
}
