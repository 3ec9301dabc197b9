//! A form arrives as a whole, in time and not too long, before anything is done with it: who sends one byte a minute holds no
//! place for long.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use crate::error;
use crate::viewer::Viewer;

/// How a form must arrive.
#[derive(Clone, Copy)]
pub struct Arrival {
    pub bytes_max: usize,
    pub within: Duration,
}

pub async fn arrive(State(arrival): State<Arrival>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let status = match timeout(arrival.within, Limited::new(body, arrival.bytes_max).collect()).await {
        Ok(Ok(form)) => {
            return next.run(Request::from_parts(parts, Body::from(form.to_bytes()))).await;
        }
        Ok(Err(refused)) if refused.is::<LengthLimitError>() => StatusCode::PAYLOAD_TOO_LARGE,
        Ok(Err(_)) => StatusCode::BAD_REQUEST,
        Err(_) => StatusCode::REQUEST_TIMEOUT,
    };
    error::unreadable_form(parts.extensions.get::<Arc<Viewer>>(), status)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::Router;
    use axum::body::Bytes;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use http_body_util::Empty;
    use tower::ServiceExt as _;

    use super::*;

    /// A body that never ends.
    fn endless() -> Body {
        Body::new(Empty::<Bytes>::new().with_trailers(pending()))
    }

    async fn answered(body: Body, within: Duration) -> (StatusCode, Bytes) {
        let echo = Router::new().route("/", post(async |body: Bytes| body));
        let echo = echo.layer(from_fn_with_state(Arrival { bytes_max: 8, within }, arrive));
        let response = echo.oneshot(Request::post("/").body(body).unwrap()).await.unwrap();
        (response.status(), response.into_body().collect().await.unwrap().to_bytes())
    }

    #[tokio::test]
    async fn a_form_arrives_whole_and_in_time_or_not_at_all() {
        let minute = Duration::from_secs(60);
        assert_eq!(answered(Body::from("12345678"), minute).await, (StatusCode::OK, "12345678".into()));
        assert_eq!(answered(Body::from("123456789"), minute).await.0, StatusCode::PAYLOAD_TOO_LARGE);
        let (status, page) = answered(endless(), Duration::from_millis(1)).await;
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
        assert!(String::from_utf8_lossy(&page).contains("did not arrive in time"));
    }
}
