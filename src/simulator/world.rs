//! The world of one simulated host: its VMs, its jobs, and what it was called for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::Config;
use super::ids::guid_of;
use super::job::{Job, SENDING_INITIAL_REPLICA, SHUT_DOWN, Work};
use super::notes::Notes;
use super::scenario::{ClusterSetup, HostVersion, JobScript, Scenario};
use super::schema::Catalogue;
use super::vm::Vm;

/// The state that methods change and queries show.
#[derive(Debug)]
pub struct World {
    pub(super) computer: String,
    /// This host and the other one, as relations name them.
    pub(super) here: HostNames,
    pub(super) there: HostNames,
    pub(super) version: HostVersion,
    pub(super) cluster: Option<ClusterSetup>,
    pub(super) switches: Vec<String>,
    /// Whether it takes replicas from other hosts.
    pub(super) is_recovery_server: bool,
    pub(super) initial_replication: Duration,
    pub(super) vms: Vec<Vm>,
    pub(super) jobs: Vec<Job>,
    pub(super) demo_items: u64,
    pub(super) notes: Notes,
    pub(super) config: Config,
    job_default: JobScript,
    pub(super) started: Duration,
    called: BTreeMap<(String, String), usize>,
    history: Vec<Taken>,
    /// Name and GUID of VMs that are no more, so that what was done to them can still be counted.
    pub(super) destroyed: Vec<(String, String)>,
}

/// The names of a host in Msvm_ReplicationSettingData.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostNames {
    /// Full name.
    pub(super) host: String,
    /// Where replication goes to: the host, or the broker of its cluster.
    pub(super) point: String,
}

impl HostNames {
    fn new(computer: &str, cluster: Option<&ClusterSetup>) -> HostNames {
        let host = full_name(computer);
        let point = cluster.and_then(|cluster| cluster.broker.as_deref()).map_or_else(|| host.clone(), full_name);
        HostNames { host, point }
    }

    /// Whether a name means its connection point: in full or by its first label, without case. A node of a cluster is
    /// reached through the broker alone.
    pub(super) fn is_meant_by(&self, name: &str) -> bool {
        let label = self.point.split('.').next().unwrap_or(&self.point);
        name.eq_ignore_ascii_case(&self.point) || name.eq_ignore_ascii_case(label)
    }

    /// Thumbprint of the host's certificate.
    pub(super) fn thumbprint(&self) -> String {
        let digits = format!("{}{}", guid_of(&self.host), guid_of(&self.point));
        digits.chars().filter(char::is_ascii_hexdigit).take(40).collect()
    }
}

/// Full name of a computer, in a domain that no real one is in (RFC 2606).
pub(super) fn full_name(computer: &str) -> String {
    format!("{}.simulated.test", computer.to_lowercase())
}

/// A method that a host took: from here on it changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// Name of the method.
    pub method: String,
    /// GUID of the VM.
    pub vm: String,
    /// When, since 1970.
    pub at: Duration,
    /// JobType of its work; none where the method has no job.
    pub job_type: Option<u16>,
    /// MessageID of the request, `uuid:…`; empty where it had none.
    pub message_id: String,
}

/// What a method answers: 0, 4096 with the id of a job, or a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Job(String),
    Refused(u32),
}

/// What a method call needs from outside.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) now: Duration,
    /// MessageID of the request.
    pub(super) message_id: String,
    /// For the job, if one begins.
    pub(super) job_id: String,
    /// Wishes of a fault for the job.
    pub(super) script: JobScript,
    /// The other host of a pair.
    pub(super) there: Option<&'a World>,
}

impl World {
    /// The world of a replica host, or of a host that stands alone.
    pub(super) fn new(scenario: &Scenario, now: Duration) -> World {
        let other = scenario.other_host();
        World::beside(scenario, HostNames::new(&other.computer, other.cluster.as_ref()), now)
    }

    /// The world of the primary host of a pair.
    pub(super) fn of_primary(primary: &Scenario, replica: &World, now: Duration) -> World {
        World::beside(primary, replica.here.clone(), now)
    }

    fn beside(scenario: &Scenario, there: HostNames, now: Duration) -> World {
        let setups = scenario.all_vms();
        let mut vms: Vec<_> = setups.iter().map(|setup| Vm::new(setup, scenario.switches.first(), now)).collect();
        for (place, setup) in setups.iter().enumerate() {
            let tested = setup.test_of.as_ref().and_then(|name| vms.iter().find(|vm| vm.name == *name));
            let tested = tested.map(|vm| vm.id.clone());
            if let Some(vm) = vms.get_mut(place) {
                vm.test_of = tested;
            }
        }
        World {
            here: HostNames::new(&scenario.computer, scenario.cluster.as_ref()),
            there,
            computer: scenario.computer.clone(),
            version: scenario.version,
            cluster: scenario.cluster.clone(),
            switches: scenario.switches.clone(),
            is_recovery_server: scenario.recovery_server,
            initial_replication: scenario.initial_replication,
            vms,
            jobs: Vec::new(),
            demo_items: scenario.demo_items,
            notes: Notes::default(),
            config: Config::new(),
            job_default: scenario.job.clone(),
            started: now,
            called: BTreeMap::new(),
            history: Vec::new(),
            destroyed: Vec::new(),
        }
    }

    /// All VMs.
    pub fn vms(&self) -> &[Vm] {
        &self.vms
    }

    /// The VM with this GUID or exact name.
    pub fn vm(&self, name_or_id: &str) -> Option<&Vm> {
        self.vms.iter().find(|vm| vm.is(name_or_id))
    }

