//! Sizes and times of a conversation, in their only legal relation.

use std::time::Duration;

/// How large a reply and how many items we take.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// `w:MaxEnvelopeSize` in bytes: 512000 is the default of hosts since 2012; under 8192 is refused
    /// (MS-WSMV 3.1.4.1.7).
    pub max_envelope_size: u32,
    /// `n:MaxElements`; the host takes the smaller of this and its MaxBatchItems, 32000.
    pub max_elements: u32,
    /// Most pages in a row that bring nothing new: then the host stands still, however long it would go on.
    pub patience: u32,
    /// Most that is kept of one enumeration which is collected; one that is read page by page may be of any length.
    pub kept: Kept,
}

/// Most that is kept at one time of an enumeration: whichever comes first ends it.
///
/// The default is far above what a host of 1,024 VMs, the most there may be, answers to the queries asked here, and small
/// enough for a box with little memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// Bytes of memory that the pages take.
    pub bytes: usize,
    /// Instances and references.
    pub instances: usize,
    /// Pages.
    pub pages: u32,
}

impl Kept {
    /// So many mebibytes, and instances and pages in the proportions of the default.
    pub fn mebibytes(mebibytes: u32) -> Kept {
        let count = usize::try_from(mebibytes).unwrap_or(usize::MAX);
        Kept {
            bytes: count.saturating_mul(1 << 20),
            instances: count.saturating_mul(2_000),
            pages: mebibytes.saturating_mul(100),
        }
    }
}

impl Default for Kept {
    fn default() -> Self {
        Kept::mebibytes(128)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_envelope_size: 512_000, max_elements: 32_000, patience: 64, kept: Kept::default() }
    }
}

/// OperationTimeout and the wait for the reply: the second is always the larger one.
///
/// Windows clients add NetworkDelayms, 5 s (MS-WSMV 3.2.2); a client that waits only as long as the
/// host may work races with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    operation: Duration,
    network_delay: Duration,
}

impl Timeouts {
    /// OperationTimeout with the usual delay. At least one second; the host cuts it to its own MaxTimeoutms.
    pub fn new(operation: Duration) -> Self {
        Timeouts { operation: operation.max(Duration::from_secs(1)), network_delay: Duration::from_secs(5) }
    }

    /// Another allowance for the network; at least one millisecond.
    #[must_use]
    pub fn with_network_delay(self, network_delay: Duration) -> Self {
        Timeouts { network_delay: network_delay.max(Duration::from_millis(1)), ..self }
    }

    /// `w:OperationTimeout`.
    pub fn operation(&self) -> Duration {
        self.operation
    }

    /// How long to wait for a reply.
    pub fn reply(&self) -> Duration {
        self.operation.saturating_add(self.network_delay)
    }

    /// These timeouts cut to what remains until a deadline. The operation keeps room for its answer, so
    /// that operation < reply <= deadline holds, down to the least a host takes.
    #[must_use]
    pub fn within(&self, remaining: Option<Duration>) -> Timeouts {
        let Some(remaining) = remaining.filter(|remaining| *remaining < self.reply()) else { return *self };
        let network_delay = self.network_delay.min(remaining / 2).max(Duration::from_millis(1));
        Timeouts { operation: remaining.saturating_sub(network_delay).max(Duration::from_millis(1)), network_delay }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts::new(Duration::from_secs(60))
    }
}

/// A duration as `xs:duration` with milliseconds, the form of the specification's examples: `PT60.000S`.
pub(super) fn xs_duration(duration: Duration) -> String {
    format!("PT{}.{:03}S", duration.as_secs(), duration.subsec_millis())
}
