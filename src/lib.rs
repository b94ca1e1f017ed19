//! Fails Hyper-V Replica virtual machines over from any operating system.
#![warn(missing_docs)]
pub mod auth;
pub mod cim;
#[cfg(feature = "cli")]
pub mod cli;
pub mod failover;
pub mod hyperv;
pub mod manual;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod soap;
pub mod text;
#[cfg(feature = "trace")]
pub mod trace;
#[cfg(feature = "transport")]
pub mod transport;
pub mod wsman;
pub mod xml;
