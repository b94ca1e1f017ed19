//! What this crate relies on without having seen a host do it: one table, the questions that settle it, and what an
//! answer proves.
//!
//! [`ASSUMPTIONS`] is the table. Each entry names the files that rely on it, and each of these files points back with the
//! entry's id, as in "inferred (E01)"; a test holds both together. A [`Question`] asks a host and changes nothing
//! ([`ReadOnly`] sees to that), a rehearsal shows some more, a real failover the rest. Whoever asks keeps the messages; the
//! judges are pure and look at messages alone, so that a recording can be judged where no host is.

mod declaration;
mod exchanged;
mod judge;
mod question;
mod read_only;
mod rehearsal;
mod table;

use std::fmt;

pub use exchanged::Exchanged;
pub use question::{Asked, Question, Subject};
pub use read_only::ReadOnly;
pub use table::ASSUMPTIONS;

/// Something that the code relies on.
#[derive(Debug)]
#[non_exhaustive]
pub struct Assumption {
    /// `E01` and so on; stays the same, whatever is added.
    pub id: &'static str,
    /// What is assumed, in a sentence.
    pub claim: &'static str,
    /// Sections of the project's fact sheets that say what is known, or leave it open.
    pub reference: &'static str,
    /// The files that rely on it, from the root of the repository.
    pub relied_on: &'static [&'static str],
    /// What becomes of a command where it is wrong.
    pub otherwise: &'static str,
    /// What shows it.
    pub shown_by: ShownBy,
}

/// What shows whether an assumption holds.
#[derive(Debug, Clone, Copy)]
pub enum ShownBy {
    /// Questions that change nothing.
    Reading(&'static [Question], Judge),
    /// A test failover, and the questions after it.
    Rehearsal(Judge),
    /// Both.
    Both(&'static [Question], Judge),
    /// A failover of the kind that it is about, and nothing less.
    Failover,
}

/// Says what messages prove: those of the questions, or of the rehearsal, in order.
pub type Judge = fn(&[Exchanged]) -> Verdict;

/// What a host has shown of an assumption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds there.
    pub finding: Finding,
    /// What the host did, or why nothing is settled.
    pub seen: String,
    /// The numbers of the messages that show it.
    pub shown_in: Vec<u64>,
}

/// Whether an assumption holds on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The host did as assumed.
    Confirmed,
    /// The host did otherwise.
    Refuted,
    /// Neither was to be seen.
    NotSettled,
}

impl Finding {
    /// A short name, the same in every output.
    pub fn name(self) -> &'static str {
        match self {
            Finding::Confirmed => "confirmed",
            Finding::Refuted => "refuted",
            Finding::NotSettled => "not-settled",
        }
    }
}

/// For people.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Finding::NotSettled => "not settled",
            other => other.name(),
        })
    }
}

impl Verdict {
    fn new(finding: Finding, seen: impl Into<String>, shown_in: impl IntoIterator<Item = u64>) -> Verdict {
        let mut shown_in: Vec<_> = shown_in.into_iter().collect();
        shown_in.sort_unstable();
        shown_in.dedup();
        Verdict { finding, seen: seen.into(), shown_in }
    }

    fn confirmed(seen: impl Into<String>, shown_in: impl IntoIterator<Item = u64>) -> Verdict {
        Verdict::new(Finding::Confirmed, seen, shown_in)
    }

    fn refuted(seen: impl Into<String>, shown_in: impl IntoIterator<Item = u64>) -> Verdict {
        Verdict::new(Finding::Refuted, seen, shown_in)
    }

    /// Nothing is settled, and why.
    pub fn open(why: impl Into<String>) -> Verdict {
        Verdict::new(Finding::NotSettled, why, [])
    }
}

impl Assumption {
    /// What the messages prove. `asked` gives those of a question, or why it was not asked; `rehearsal` those of the test
    /// failover, or why there was none.
    pub fn judge<'m>(
        &self,
        asked: impl Fn(Question) -> Result<&'m [Exchanged], &'m str>,
        rehearsal: Result<&'m [Exchanged], &'m str>,
    ) -> Verdict {
        let (questions, wants_rehearsal, judge): (&[Question], bool, Judge) = match self.shown_by {
            ShownBy::Reading(questions, judge) => (questions, false, judge),
            ShownBy::Rehearsal(judge) => (&[], true, judge),
            ShownBy::Both(questions, judge) => (questions, true, judge),
            ShownBy::Failover => return Verdict::open(FAILOVER),
        };
        let (mut messages, mut missing) = (Vec::new(), Vec::new());
        for part in questions.iter().map(|question| asked(*question)).chain(wants_rehearsal.then_some(rehearsal)) {
            match part {
                Ok(part) => messages.extend_from_slice(part),
                Err(reason) if missing.contains(&reason) => {}
                Err(reason) => missing.push(reason),
            }
        }
        let verdict = judge(&messages);
        if verdict.finding != Finding::NotSettled {
            return verdict;
        }
        // What kept the host from answering says more than that there is no answer.
        let seen = match (exchanged::obstacle(&messages), messages.is_empty()) {
            (Some(reason), _) => reason,
            (None, true) => missing.join("; "),
            (None, false) => [vec![verdict.seen.as_str()], missing].concat().join("; "),
        };
        Verdict { seen: if seen.is_empty() { verdict.seen } else { seen }, ..verdict }
    }
}

const FAILOVER: &str = "neither a read nor a test failover shows it: record a real one with --trace FILE --anonymise";

#[cfg(test)]
mod tests;
