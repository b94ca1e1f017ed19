//! Where to ask, when the host that was asked is not the one: another node of its cluster, or the other end of a relation.

use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::hyperv::{ClusterOwner, Host, ReplicationMode, Vm, VmSelector};
use crate::wsman::{self, Exchange};

/// No VM of that name is visible: says on which node of the cluster it is, else exactly what was looked at.
pub async fn not_visible<E: Exchange>(name: &str, host: &Host<E>) -> Problem {
    let problem = |message| Problem::new(Exit::Refused, "not-visible", message);
    // A VM that is asked for by its id is not found where the class is not either.
    if matches!(super::selector(name), VmSelector::Id(_))
        && let Ok(Some(fault)) = host.lacks("Msvm_ComputerSystem").await
    {
        return wsman::Error::Fault(fault).into();
    }
    let nowhere = || problem(format!("no VM {name:?} is visible to this account on this host"));
    const CHECK: &str = "check the name with `hvr status --all`, that this is the replica's host, and the account's \
        rights: a filtered account sees an empty host";
    let mut looked_at = vec!["Msvm_ComputerSystem: the virtual machines of this host".to_owned()];
    let cluster = match host.cluster().await {
        Ok(Some(cluster)) => cluster,
        Ok(None) => {
            looked_at.push("MSCluster_Resource: this host is in no failover cluster".to_owned());
            let remedy = format!("{CHECK}; this host is in no failover cluster");
            return nowhere().remedy(remedy).detail("looked_at", json!(looked_at));
        }
        Err(error) => {
            looked_at.push(format!("MSCluster_Resource: could not be read: {error}"));
            let remedy = format!("{CHECK}; whether it is on another node of a cluster could not be read: {error}");
            return nowhere().remedy(remedy).detail("looked_at", json!(looked_at));
        }
    };
    looked_at.push(format!("MSCluster_Resource: the {} virtual machines of this host's cluster", cluster.vms.len()));
    let broker = cluster.broker();
    let owner = cluster.vm(&super::selector(name)).map(|resource| &resource.owner);
    let told = match owner {
        Some(owner) => problem(format!(
            "{name:?} is not on this host: in its cluster it is on {} (role {})",
            owner.node, owner.group
        ))
        .remedy(format!(
            "ask the node that owns it: -H {}; if that is the host that was asked, this account may not see it: `hvr check`",
            owner.node
        )),
        None => {
            let broker = broker.map_or_else(String::new, |broker| {
                format!("; replication reaches the cluster by its broker {}, now on {}", broker.group, broker.node)
            });
            nowhere().remedy(format!(
                "{CHECK}; none of the {} VMs of this host's cluster has that name{broker}",
                cluster.vms.len()
            ))
        }
    };
    let shown = |owner: Option<&ClusterOwner>| {
        owner.map_or(Value::Null, |owner| json!({ "node": owner.node, "group": owner.group }))
    };
    told.detail("looked_at", json!(looked_at))
        .detail("cluster", json!({ "owner": shown(owner), "broker": shown(broker) }))
}

/// The host at the other end of a VM's relation.
pub struct OtherEnd {
    /// `replica` or `primary`.
    role: &'static str,
    /// The host, or the node of a cluster that it was on last.
    host: String,
    /// By what name replication reaches it, where that is another one.
    broker: Option<String>,
}

impl OtherEnd {
    /// What to do about a question that belongs there.
    pub fn remedy(&self) -> String {
        let broker = self.broker.as_ref().map_or_else(String::new, |broker| {
            format!(" (replication goes by {broker}: in a cluster another node may own it now)")
        });
        format!("the {} is on {}{broker}: ask there, -H {}", self.role, self.host, self.host)
    }
}

/// The other end of a VM's primary relation, as its settings name it; none where they do not.
pub async fn other_end<E: Exchange>(host: &Host<E>, vm: &Vm) -> Option<OtherEnd> {
    let settings = host.replication_settings_of(&vm.id).await.ok()?.into_iter().next()?;
    let (role, at, by) = match vm.mode {
        ReplicationMode::Primary => ("replica", settings.recovery_host, settings.recovery_connection_point),
        ReplicationMode::Replica | ReplicationMode::ExtendedReplica => {
            ("primary", settings.primary_host, settings.primary_connection_point)
        }
        _ => return None,
    };
    let (host, broker) = match (at.is_empty(), by.is_empty()) {
        (true, true) => return None,
        (true, false) => (by, None),
        (false, true) => (at, None),
        (false, false) => {
            let same = at.eq_ignore_ascii_case(&by);
            (at, Some(by).filter(|_| !same))
        }
    };
    Some(OtherEnd { role, host, broker })
}
