//! The two byte streams of a TCP connection, put in order from segments that may be lost, doubled or swapped.

use std::collections::BTreeMap;

use super::packet::Segment;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Sequence number of the first byte.
    first: Option<u32>,
    /// Sequence number of the next byte due.
    next: Option<u32>,
    /// Bytes that came early, by their distance from the first byte of the connection.
    early: BTreeMap<u64, Vec<u8>>,
    /// Bytes given out so far.
    position: u64,
    waiting: usize,
}

/// The capture lacks a part of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap;

impl Stream {
    /// Takes a segment and gives out what is now in order.
    pub(super) fn take(&mut self, segment: &Segment<'_>) -> Result<Vec<u8>, Gap> {
        // A SYN counts as one byte before the first.
        let start = segment.sequence.wrapping_add(u32::from(segment.syn));
        self.first.get_or_insert(start);
        let next = *self.next.get_or_insert(start);
        // Signed distance from what is due, around the end of the numbers.
        let ahead = i64::from(start.wrapping_sub(next).cast_signed());
        let payload = match u64::try_from(ahead) {
            Ok(_) => segment.payload,
            // Seen before, at least in part.
            Err(_) => segment.payload.get(usize::try_from(-ahead).unwrap_or(usize::MAX)..).unwrap_or_default(),
        };
        if payload.is_empty() {
            return Ok(Vec::new());
        }
        let ahead = u64::try_from(ahead).unwrap_or(0);
        let place = self.early.entry(self.position.saturating_add(ahead)).or_default();
        if payload.len() > place.len() {
            self.waiting = self.waiting.saturating_add(payload.len() - place.len());
            *place = payload.to_vec();
        }
        let mut ready = Vec::new();
        while let Some(entry) = self.early.first_entry().filter(|entry| *entry.key() <= self.position) {
            let (at, bytes) = entry.remove_entry();
            self.waiting = self.waiting.saturating_sub(bytes.len());
            let known = usize::try_from(self.position.saturating_sub(at)).unwrap_or(usize::MAX);
            let fresh = bytes.get(known..).unwrap_or_default();
            self.position = self.position.saturating_add(u64::try_from(fresh.len()).unwrap_or(0));
            ready.extend_from_slice(fresh);
        }
        let advanced = u32::try_from(ready.len()).unwrap_or(0);
        self.next = Some(next.wrapping_add(advanced));
        // No sender has more than a window of bytes under way.
        if self.waiting > WINDOW { Err(Gap) } else { Ok(ready) }
    }

    /// Whether this SYN is the one that it began with.
    pub(super) fn begins_with(&self, syn: &Segment<'_>) -> bool {
        self.first == Some(syn.sequence.wrapping_add(1))
    }

    /// Whether bytes wait for others that never came.
    pub(super) fn has_gap(&self) -> bool {
        !self.early.is_empty()
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.waiting
    }
}

const WINDOW: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(sequence: u32, payload: &[u8]) -> Segment<'_> {
        let address = "127.0.0.1:1".parse().unwrap();
        Segment { from: address, to: address, sequence, syn: false, ack: true, ends: false, payload }
    }

    #[test]
    fn order_is_restored_around_the_end_of_the_numbers() {
        let mut stream = Stream::default();
        let syn = Segment { syn: true, ..segment(u32::MAX - 2, b"") };
        assert_eq!(stream.take(&syn), Ok(Vec::new()));
        assert_eq!(stream.take(&segment(3, b"fgh")), Ok(Vec::new()));
        assert!(stream.has_gap());
        assert_eq!(stream.take(&segment(u32::MAX - 1, b"abc")), Ok(b"abc".to_vec()));
        assert_eq!(stream.take(&segment(u32::MAX - 1, b"abcde")), Ok(b"defgh".to_vec()));
        assert_eq!(stream.take(&segment(0, b"c")), Ok(Vec::new()));
        assert!(!stream.has_gap() && stream.held() == 0);
    }

    #[test]
    fn more_than_a_window_is_a_gap() {
        let mut stream = Stream::default();
        stream.take(&segment(0, b"a")).unwrap();
        let piece = vec![0; 1 << 20];
        let taken: Vec<_> = (0..12_u32).map(|n| stream.take(&segment(2 + (n << 20), &piece)).is_err()).collect();
        assert_eq!(taken.iter().position(|gap| *gap), Some(8));
    }

    proptest! {
        #[test]
        fn any_order_with_repeats_gives_the_text(order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(), start: u32, again in 0..12_usize) {
            let text: Vec<u8> = (0..60).collect();
            let mut stream = Stream::default();
            stream.take(&Segment { syn: true, ..segment(start, b"") }).unwrap();
            let mut got = Vec::new();
            for n in order.iter().copied().chain([again]) {
                let at = u32::try_from(n * 5).unwrap();
                // Each overlaps its follower.
                let payload = &text[n * 5..(n * 5 + 8).min(60)];
                got.extend(stream.take(&segment(start.wrapping_add(1 + at), payload)).unwrap());
            }
            prop_assert_eq!(got, text);
        }
    }
}