    /// The VM, to change its state in the middle of a rehearsal.
    pub fn vm_mut(&mut self, name_or_id: &str) -> Option<&mut Vm> {
        self.vms.iter_mut().find(|vm| vm.is(name_or_id))
    }

    /// The test VM that was made of a replica.
    pub fn test_of(&self, name_or_id: &str) -> Option<&Vm> {
        let replica = self.vm(name_or_id)?;
        self.vms.iter().find(|vm| vm.test_of.as_ref() == Some(&replica.id))
    }

    /// How often a method was taken for a VM, that is, began to change it.
    pub fn taken(&self, method: &str, name_or_id: &str) -> usize {
        let id = self.id_of(name_or_id);
        self.history.iter().filter(|taken| taken.method == method && taken.vm == id).count()
    }

    /// How often a method was called for a VM, refusals included.
    pub fn called(&self, method: &str, name_or_id: &str) -> usize {
        let key = (method.to_owned(), self.id_of(name_or_id).to_owned());
        self.called.get(&key).copied().unwrap_or(0)
    }

    /// Everything that was taken, in the order of taking.
    pub fn history(&self) -> &[Taken] {
        &self.history
    }

    /// The classes that the host has.
    pub(super) fn catalogue(&self) -> Catalogue {
        Catalogue { version: self.version, has_cluster: self.cluster.is_some() }
    }

    fn id_of<'a>(&'a self, name_or_id: &'a str) -> &'a str {
        let gone = || self.destroyed.iter().find(|(name, _)| name == name_or_id).map(|(_, id)| id.as_str());
        self.vm(name_or_id).map(|vm| vm.id.as_str()).or_else(gone).unwrap_or(name_or_id)
    }

    /// The jobs that a reader can find.
    pub(super) fn visible_jobs(&self, now: Duration) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(move |job| job.is_visible(now))
    }

    /// Jobs can no longer be found, as after a restart of the service; what they do is not undone.
    pub(super) fn hide_jobs(&mut self) {
        self.jobs.iter_mut().for_each(|job| job.is_hidden = true);
    }

    /// Whether a job works on the VM that lets nothing else begin. A guest that shuts down and the transfer of a first
    /// copy do not hinder (inferred, E33; which code a host gives, 32774 or 32775, is not known).
    pub(super) fn is_busy(&self, id: &str) -> bool {
        let mut jobs = self.jobs.iter().filter(|job| job.vm.eq_ignore_ascii_case(id) && !job.is_settled);
        jobs.any(|job| !matches!(job.kind, SHUT_DOWN | SENDING_INITIAL_REPLICA))
    }

    /// Counts a call for a VM that is there; gives its place.
    pub(super) fn call(&mut self, method: &str, vm: &str) -> Result<usize, u32> {
        let (place, vm) = self.vms.iter().enumerate().find(|(_, known)| known.has_id(vm)).ok_or(INVALID_PARAMETER)?;
        *self.called.entry((method.to_owned(), vm.id.clone())).or_default() += 1;
        Ok(place)
    }

    /// Remembers that a method was taken.
    pub(super) fn take(&mut self, method: &str, vm: &str, call: &Call<'_>, job_type: Option<u16>) {
        let (at, message_id) = (call.now, call.message_id.clone());
        self.history.push(Taken { method: method.to_owned(), vm: vm.to_owned(), at, job_type, message_id });
    }

    /// Counts a call, lets `begin` check and change the VM, and starts the job. `begin` sees the VM of the same id on
    /// the other host too.
    pub(super) fn start(
        &mut self,
        method: &str,
        vm: &str,
        call: Call<'_>,
        begin: impl FnOnce(&mut Vm, Option<&Vm>) -> Result<(u16, Work), u32>,
    ) -> Outcome {
        let begun = self.call(method, vm).and_then(|place| {
            let is_busy = self.vms.get(place).is_some_and(|vm| self.is_busy(&vm.id));
            let vm = self.vms.get_mut(place).filter(|_| !is_busy).ok_or(INVALID_STATE)?;
            let peer = call.there.and_then(|there| there.vms.iter().find(|peer| peer.id == vm.id));
            let before = (vm.state, vm.enabled_state);
            let (kind, work) = begin(vm, peer)?;
            Ok((vm.id.clone(), kind, work, before, call.script.over(&vm.job).over(&self.job_default)))
        });
        let (vm, kind, work, before, mut script) = match begun {
            Ok(begun) => begun,
            Err(code) => return Outcome::Refused(code),
        };
        self.take(method, &vm, &call, Some(kind));
        if script.synchronous {
            // Nothing takes time then but a guest, and that only where it is not refused.
            let duration = script.duration.filter(|_| kind == SHUT_DOWN && script.error.is_none());
            script = JobScript { duration, error: script.error, synchronous: true, ..JobScript::default() };
        }
        let job = Job::new(call.job_id.clone(), kind, vm, call.now, script, work, Some(before));
        self.jobs.push(Job { is_hidden: job.script.synchronous, ..job });
        Outcome::Job(call.job_id)
    }
}

/// Return codes of Hyper-V's methods.
pub(super) const FAILED: u32 = 32768;
pub(super) const NOT_SUPPORTED: u32 = 32770;
pub(super) const INVALID_PARAMETER: u32 = 32773;
pub(super) const INVALID_STATE: u32 = 32775;
pub(super) const INCORRECT_TYPE: u32 = 32776;
