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
//! | what InitiateFailover demands of a VM, and the states of its job | inferred |

mod clock;
mod defaults;
mod enumerations;
mod exchange;
mod faults;
mod host;
mod ids;
mod instances;
mod job;
mod lifecycle;
mod methods;
mod object;
mod pair;
mod query;
mod refusal;
mod scenario;
mod schema;
mod server;
mod service;
mod site;
mod text;
mod vm;
mod world;

pub use clock::{RealClock, SimulatorClock, VirtualClock};
pub use exchange::InProcess;
pub use faults::{Cut, Effect, Fault, FaultName, Garbage};
pub use host::Simulator;
pub use pair::Pair;
pub use scenario::{
    AccountSetup, Ago, ChannelBindingLevel, ClusterSetup, Dialect, ExtendedSetup, GuestSetup, HostVersion, HttpSetup,
    JobScript, PointKind, PointSetup, PrimarySetup, Scenario, ScenarioError, Shutdown, StatisticsSetup, VmSetup,
};
pub use server::{Server, ServerError, ServerOptions};
pub use text::Language;
pub use vm::{Adapter, FailoverAddresses, RecoveryPoint, Vm};
pub use world::{Taken, World};

#[cfg(test)]
mod tests;
