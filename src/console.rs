//! The console: one page at the operator's door that shows what serves and lets an operator change it.
//!
//! Its files are part of the program and it uses nothing but the door's own calls, so it can do nothing that they do not
//! allow. It must never fetch anything from elsewhere, nor hold a secret beyond the tab that it was typed into.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::get;

/// A file of the page.
#[derive(Clone, Copy, Debug)]
struct Asset {
    path: &'static str,
    media_type: &'static str,
    text: &'static str,
}

/// Names a file beside this one, which the browser asks for under the same name.
macro_rules! asset {
    ($media_type:ident, $name:literal) => {
        Asset {
            path: concat!("/console/", $name),
            media_type: $media_type,
            text: include_str!(concat!("console/", $name)),
        }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Every file of the page.
const ASSETS: &[Asset] = &[
    Asset { path: "/", media_type: HTML, text: include_str!("console/index.html") },
    asset!(CSS, "console.css"),
    asset!(SVG, "icon.svg"),
    asset!(SCRIPT, "main.js"),
    asset!(SCRIPT, "actions.js"),
    asset!(SCRIPT, "chart.js"),
    asset!(SCRIPT, "clock.js"),
    asset!(SCRIPT, "combobox.js"),
    asset!(SCRIPT, "dialog.js"),
    asset!(SCRIPT, "dom.js"),
    asset!(SCRIPT, "door.js"),
    asset!(SCRIPT, "format.js"),
    asset!(SCRIPT, "menu.js"),
    asset!(SCRIPT, "now.js"),
    asset!(SCRIPT, "releases.js"),
    asset!(SCRIPT, "session.js"),
    asset!(SCRIPT, "standing.js"),
    asset!(SCRIPT, "theme.js"),
    asset!(SCRIPT, "toast.js"),
    asset!(SCRIPT, "trial.js"),
    asset!(SCRIPT, "tryit.js"),
];

/// What every file is sent with. The page runs its own scripts and styles only, writes no markup from text, speaks to this
/// door only, and stands in no other page; and no browser keeps a page of an older program beside a newer one.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The page and its files, for a router of any state.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let add = |router: Router<S>, asset: &Asset| {
        let Asset { path, media_type, text } = *asset;
        router.route(path, get(move || async move { (HEADERS, [(header::CONTENT_TYPE, media_type)], text) }))
    };
    ASSETS.iter().fold(Router::new(), add)
}
