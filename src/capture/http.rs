//! HTTP/1.1 messages out of a byte stream that comes in pieces.

use std::time::Duration;

use crate::trace::read::LONGEST;

/// A request or a response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HttpMessage {
    /// `POST /wsman HTTP/1.1`, or `HTTP/1.1 200 OK`.
    pub(super) start_line: String,
    /// Headers in order, names as sent.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// When its first byte was seen.
    pub(super) begun: Duration,
    /// When its last byte was seen.
    pub(super) ended: Duration,
}

/// Why bytes give no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HttpError {
    /// They are something else.
    NotHttp,
    /// They are HTTP, and this stands in the way.
    Unusable(String),
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct HttpReader {
    buffer: Vec<u8>,
    begun: Option<Duration>,
    head: Option<(HttpMessage, Body)>,
}

#[derive(Debug, Clone, Copy)]
enum Body {
    Length(usize),
    Chunked,
    ToEnd,
}

impl HttpMessage {
    /// The first header of this name, without regard to case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every header of this name.
    pub(super) fn all<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The status of a response.
    pub(super) fn status(&self) -> Option<u16> {
        self.start_line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
    }
}

impl HttpReader {
    /// Takes bytes and gives out the messages that are whole.
    ///
    /// # Errors
    /// Why the stream is no HTTP, or none that can be read.
    pub(super) fn take(&mut self, bytes: &[u8], time: Duration) -> Result<Vec<HttpMessage>, HttpError> {
        if !bytes.is_empty() {
            self.begun.get_or_insert(time);
        }
        self.buffer.extend_from_slice(bytes);
        let mut whole = Vec::new();
        while let Some(mut message) = self.message()? {
            message.begun = self.begun.take().unwrap_or(time);
            message.ended = time;
            if !self.buffer.is_empty() {
                self.begun = Some(time);
            }
            // "100 Continue" is not the answer.
            if !message.status().is_some_and(|status| (100..200).contains(&status)) {
                whole.push(message);
            }
        }
        Ok(whole)
    }

    /// The connection has ended: what ends with it is whole.
    pub(super) fn end(&mut self, time: Duration) -> Option<HttpMessage> {
        match self.head.take() {
            Some((mut message, Body::ToEnd)) => {
                message.body = std::mem::take(&mut self.buffer);
                message.begun = self.begun.take().unwrap_or(time);
                message.ended = time;
                Some(message)
            }
            _ => None,
        }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    fn message(&mut self) -> Result<Option<HttpMessage>, HttpError> {
        if self.head.is_none() {
            let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") else {
                return match self.buffer.len() > LARGEST_HEAD {
                    true => Err(HttpError::NotHttp),
                    false => Ok(None),
                };
            };
            let rest = self.buffer.split_off(end + 4);
            let head = std::mem::replace(&mut self.buffer, rest);
            self.head = Some(read_head(&head)?);
        }
        let Some((_, body)) = &self.head else { return Ok(None) };
        let taken = match body {
            Body::Length(length) => (self.buffer.len() >= *length).then(|| {
                let rest = self.buffer.split_off(*length);
                std::mem::replace(&mut self.buffer, rest)
            }),
            Body::Chunked => self.chunks()?,
            Body::ToEnd => None,
        };
        if self.buffer.len() > LONGEST {
            return Err(too_large());
        }
        let Some(taken) = taken else { return Ok(None) };
        Ok(self.head.take().map(|(message, _)| HttpMessage { body: taken, ..message }))
    }

