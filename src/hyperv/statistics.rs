//! What a replication has done in its current span of monitoring, and what is wrong with it.

use crate::cim::{CimDatetime, Datetime, Instance, Value};
use crate::wsman::{Exchange, Fault, Invoke, InvokeOutput, Parameter};

use super::error::Error;
use super::host::Host;
use super::job::JobError;
use super::relation::Relation;
use super::replication::ReplicationHealth;
use super::return_code::{Invoked, ReturnCode};
use super::service::{REPLICATION_SERVICE, ServiceKeys};
use super::vm::VmId;

/// Msvm_ReplicationStatistics. The span is set by the monitoring interval of the host, twelve hours by default; a
/// number that the host did not send is none.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ReplicationStatistics {
    /// `StartStatisticTime`: since when is counted.
    pub since: Option<Datetime>,
    /// `EndStatisticTime`: until when was counted.
    pub until: Option<Datetime>,
    /// `ReplicationSuccessCount`: replications that succeeded.
    pub successes: Option<u64>,
    /// `ReplicationSize`: bytes sent in all.
    pub size: Option<u64>,
    /// `MaxReplicationSize`: bytes of the largest replication.
    pub max_size: Option<u64>,
    /// `ReplicationLatency`: seconds spent in all.
    pub latency: Option<u64>,
    /// `MaxReplicationLatency`: seconds of the slowest replication.
    pub max_latency: Option<u64>,
    /// `ReplicationMissCount`: replications that were due and did not happen.
    pub misses: Option<u64>,
    /// `NetworkFailureCount`: errors of the network.
    pub network_failures: Option<u64>,
    /// `ReplicationFailureCount`: replications that failed.
    pub failures: Option<u64>,
    /// `PendingReplicationSize`: bytes that wait to be sent.
    pub pending_size: Option<u64>,
    /// `ApplicationConsistentSnapshotFailureCount`: application consistent points that failed.
    pub application_consistent_failures: Option<u64>,
    /// `ReplicationHealth`.
    pub health: Option<ReplicationHealth>,
    /// `LastTestFailoverTime`: when the last rehearsal was made; none if never.
    pub last_test_failover: Option<Datetime>,
}

impl ReplicationStatistics {
    /// Reads an embedded instance. What is of another type than declared counts as not sent.
    pub fn read(instance: &Instance) -> ReplicationStatistics {
        let number = |name: &str| match instance.property(name).into_option() {
            Some(Value::Unsigned(_, number)) => Some(*number),
            Some(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        };
        let time = |name: &str| {
            let time = match instance.property(name).into_option() {
                Some(Value::Datetime(time)) => time.point(),
                Some(Value::String(text)) => text.parse::<CimDatetime>().ok().and_then(|time| time.point()),
                _ => None,
            };
            time.filter(|time| !time.is_never())
        };
        ReplicationStatistics {
            since: time("StartStatisticTime"),
            until: time("EndStatisticTime"),
            successes: number("ReplicationSuccessCount"),
            size: number("ReplicationSize"),
            max_size: number("MaxReplicationSize"),
            latency: number("ReplicationLatency"),
            max_latency: number("MaxReplicationLatency"),
            misses: number("ReplicationMissCount"),
            network_failures: number("NetworkFailureCount"),
            failures: number("ReplicationFailureCount"),
            pending_size: number("PendingReplicationSize"),
            application_consistent_failures: number("ApplicationConsistentSnapshotFailureCount"),
            health: number("ReplicationHealth").and_then(|n| u16::try_from(n).ok()).map(ReplicationHealth::from),
            last_test_failover: time("LastTestFailoverTime"),
        }
    }
}

/// What a host says of one replication.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ReplicationReport {
    /// The numbers; none where the host gave none.
    pub statistics: Option<ReplicationStatistics>,
    /// `ReplicationHealthIssues`: what is wrong, in the host's words.
    pub issues: Vec<JobError>,
}

impl<E: Exchange> Host<E> {
    /// Statistics and health issues of a replication of a VM: of this relation, or of the only one where the host has
    /// no relations (Server 2012) or not the newer method.
    ///
    /// A read that goes through a method call: it may be asked again, but is not repeated by itself.
    ///
    /// # Errors
    /// No answer, a fault, [`Error::Refused`] for a return value that is not 0.
    pub async fn replication_statistics(
        &self,
        vm: &VmId,
        relation: Option<&Relation>,
    ) -> Result<ReplicationReport, Error> {
        match self.replication_statistics_by(&ServiceKeys::Short, vm, relation).await {
            Err(error) if error.fault().is_some_and(Fault::may_lack_selectors) => {
                match self.learn_service(REPLICATION_SERVICE).await? {
                    Some(keys) => self.replication_statistics_by(&keys, vm, relation).await,
                    None => Err(error),
                }
            }
            answer => answer,
        }
    }

    async fn replication_statistics_by(
        &self,
        keys: &ServiceKeys,
        vm: &VmId,
        relation: Option<&Relation>,
    ) -> Result<ReplicationReport, Error> {
        if let Some(relation) = relation {
            let call = self
                .service_call(keys, "GetReplicationStatisticsEx", vm)
                .with("ReplicationRelationship", Parameter::Embedded(relation.embedded()));
            match self.client().invoke(&call).await {
                Err(error) if error.fault().is_some_and(Fault::is_unknown_method) => {}
                answer => return read(&call, &answer?),
            }
        }
        let call = self.service_call(keys, "GetReplicationStatistics", vm);
        read(&call, &self.client().invoke(&call).await?)
    }
}

fn read(call: &Invoke, output: &InvokeOutput) -> Result<ReplicationReport, Error> {
    match Invoked::read(&call.method, output)? {
        Invoked::Done => {}
        Invoked::Refused(code) => return Err(Error::Refused { method: call.method.clone(), code }),
        // Where the numbers of a job would be found is written nowhere.
        Invoked::Started(_) => {
            return Err(Error::Refused { method: call.method.clone(), code: ReturnCode::JobStarted });
        }
    }
    let parameters = output.parameters();
    let embedded = |name: &str| {
        let texts = parameters.texts(name).into_iter().filter(|text| !text.trim().is_empty());
        texts.map(Instance::from_cim_xml).collect::<Result<Vec<_>, _>>()
    };
    Ok(ReplicationReport {
        statistics: embedded("ReplicationStatistics")?.first().map(ReplicationStatistics::read),
        issues: embedded("ReplicationHealthIssues")?.iter().map(JobError::read).collect(),
    })
}
