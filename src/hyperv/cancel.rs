//! Asking a job to end before it is done.

use crate::cim::Value;
use crate::open_enum;
use crate::wsman::{Exchange, Invoke, InvokeOutput, Parameter};

use super::error::Error;
use super::host::Host;
use super::job::JobRef;

/// `RequestedState` of a job: terminate, in order and as the job allows.
const TERMINATE: u16 = 4;

open_enum! {
    /// `ReturnValue` of a job's `RequestStateChange`; other numbers than those of the replication methods.
    pub enum JobChangeCode: u32 {
        /// Done.
        Completed = 0 => "Completed with no error",
        /// This job cannot.
        NotSupported = 1 => "Not supported",
        /// Another error.
        Unspecified = 2 => "Unknown or unspecified error",
        /// Not in the time given.
        Timeout = 3 => "Cannot complete within timeout period",
        /// Failed.
        Failed = 4,
        /// Invalid parameter.
        InvalidParameter = 5 => "Invalid parameter",
        /// In use.
        InUse = 6 => "In use",
        /// The job is on its way to end.
        TransitionStarted = 4096 => "Method parameters checked, transition started",
        /// Not from the state it is in.
        InvalidTransition = 4097 => "Invalid state transition",
        /// No time limit is taken.
        TimeoutNotSupported = 4098 => "Use of timeout parameter not supported",
        /// Busy.
        Busy = 4099,
    }
}

/// What asking a job led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobChange {
    /// It is ending or has ended; how it ended, it says itself.
    Accepted,
    /// It goes on.
    Refused(JobChangeCode),
}

impl<E: Exchange> Host<E> {
    /// The call that asks a job to end, without sending it.
    pub fn cancel_job_call(&self, job: &JobRef) -> Invoke {
        Invoke::new(self.client().addressing().complete(job.reference()), "RequestStateChange")
            .with("RequestedState", Parameter::Value(Value::uint16(TERMINATE)))
    }

    /// Asks a job to end. Sent at most once; the job may be done before it is asked, so what came of it is for
    /// [`Host::job`] and the state to say.
    ///
    /// # Errors
    /// No answer, a fault, or an answer without a return value.
    pub async fn cancel_job(&self, job: &JobRef) -> Result<JobChange, Error> {
        read(&self.client().invoke(&self.cancel_job_call(job)).await?)
    }
}

fn read(output: &InvokeOutput) -> Result<JobChange, Error> {
    let protocol = |what: &str| Error::Protocol { method: "RequestStateChange".to_owned(), what: what.to_owned() };
    let value = output
        .return_value()
        .map_err(|_| protocol("a return value that is not a number"))?
        .ok_or_else(|| protocol("without a return value"))?;
    Ok(match JobChangeCode::from(value) {
        JobChangeCode::Completed | JobChangeCode::TransitionStarted => JobChange::Accepted,
        code => JobChange::Refused(code),
    })
}
