//! Bodies of answers: one that is there as a whole, and such as nobody should send.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Interval, interval};

const DRIPS_EVERY: Duration = Duration::from_millis(50);
const ANNOUNCED_BYTES: u64 = 1_000;
static CHUNK: [u8; 16_384] = [b'x'; 16_384];
static BEGINNING: &[u8] = b"the beginning of an answer";

pub(super) enum AnswerBody {
    Whole(Full<Bytes>),
    Endless,
    Dripping(Interval),
    CutShort { begun: bool },
}

impl AnswerBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        AnswerBody::Whole(Full::new(bytes))
    }

    pub(super) fn dripping() -> Self {
        AnswerBody::Dripping(interval(DRIPS_EVERY))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let bytes = match self.get_mut() {
            AnswerBody::Whole(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                return Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})));
            }
            AnswerBody::Endless => &CHUNK,
            AnswerBody::Dripping(drips) => {
                ready!(drips.poll_tick(context));
                b"x".as_slice()
            }
            AnswerBody::CutShort { begun } if *begun => {
                return Poll::Ready(Some(Err(io::Error::other("told to break off"))));
            }
            AnswerBody::CutShort { begun } => {
                *begun = true;
                BEGINNING
            }
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, AnswerBody::Whole(body) if body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Whole(body) => body.size_hint(),
            AnswerBody::CutShort { .. } => SizeHint::with_exact(ANNOUNCED_BYTES),
            AnswerBody::Endless | AnswerBody::Dripping(_) => SizeHint::default(),
        }
    }
}
