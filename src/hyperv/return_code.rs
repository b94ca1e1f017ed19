//! Return values of Hyper-V methods.

use crate::open_enum;
use crate::wsman::InvokeOutput;

use super::error::Error;
use super::job::JobRef;

open_enum! {
    /// `ReturnValue` of a replication method, and `ErrorCode` of its job.
    ///
    /// The same mistake gives different codes on different services: a code says what was answered, not why.
    pub enum ReturnCode: u32 {
        /// Done.
        Completed = 0 => "Completed with no error",
        /// Parameters checked, a job runs.
        JobStarted = 4096 => "Method parameters checked, job started",
        /// Failed.
        Failed = 32768,
        /// Access denied.
        AccessDenied = 32769 => "Access denied",
        /// Not supported.
        NotSupported = 32770 => "Not supported",
        /// Status unknown.
        StatusUnknown = 32771 => "Status is unknown",
        /// Timeout.
        Timeout = 32772,
        /// Invalid parameter.
        InvalidParameter = 32773 => "Invalid parameter",
        /// In use.
        InUse = 32774 => "System is in use",
        /// Invalid state for this operation.
        InvalidState = 32775 => "Invalid state for this operation",
        /// Incorrect data type.
        IncorrectDataType = 32776 => "Incorrect data type",
        /// Not available.
        NotAvailable = 32777 => "System is not available",
        /// Out of memory.
        OutOfMemory = 32778 => "Out of memory",
        /// File not found.
        FileNotFound = 32779 => "File not found",
    }
}

impl ReturnCode {
    /// Whether the code says that the VM is not in a state for it: perhaps because something is at work there.
    pub fn is_about_state(self) -> bool {
        matches!(self, ReturnCode::InUse | ReturnCode::InvalidState | ReturnCode::NotAvailable)
    }

    /// Whether the code says that the work is done, or has begun.
    pub fn starts_work(self) -> bool {
        matches!(self, ReturnCode::Completed | ReturnCode::JobStarted)
    }

    /// Whether the code leaves open if something was done: "status unknown", "timeout", and numbers nobody knows.
    pub fn is_undecided(self) -> bool {
        matches!(self, ReturnCode::StatusUnknown | ReturnCode::Timeout | ReturnCode::Other(_))
    }
}

/// What a method call led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Invoked {
    /// 0: done when it answered.
    Done,
    /// 4096: a job runs (specified, E24).
    Started(JobRef),
    /// Any other value.
    Refused(ReturnCode),
}

impl Invoked {
    /// Reads the output of a method that may start a job.
    ///
    /// # Errors
    /// No return value, or 4096 without a job: the host has acted, and what came of it is unknown.
    pub fn read(method: &str, output: &InvokeOutput) -> Result<Invoked, Error> {
        let protocol = |what: &str| Error::Protocol { method: method.to_owned(), what: what.to_owned() };
        let value = output
            .return_value()
            .map_err(|_| protocol("a return value that is not a number"))?
            .ok_or_else(|| protocol("without a return value"))?;
        match ReturnCode::from(value) {
            ReturnCode::Completed => Ok(Invoked::Done),
            ReturnCode::JobStarted => match output.reference("Job") {
                Some(reference) => Ok(Invoked::Started(JobRef::new(reference))),
                None => Err(protocol("4096 (job started) without a reference to the job")),
            },
            code => Ok(Invoked::Refused(code)),
        }
    }
}
