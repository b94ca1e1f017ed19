//! HTTP responses: with a length, or in chunks.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use hyper::{Response, StatusCode};

use crate::simulator::scenario::{Dialect, Scenario};

/// The body of a response.
pub(super) struct Content {
    bytes: Option<Bytes>,
    /// Without a length HTTP/1.1 sends chunks.
    chunked: bool,
}

impl Body for Content {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let chunked = self.chunked;
        let next = self.bytes.take().filter(|bytes| !bytes.is_empty()).map(|mut bytes| {
            if chunked && bytes.len() > CHUNK {
                let rest = bytes.split_off(CHUNK);
                self.bytes = Some(rest);
            }
            Ok(Frame::data(bytes))
        });
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.as_ref().map_or(0, Bytes::len);
        match self.chunked && length > 0 {
            true => SizeHint::default(),
            false => SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX)),
        }
    }
}

/// Small enough that a reply of any size comes in several.
const CHUNK: usize = 1000;

/// A response with the headers that every response of the host has.
pub(super) fn response(
    scenario: &Scenario,
    status: u16,
    content_type: Option<&str>,
    body: Vec<u8>,
) -> Response<Content> {
    let content = Content { bytes: Some(Bytes::from(body)), chunked: scenario.http.chunked };
    let mut response = Response::new(content);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let server = match scenario.dialect {
        Dialect::Windows => "Microsoft-HTTPAPI/2.0",
        Dialect::Other => "simulated",
    };
    response.headers_mut().insert(SERVER, HeaderValue::from_static(server));
    if let Some(value) = content_type.and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    if scenario.http.close {
        response.headers_mut().insert(hyper::header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Adds a header whose value is known to be printable.
pub(super) fn with_header(mut response: Response<Content>, name: HeaderName, value: &str) -> Response<Content> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().append(name, value);
    }
    response
}
