//! Why a recording or a capture cannot be used.

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// No JSON, or JSON of another form.
    #[error("it is no HAR file: {0}")]
    NotHar(String),
    /// A text in it is larger than anything that WS-Management carries.
    #[error("it holds a text of more than {limit} MiB, which no WS-Management message is; it is not read further")]
    TextTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The whole is larger than what is kept in memory.
    #[error("it holds more than {limit} MiB of messages, more than are kept in memory")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// A HAR file without any message of WS-Management.
    #[error("it holds no WS-Management message")]
    NoMessage,
    /// A file that exists and is no recording: it is not overwritten.
    #[error("it exists and is no recording, so it is not overwritten")]
    NotOurs,
    /// Neither pcap nor pcapng, or damaged.
    #[error("it is no packet capture that can be read: {0}")]
    NotACapture(String),
}
