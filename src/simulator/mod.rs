//! A simulated Hyper-V replica host, for rehearsals and tests.
//!
//! It answers WS-Management requests as strictly as Windows does, over a socket ([`Server`]) or in process
//! ([`InProcess`]), and counts what it was asked. It says "simulated" where it shows, and it is no proof that a real
//! host agrees: where its answers come from is in this table.
//!
//! | answer | evidence |
//! | --- | --- |
//! | Get, Enumerate, Pull: headers, prefix `p` bound twice, alphabetical properties, `xsi:nil`, `cim:Datetime` | recorded |
//! | Msvm_ComputerSystem of host and VMs, Msvm_AffectedJobElement | recorded; replication values inferred |
//! | `_OUTPUT` with ReturnValue and Job, nil Job | recorded for sibling services |
//! | Msvm_ConcreteJob | recorded for Msvm_StorageJob, its sibling |
//! | DestinationUnreachable with a nested provider fault, MSFT_WmiError | captured |
//! | header checks, MaxEnvelopeSize, expired contexts, quotas | specified, [MS-WSMV] 3.1.4.1 |
//! | WQL refused with a class URI; keys of services; REF wrapper refused | seen on live hosts |
//! | winrm/config, fragments, selector and association filters | specified, [MS-WSMV], DSP0226, DSP0227 |
//! | Create, Put, Delete and pull subscriptions, of the class Demo_Note alone | specified, DSP0226 |
//! | what InitiateFailover demands of a VM, and the states of its job | inferred |

mod clock;
mod config;
mod enumerations;
mod exchange;
mod faults;
mod host;
mod instances;
mod job;
mod methods;
mod notes;
mod object;
mod query;
mod refusal;
mod scenario;
mod schema;
mod server;
mod service;
mod text;
mod transfer;
mod world;

pub use clock::{RealClock, SimulatorClock, VirtualClock};
pub use exchange::InProcess;
pub use faults::{Cut, Effect, Fault, FaultName, Garbage};
pub use host::Simulator;
pub use scenario::{
    AccountSetup, Ago, ChannelBindingLevel, Dialect, HttpSetup, JobScript, PointKind, PointSetup, Scenario,
    ScenarioError, VmSetup,
};
pub use server::{Server, ServerError, ServerOptions};
pub use text::Language;
pub use world::{RecoveryPoint, Vm, World};

#[cfg(test)]
mod tests;
