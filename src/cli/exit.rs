//! How a command ends: the one exit table.

use std::process::ExitCode;

/// The end of a command as a number for scripts. The same in every command and every version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done, and verified by reading the state back.
    Done,
    /// An internal error, which is a bug.
    Internal,
    /// The command line or the configuration is unusable.
    Usage,
    /// Refused before any change.
    Refused,
    /// The host refused, or its job failed.
    HostRefused,
    /// Sent, and no answer proves the outcome.
    Unknown,
    /// The host was not reached.
    NotReached,
    /// Not allowed.
    NotAllowed,
    /// The deadline passed while the job still runs on the host.
    Deadline,
    /// Interrupted by Ctrl-C or a signal.
    Interrupted,
}

impl Exit {
    /// Every end, in the order of its number.
    pub const ALL: [Exit; 10] = [
        Exit::Done,
        Exit::Internal,
        Exit::Usage,
        Exit::Refused,
        Exit::HostRefused,
        Exit::Unknown,
        Exit::NotReached,
        Exit::NotAllowed,
        Exit::Deadline,
        Exit::Interrupted,
    ];

    /// The exit status of the process.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Internal => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::HostRefused => 4,
            Exit::Unknown => 5,
            Exit::NotReached => 6,
            Exit::NotAllowed => 7,
            Exit::Deadline => 8,
            Exit::Interrupted => 130,
        }
    }

    /// What it means, in a line.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done, and verified by reading the state back",
            Exit::Internal => "internal error (a bug)",
            Exit::Usage => "usage or configuration",
            Exit::Refused => "refused before any change: a precondition does not hold, VM not found, name ambiguous",
            Exit::HostRefused => "the host refused or the job failed",
            Exit::Unknown => "state unknown: sent, and no answer proves the outcome; or a run half-way",
            Exit::NotReached => "not reached: DNS, connection, TLS",
            Exit::NotAllowed => "not allowed: authentication or authorisation",
            Exit::Deadline => "deadline passed while the job still runs on the host; `hvr job wait` follows it again",
            Exit::Interrupted => "interrupted",
        }
    }

    /// Whether the host may have been changed, in words.
    pub const fn changed(self) -> &'static str {
        match self {
            Exit::Done => "yes, as asked",
            Exit::Usage | Exit::Refused | Exit::NotReached | Exit::NotAllowed => "no",
            Exit::Unknown => "perhaps",
            Exit::Deadline => "yes",
            Exit::Internal | Exit::HostRefused | Exit::Interrupted => "the message says",
        }
    }

    /// The whole table as text, for the help.
    pub fn table() -> String {
        let lines = Exit::ALL.map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning()));
        format!("Exit codes:\n{}", lines.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_is_promised() {
        let codes = Exit::ALL.map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]);
        let unchanged: Vec<_> =
            Exit::ALL.iter().filter(|exit| exit.changed() == "no").map(|exit| exit.code()).collect();
        assert_eq!(unchanged, [2, 3, 6, 7]);
        assert_eq!(Exit::table().lines().count(), 11);
        assert!(Exit::table().contains("    5  state unknown"));
    }
}
