//! RC4, the stream cipher of NTLM sealing. Its state runs on over all messages of a direction.
use zeroize::Zeroize;

/// An RC4 key stream; wiped when dropped.
#[derive(Clone)]
pub(crate) struct Rc4 {
    state: [u8; 256],
    i: u8,
    j: u8,
}

#[expect(clippy::indexing_slicing, reason = "a u8 cannot miss a table of 256")]
impl Rc4 {
    /// Sets the key up. An empty key leaves the table in order, as nothing can be mixed in.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut rc4 = Self { state: [0; 256], i: 0, j: 0 };
        for (value, entry) in (0..=u8::MAX).zip(rc4.state.iter_mut()) {
            *entry = value;
        }
        let mut j = 0_u8;
        for (i, key_byte) in (0..=u8::MAX).zip(key.iter().cycle()) {
            j = j.wrapping_add(rc4.state[usize::from(i)]).wrapping_add(*key_byte);
            rc4.state.swap(usize::from(i), usize::from(j));
        }
        rc4
    }

    /// Enciphers or deciphers in place.
    pub(crate) fn apply(&mut self, data: &mut [u8]) {
        for byte in data {
            self.i = self.i.wrapping_add(1);
            let a = self.state[usize::from(self.i)];
            self.j = self.j.wrapping_add(a);
            let b = self.state[usize::from(self.j)];
            self.state.swap(usize::from(self.i), usize::from(self.j));
            *byte ^= self.state[usize::from(a.wrapping_add(b))];
        }
    }
}

impl Drop for Rc4 {
    fn drop(&mut self) {
        self.state.zeroize();
        self.i.zeroize();
        self.j.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_streams() {
        for (key, plain, cipher) in [
            ("Key", "Plaintext", &[0xbb, 0xf3, 0x16, 0xe8, 0xd9, 0x40, 0xaf, 0x0a, 0xd3][..]),
            ("Wiki", "pedia", &[0x10, 0x21, 0xbf, 0x04, 0x20]),
        ] {
            let mut data = plain.as_bytes().to_vec();
            Rc4::new(key.as_bytes()).apply(&mut data);
            assert_eq!(data, cipher);
        }
    }

    #[test]
    fn the_state_runs_on() {
        let mut whole = vec![0; 64];
        Rc4::new(b"Key").apply(&mut whole);
        let (mut pieces, mut rc4) = (vec![0; 64], Rc4::new(b"Key"));
        for piece in pieces.chunks_mut(7) {
            rc4.apply(piece);
        }
        assert_eq!(pieces, whole);
    }

    #[test]
    fn an_empty_key_does_not_panic() {
        Rc4::new(&[]).apply(&mut [0; 4]);
    }
}
