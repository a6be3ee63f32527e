//! Bodies must arrive: a client that sends one byte now and then would hold a request and its memory for ever.
//!
//! A body has the time of the settings, and more for every byte that came: 16 KiB are worth a second. What is late ends
//! in a 408 where a handler reads it.

use crate::app::App;
use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Bytes that give a body one second more.
const BYTES_PER_SECOND: u64 = 16 * 1024;

/// Why a body that is late cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the request's body did not arrive in time")]
pub struct Late;

/// Gives every body its time.
pub async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let timeout = app.config.limits.request_timeout;
    next.run(request.map(|body| Body::new(Timed::new(body, timeout))))
        .await
}

/// Whether this is, or comes from, a body that was late.
pub fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<Late>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// How long a body may take of which so many bytes came.
fn allowed(timeout: Duration, bytes: u64) -> Duration {
    timeout + Duration::from_millis(bytes.saturating_mul(1_000) / BYTES_PER_SECOND)
}

struct Timed {
    body: Body,
    start: Instant,
    timeout: Duration,
    bytes: u64,
    timer: Pin<Box<Sleep>>,
}

impl Timed {
    fn new(body: Body, timeout: Duration) -> Timed {
        let start = Instant::now();
        Timed {
            body,
            start,
            timeout,
            bytes: 0,
            timer: Box::pin(tokio::time::sleep_until(start + timeout)),
        }
    }

    fn until(&self) -> Instant {
        self.start + allowed(self.timeout, self.bytes)
    }
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let timed = self.get_mut();
        match Pin::new(&mut timed.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                timed.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
                let until = timed.until();
                timed.timer.as_mut().reset(until);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => timed
                .timer
                .as_mut()
                .poll(cx)
                .map(|()| Some(Err(Late.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_gives_a_body_time() {
        let ten = Duration::from_secs(10);
        assert_eq!(allowed(ten, 0), ten);
        assert_eq!(allowed(ten, 32 * 1024).as_secs(), 12);
    }

    #[test]
    fn a_late_body_is_known_through_what_wraps_it() {
        let wrapped = axum::Error::new(axum::Error::new(Late));
        assert!(is_late(&wrapped) && !is_late(&std::fmt::Error));
    }
}
