//! The same for files that are read piece by piece.

use std::io::{self, Read};

use super::{Encoding, MARK, UTF8_MARK, unicode, unit_of};

/// Reads a text of any size as UTF-8, without a byte order mark: what [`super::read`] does in memory.
///
/// UTF-8 passes through as it is; whether it is valid is for who reads it. UTF-16 is decoded, and damaged UTF-16 ends
/// with an error of the kind [`io::ErrorKind::InvalidData`].
#[derive(Debug)]
pub struct Utf8Reader<R> {
    inner: R,
    encoding: Option<Encoding>,
    /// Read and not given out yet, in UTF-8.
    ready: Vec<u8>,
    given: usize,
    /// The first half of a pair of surrogates.
    half: Option<u16>,
    /// The first byte of a unit.
    byte: Option<u8>,
}

impl<R: Read> Utf8Reader<R> {
    /// Reads from anywhere.
    pub fn new(inner: R) -> Self {
        Utf8Reader { inner, encoding: None, ready: Vec::new(), given: 0, half: None, byte: None }
    }

    /// Looks at the beginning, and keeps what is text of it.
    fn begin(&mut self) -> io::Result<Encoding> {
        let mut head = Vec::with_capacity(4);
        self.inner.by_ref().take(4).read_to_end(&mut head)?;
        let encoding = unicode(&head).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.encoding = Some(encoding);
        match encoding {
            Encoding::Utf16Le | Encoding::Utf16Be => self.decode(&head, encoding)?,
            _ => self.ready.extend_from_slice(head.strip_prefix(UTF8_MARK).unwrap_or(&head)),
        }
        if self.ready.starts_with(UTF8_MARK) && encoding != Encoding::Utf8 {
            self.given = UTF8_MARK.len();
        }
        Ok(encoding)
    }

    fn decode(&mut self, bytes: &[u8], encoding: Encoding) -> io::Result<()> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "its UTF-16 is damaged");
        for byte in bytes {
            let Some(first) = self.byte.take() else {
                self.byte = Some(*byte);
                continue;
            };
            let unit = unit_of([first, *byte], encoding);
            let character = match self.half.take() {
                Some(half) => char::decode_utf16([half, unit]).next().and_then(Result::ok).ok_or_else(damaged)?,
                None if (0xd800..0xdc00).contains(&unit) => {
                    self.half = Some(unit);
                    continue;
                }
                None => char::from_u32(u32::from(unit)).ok_or_else(damaged)?,
            };
            self.ready.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => self.begin()?,
        };
        while self.given >= self.ready.len() {
            if encoding == Encoding::Utf8 {
                return self.inner.read(buffer);
            }
            (self.given, self.ready) = (0, Vec::new());
            let mut piece = [0; 8192];
            let read = self.inner.read(&mut piece)?;
            match (read, self.byte, self.half) {
                (0, None, None) => return Ok(0),
                (0, ..) => return Err(io::Error::new(io::ErrorKind::InvalidData, "its UTF-16 is cut off")),
                _ => self.decode(piece.get(..read).unwrap_or_default(), encoding)?,
            }
        }
        let rest = self.ready.get(self.given..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.given += count;
        Ok(count)
    }
}

const _: () = assert!(MARK.len_utf8() == UTF8_MARK.len());
