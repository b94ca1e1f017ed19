//! Fails Hyper-V Replica virtual machines over from any operating system.
#![warn(missing_docs)]
pub mod auth;
#[cfg(feature = "capture")]
pub mod capture;
pub mod cim;
#[cfg(feature = "cli")]
pub mod cli;
pub mod evidence;
pub mod failover;
pub mod hyperv;
#[cfg(feature = "journal")]
pub mod journal;
pub mod manual;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod soap;
#[cfg(feature = "trace")]
pub mod trace;
#[cfg(feature = "transport")]
pub mod transport;
pub mod wsman;
pub mod xml;
