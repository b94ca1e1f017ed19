//! GetReplicationStatistics and its Ex form.

use std::time::Duration;

use crate::cim::{CimType, ClassName, Instance, PropertyName, Value};
use crate::simulator::instances::{point_in_time, time};
use crate::simulator::world::{INVALID_PARAMETER, INVALID_STATE, World};

use super::Relation;

/// The statistics of a relation, and what is said about its health.
pub(in crate::simulator) struct Statistics {
    pub(in crate::simulator) numbers: Instance,
    pub(in crate::simulator) issues: Vec<Instance>,
}

impl World {
    /// It changes nothing, so it is called and never taken.
    pub(in crate::simulator) fn statistics(
        &mut self,
        method: &str,
        vm: &str,
        relation: Relation,
        now: Duration,
    ) -> Result<Statistics, u32> {
        let place = self.call(method, vm)?;
        let vm = self.vms.get(place).ok_or(INVALID_PARAMETER)?;
        let health = match relation {
            Relation::Primary if vm.is_replicated() => vm.health,
            Relation::Primary => return Err(INVALID_STATE),
            Relation::Extended => vm.extended.ok_or(INVALID_PARAMETER)?.health,
        };
        const CLASS: ClassName = ClassName::from_static("Msvm_ReplicationStatistics");
        const ERROR: ClassName = ClassName::from_static("Msvm_Error");
        let told = &vm.statistics;
        let name = PropertyName::from_static;
        let bytes = |number| Value::Unsigned(CimType::Uint64, number);
        let numbers = Instance::new(CLASS)
            .with(name("StartStatisticTime"), point_in_time(now.saturating_sub(told.window)))
            .with(name("EndStatisticTime"), point_in_time(now))
            .with(name("ReplicationSuccessCount"), Value::uint32(told.successes))
            .with(name("ReplicationSize"), bytes(told.size))
            .with(name("MaxReplicationSize"), bytes(told.max_size))
            .with(name("ReplicationLatency"), Value::uint32(told.latency))
            .with(name("MaxReplicationLatency"), Value::uint32(told.max_latency))
            .with(name("ReplicationMissCount"), Value::uint32(told.misses))
            .with(name("NetworkFailureCount"), Value::uint32(told.network_failures))
            .with(name("ReplicationFailureCount"), Value::uint32(told.failures))
            .with(name("PendingReplicationSize"), bytes(told.pending))
            .with(name("ApplicationConsistentSnapshotFailureCount"), Value::uint32(told.snapshot_failures))
            .with(name("ReplicationHealth"), Value::uint32(u32::from(health)))
            .with(name("LastTestFailoverTime"), time(vm.last_test));
        let issue = |text: &String| {
            Instance::new(ERROR)
                .with(name("Message"), text.as_str())
                .with(name("PerceivedSeverity"), Value::uint16(if health >= 3 { 4 } else { 3 }))
        };
        Ok(Statistics { numbers, issues: told.issues.iter().map(issue).collect() })
    }
}
