//! What can go wrong between a typed question and its answer.

use crate::cim::CimError;
use crate::wsman::{self, Delivery, Fault};

use super::return_code::ReturnCode;

/// Why a question to a Hyper-V host has no typed answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No reply, a fault, or a reply to something else.
    #[error(transparent)]
    Wsman(#[from] wsman::Error),
    /// A property is missing or of another type.
    #[error("the host's answer cannot be read: {0}")]
    Cim(#[from] CimError),
    /// A method started a job and gave no reference to it, or gave no return value.
    #[error("{method} answered {what}")]
    Protocol {
        /// The method.
        method: String,
        /// What is wrong with its answer.
        what: String,
    },
    /// A method that only reads did not answer with "done".
    #[error("{method} answered {} ({code})", code.value())]
    Refused {
        /// The method.
        method: String,
        /// Its return value.
        code: ReturnCode,
    },
}

impl Error {
    /// Whether the host may have acted on the request.
    pub fn delivery(&self) -> Delivery {
        match self {
            Error::Wsman(error) => error.delivery(),
            Error::Cim(_) | Error::Protocol { .. } => Delivery::Unknown,
            Error::Refused { .. } => Delivery::Answered,
        }
    }

    /// The fault, if that is what came.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Error::Wsman(error) => error.fault(),
            _ => None,
        }
    }

    /// Whether there was no reply at all, so that another try on a new connection may bring one.
    pub fn is_contact_lost(&self) -> bool {
        match self {
            Error::Wsman(wsman::Error::Exchange(error)) => !error.is_login(),
            Error::Wsman(wsman::Error::Fault(fault)) => fault.is_quota() || fault.is_timed_out(),
            Error::Wsman(wsman::Error::Reply { .. }) => true,
            _ => false,
        }
    }
}
