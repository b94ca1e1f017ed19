//! GUIDs: new ones, random or repeating from run to run, and those that belong to a text.

/// Ids that are new each time: random, or repeating from run to run.
pub(super) struct Ids {
    state: u64,
}

impl Ids {
    pub(super) fn new(seed: Option<u64>) -> Ids {
        let random = || uuid::Uuid::new_v4().as_u64_pair().0;
        Ids { state: seed.unwrap_or_else(random) }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn guid(&mut self) -> String {
        guid_from(self.next(), self.next())
    }

    pub(super) fn message(&mut self) -> String {
        format!("uuid:{}", self.guid())
    }

    pub(super) fn context(&mut self) -> String {
        format!("uuid:{}", self.guid())
    }
}

/// A GUID that belongs to a text: the same one in every run, so that rehearsals can be compared.
pub(super) fn guid_of(text: &str) -> String {
    let hash = |salt: u64| {
        let start = 0xcbf2_9ce4_8422_2325 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    guid_from(hash(1), hash(2))
}

/// A GUID of version 4 from 128 bits, in upper case as Windows writes them.
fn guid_from(high: u64, low: u64) -> String {
    let bytes = uuid::Uuid::from_u64_pair(high, low).into_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().to_uppercase()
}
