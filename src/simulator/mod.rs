//! A simulated Hyper-V replica host, for rehearsals and tests; or two, a replica host and its primary host ([`Pair`]).
//!
//! It answers WS-Management requests as strictly as Windows does, over a socket ([`Server`]) or in process
//! ([`InProcess`]), and counts what it was asked. It says "simulated" where it shows, and it is no proof that a real
//! host agrees: where its answers come from is in this table.
//!
//! | answer | evidence |
//! | --- | --- |
//! | Get, Enumerate, Pull: headers, prefix `p` bound twice, alphabetical properties, `xsi:nil`, `cim:Datetime` | recorded |
//! | Msvm_ComputerSystem of host and VMs, Msvm_AffectedJobElement with what was created after completion | recorded; replication values inferred (not asked) |
//! | `_OUTPUT` with ReturnValue and Job, nil Job, other out parameters NULL beside a job | recorded for sibling services |
//! | Msvm_ConcreteJob | recorded for Msvm_StorageJob, its sibling |
//! | DestinationUnreachable with a nested provider fault, MSFT_WmiError | captured |
//! | header checks, MaxEnvelopeSize, expired contexts, quotas | specified, [MS-WSMV] 3.1.4.1 |
//! | WQL refused with a class URI; keys of services; REF wrapper refused | seen on live hosts |
//! | winrm/config, fragments, selector and association filters | specified, [MS-WSMV], DSP0226, DSP0227 |
//! | Create, Put, Delete and pull subscriptions, of the class Demo_Note alone | specified, DSP0226 |
//! | embedded instances: CIM-XML text only, `&amp;` and `&lt;` in a value refused | seen on live hosts; codes of other mistakes inferred (not asked) |
//! | names and types of properties, parameters and return codes | specified, Microsoft's pages (`schemas/cim`) |
//! | RequestStateChange 2, 3, 4 of a VM | seen on live hosts; when it is refused, inferred (not asked) |
//! | codes of InitiateShutdown | specified; which guest gives which, inferred (not asked) |
//! | meaning of each replication state; one test VM at a time, none while resynchronising, its name | specified, Microsoft's texts and samples |
//! | DestroySystem: VM off or saved, no question asked about what it is | specified; code 32775 inferred (E33) |
//! | what each method demands of a VM, the states during and after its job, one job of a VM at a time | inferred (E29, E33) |
//! | prepare = state change to 4, cancel = to 3, old primary to replica = to 2 | inferred (E31), see the value map and the names of states |
//! | what a step on one host does on the other; one VM, one GUID on both | inferred (not asked) |
//! | Reverse: what the other host refuses shows in the job; points gone; thumbprint of the sending host | inferred (E32) |
//! | InstanceID of adapters and connections | seen in clients of real hosts; of failover addresses inferred (E20) |
//! | MSCluster_Resource | specified, its page; values inferred (not asked) |
//! | a host of 2012: what is missing | specified by what came with 2012 R2; fault for it as for any unknown class or method |

mod clock;
mod config;
mod defaults;
mod enumerations;
mod exchange;
mod faults;
mod host;
mod ids;
mod instances;
mod job;
mod late;
mod lifecycle;
mod methods;
mod notes;
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
mod transfer;
mod vm;
mod world;

pub use clock::{RealClock, SimulatorClock, VirtualClock};
pub use exchange::InProcess;
pub use faults::{Cut, Effect, Fault, FaultName, Garbage, Page, Relates, Work};
pub use host::Simulator;
pub use pair::Pair;
pub use scenario::{
    AccountSetup, Ago, ChannelBindingLevel, ClusterSetup, Dialect, ExtendedSetup, GuestSetup, HostVersion, HttpSetup,
    JobScript, PointKind, PointSetup, PrimarySetup, Scenario, ScenarioError, Shutdown, StatisticsSetup, VmSetup,
};
#[cfg(feature = "cli")]
pub(crate) use server::Identity;
pub use server::{Server, ServerError, ServerOptions};
pub use service::is_simulated;
pub use text::Language;
pub use vm::{Adapter, FailoverAddresses, RecoveryPoint, Vm};
pub use world::{Taken, World};

#[cfg(test)]
mod tests;