    /// A whole chunked body, taken off the buffer.
    fn chunks(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        let (mut body, mut rest) = (Vec::new(), self.buffer.as_slice());
        loop {
            let Some(end) = memchr::memmem::find(rest, b"\r\n") else { return Ok(None) };
            let (line, after) = rest.split_at_checked(end).unwrap_or_default();
            let digits = str::from_utf8(line).unwrap_or("").split(';').next().unwrap_or("").trim();
            let size = usize::from_str_radix(digits, 16)
                .map_err(|_| HttpError::Unusable("a chunk without a size".to_owned()))?;
            if size > LONGEST {
                return Err(too_large());
            }
            let after = after.get(2..).unwrap_or_default();
            if size == 0 {
                // Trailers, up to an empty line.
                let trailer = match after.starts_with(b"\r\n") {
                    true => Some(2),
                    false => memchr::memmem::find(after, b"\r\n\r\n").map(|at| at + 4),
                };
                let Some(trailer) = trailer else { return Ok(None) };
                self.buffer = after.get(trailer..).unwrap_or_default().to_vec();
                return Ok(Some(body));
            }
            let Some(data) = after.get(..size) else { return Ok(None) };
            let Some(next) = after.get(size + 2..) else { return Ok(None) };
            body.extend_from_slice(data);
            rest = next;
        }
    }
}

fn read_head(head: &[u8]) -> Result<(HttpMessage, Body), HttpError> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
    let start_line = lines.next().unwrap_or("").to_owned();
    let is_response = start_line.starts_with("HTTP/1.");
    let is_request = start_line.split(' ').nth(2).is_some_and(|version| version.starts_with("HTTP/1."));
    if !is_response && !is_request {
        return Err(HttpError::NotHttp);
    }
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    let message = HttpMessage { start_line, headers, ..HttpMessage::default() };
    let has_none = message.status().is_some_and(|status| matches!(status, 100..=199 | 204 | 304));
    let chunked =
        message.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    let length = message.header("content-length").map(str::parse::<usize>);
    let body = match (has_none, chunked, length) {
        (true, ..) => Body::Length(0),
        (false, true, _) => Body::Chunked,
        (false, false, Some(Ok(length))) if length <= LONGEST => Body::Length(length),
        (false, false, Some(Ok(_))) => return Err(too_large()),
        (false, false, Some(Err(_))) => return Err(HttpError::Unusable("a length that is no number".to_owned())),
        (false, false, None) if is_response => Body::ToEnd,
        (false, false, None) => Body::Length(0),
    };
    Ok((message, body))
}

fn too_large() -> HttpError {
    HttpError::Unusable(format!("a message of more than {} MiB, which no WS-Management message is", LONGEST >> 20))
}

const LARGEST_HEAD: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const TALK: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a\r\nx: b\r\n\r\nabc\
        HTTP/1.1 500 Bad\r\ntransfer-encoding: chunked\r\n\r\n4;x=y\r\nwiki\r\n5\r\npedia\r\n0\r\nT: r\r\n\r\n\
        HTTP/1.1 204 No\r\n\r\nHTTP/1.0 200 OK\r\n\r\nto the end";

    #[test]
    fn messages_come_out_whole_however_the_bytes_come() {
        for piece in [1, 2, 7, 50, 1000] {
            let mut reader = HttpReader::default();
            let mut found = Vec::new();
            for bytes in TALK.chunks(piece) {
                found.extend(reader.take(bytes, Duration::from_secs(1)).unwrap());
            }
            found.extend(reader.end(Duration::from_secs(2)));
            let shape: Vec<_> = found.iter().map(|m| (m.status().unwrap(), m.body.as_slice())).collect();
            assert_eq!(shape, [(200, &b"abc"[..]), (500, b"wikipedia"), (204, b""), (200, b"to the end")], "{piece}");
            assert_eq!(found[0].all("x").collect::<Vec<_>>(), ["a", "b"]);
        }
    }

    #[test]
    fn what_is_none_or_too_large_is_refused() {
        for bytes in [
            &b"SSH-2.0-x\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        ] {
            assert!(HttpReader::default().take(bytes, Duration::ZERO).is_err());
        }
        let mut reader = HttpReader::default();
        let endless = (0..100).find(|_| reader.take(&[b'a'; 4096], Duration::ZERO).is_err());
        assert_eq!(endless, Some(16));
    }
}
