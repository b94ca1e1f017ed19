//! The world of the simulated host: its VMs, their recovery points and jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::Config;
use super::job::{self, Job, Work};
use super::notes::Notes;
use super::object::same_text;
use super::scenario::{Ago, JobScript, PointKind, Scenario, VmSetup};

/// The state that methods change and queries show.
#[derive(Debug)]
pub struct World {
    pub(super) computer: String,
    pub(super) vms: Vec<Vm>,
    pub(super) jobs: Vec<Job>,
    pub(super) demo_items: u64,
    pub(super) notes: Notes,
    pub(super) config: Config,
    job_default: JobScript,
    pub(super) started: Duration,
    called: BTreeMap<(String, String), usize>,
    taken: BTreeMap<(String, String), usize>,
}

/// A virtual machine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Vm {
    /// GUID in upper case: `Name` of its Msvm_ComputerSystem.
    pub id: String,
    /// ElementName.
    pub name: String,
    /// EnabledState: 2 running, 3 off.
    pub enabled_state: u16,
    /// ReplicationMode.
    pub mode: u16,
    /// ReplicationState.
    pub state: u16,
    /// ReplicationHealth.
    pub health: u16,
    /// FailedOverReplicationType.
    pub failed_over: u16,
    /// Time since 1970 of the last replication; none is "never".
    pub last_replication: Option<Duration>,
    /// Recovery points, newest first.
    pub points: Vec<RecoveryPoint>,
    pub(super) job: JobScript,
}

/// A recovery point.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecoveryPoint {
    /// GUID; InstanceID is `Microsoft:<id>`.
    pub id: String,
    /// Its type.
    pub kind: PointKind,
    /// When it was taken, since 1970.
    pub created: Duration,
}

impl RecoveryPoint {
    /// InstanceID of its Msvm_VirtualSystemSettingData.
    pub fn instance_id(&self) -> String {
        format!("Microsoft:{}", self.id)
    }
}

/// What a method answers: 0, 4096 with the id of a job, or a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Job(String),
    Refused(u32),
}

impl World {
    pub(super) fn new(scenario: &Scenario, now: Duration) -> World {
        let replaced = |name: &str| scenario.vms.iter().any(|vm| vm.name == name);
        let defaults = if scenario.default_vms { default_vms() } else { Vec::new() };
        let setups = defaults.iter().filter(|vm| !replaced(&vm.name)).chain(&scenario.vms);
        World {
            computer: scenario.computer.clone(),
            vms: setups.map(|setup| Vm::new(setup, now)).collect(),
            jobs: Vec::new(),
            demo_items: scenario.demo_items,
            notes: Notes::default(),
            config: Config::new(),
            job_default: scenario.job.clone(),
            started: now,
            called: BTreeMap::new(),
            taken: BTreeMap::new(),
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

    /// How often a method was taken for a VM, that is, began to change it.
    pub fn taken(&self, method: &str, name_or_id: &str) -> usize {
        self.count(&self.taken, method, name_or_id)
    }

    /// How often a method was called for a VM, refusals included.
    pub fn called(&self, method: &str, name_or_id: &str) -> usize {
        self.count(&self.called, method, name_or_id)
    }

    fn count(&self, counts: &BTreeMap<(String, String), usize>, method: &str, name_or_id: &str) -> usize {
        let id = self.vm(name_or_id).map_or(name_or_id, |vm| vm.id.as_str());
        counts.get(&(method.to_owned(), id.to_owned())).copied().unwrap_or(0)
    }

    /// Lets jobs that have ended act on their VMs, and forgets those that are long over.
    pub(super) fn settle(&mut self, now: Duration) {
        let ended = self.jobs.iter_mut().filter(|job| !job.is_settled && job.has_ended(now));
        for job in ended {
            job.is_settled = true;
            if let Some(vm) = self.vms.iter_mut().find(|vm| vm.id == job.vm) {
                match job.script.error {
                    Some(_) => (vm.state, vm.enabled_state) = job.before,
                    None => vm.apply(&job.work),
                }
            }
        }
        self.jobs.retain(|job| !job.is_settled || job.is_visible(now));
    }

    /// The jobs that a reader can find.
    pub(super) fn visible_jobs(&self, now: Duration) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(move |job| job.is_visible(now))
    }

    /// Jobs can no longer be found, as after a restart of the service; what they do is not undone.
    pub(super) fn hide_jobs(&mut self) {
        self.jobs.iter_mut().for_each(|job| job.is_hidden = true);
    }

    /// InitiateFailover: the point is its InstanceID; none is the latest.
    pub(super) fn initiate_failover(&mut self, vm: &str, point: Option<&str>, call: Call) -> Outcome {
        self.call("InitiateFailover", vm, call, |vm| {
            let chosen = match point {
                None => None,
                Some(id) => match vm.points.iter().find(|known| same_text(&known.instance_id(), id)) {
                    Some(known) => Some(known.kind),
                    None => return Err(INVALID_PARAMETER),
                },
            };
            // The server's own check is not published; this follows the meanings of the states (inferred).
            let is_replica = matches!(vm.mode, 2 | 4);
            let is_ready = !matches!(vm.state, 0 | 1 | 2 | 4 | 5 | 6 | 12 | 13 | 14);
            if !is_replica || !is_ready || vm.enabled_state != 3 || vm.last_replication.is_none() {
                return Err(INVALID_STATE);
            }
            let failed_over = match chosen {
                None | Some(PointKind::Standard) => 1,
                Some(PointKind::Application) => 2,
                Some(PointKind::Planned) => 3,
            };
            vm.state = 12;
            Ok((job::FAILOVER, Work::Failover { failed_over }))
        })
    }

    pub(super) fn commit_failover(&mut self, vm: &str, call: Call) -> Outcome {
        self.call("CommitFailover", vm, call, |vm| match (vm.mode, vm.state) {
            (2 | 4, 5) => Ok((job::COMMIT, Work::Commit)),
            _ => Err(INVALID_STATE),
        })
    }

    pub(super) fn revert_failover(&mut self, vm: &str, call: Call) -> Outcome {
        self.call("RevertFailover", vm, call, |vm| match (vm.mode, vm.state, vm.enabled_state) {
            (2 | 4, 5, 3) => Ok((job::REVERT, Work::Revert)),
            _ => Err(INVALID_STATE),
        })
    }

    /// RequestStateChange of a VM: 2 start, 3 turn off; the other values are not simulated.
    pub(super) fn request_state(&mut self, vm: &str, wanted: u16, call: Call) -> Outcome {
        self.call("RequestStateChange", vm, call, |vm| {
            // A replica stays off until it is failed over; a prepared primary is locked (inferred).
            let is_locked = (matches!(vm.mode, 2 | 4) && !matches!(vm.state, 5 | 6)) || (vm.mode, vm.state) == (1, 4);
            match (wanted, vm.enabled_state) {
                (2, 3 | 6) if !is_locked => {
                    vm.enabled_state = 10;
                    Ok((job::START, Work::Power(2)))
                }
                (3, 2 | 9) => {
                    vm.enabled_state = 4;
                    Ok((job::POWER_OFF, Work::Power(3)))
                }
                _ => Err(INVALID_STATE),
            }
        })
    }

    /// Counts a call, lets `begin` check and change the VM, and starts the job.
    fn call(
        &mut self,
        method: &str,
        vm: &str,
        call: Call,
        begin: impl FnOnce(&mut Vm) -> Result<(u16, Work), u32>,
    ) -> Outcome {
        let Some(vm) = self.vms.iter_mut().find(|known| known.id.eq_ignore_ascii_case(vm)) else {
            return Outcome::Refused(INVALID_PARAMETER);
        };
        let key = (method.to_owned(), vm.id.clone());
        *self.called.entry(key.clone()).or_default() += 1;
        let before = (vm.state, vm.enabled_state);
        let (kind, work) = match begin(vm) {
            Ok(started) => started,
            Err(code) => return Outcome::Refused(code),
        };
        *self.taken.entry(key).or_default() += 1;
        let script = call.script.over(&vm.job).over(&self.job_default);
        if script.synchronous {
            vm.apply(&work);
            return Outcome::Done;
        }
        self.jobs.push(Job {
            id: call.job_id.clone(),
            kind,
            vm: vm.id.clone(),
            started: call.now,
            script,
            work,
            before,
            is_settled: false,
            is_hidden: false,
        });
        self.settle(call.now);
        Outcome::Job(call.job_id)
    }
}

/// What a method call needs from outside.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) now: Duration,
    /// For the job, if one begins.
    pub(super) job_id: String,
    /// Wishes of a fault for the job.
    pub(super) script: JobScript,
}

impl Vm {
    fn new(setup: &VmSetup, now: Duration) -> Vm {
        let id = setup.id.as_ref().map_or_else(|| guid_of(&setup.name), |id| id.to_uppercase());
        let mut points: Vec<_> = setup
            .points
            .iter()
            .enumerate()
            .map(|(place, point)| RecoveryPoint {
                id: guid_of(&format!("{} point {place}", setup.name)),
                kind: point.kind,
                created: now.saturating_sub(point.age),
            })
            .collect();
        points.sort_by_key(|point| std::cmp::Reverse(point.created));
        Vm {
            id,
            name: setup.name.clone(),
            enabled_state: setup.enabled,
            mode: setup.mode,
            state: setup.state,
            health: setup.health,
            failed_over: setup.failed_over,
            last_replication: match setup.last_replication {
                Ago::Never => None,
                Ago::Since(time) => Some(now.saturating_sub(time)),
            },
            points,
            job: setup.job.clone(),
        }
    }

    /// InstanceID of its primary relation (Msvm_ReplicationRelationship).
    pub fn relationship_id(&self) -> String {
        format!("Microsoft:{}\\HVR\\0", self.id)
    }

    /// The time of its newest application-consistent point.
    pub(super) fn last_application_consistent(&self) -> Option<Duration> {
        self.points.iter().filter(|point| point.kind == PointKind::Application).map(|point| point.created).max()
    }

    fn is(&self, name_or_id: &str) -> bool {
        self.name == name_or_id || self.id.eq_ignore_ascii_case(name_or_id)
    }

    fn apply(&mut self, work: &Work) {
        match work {
            Work::Failover { failed_over } => {
                self.state = 5;
                self.failed_over = *failed_over;
            }
            // The other points are dropped, which cannot be undone.
            Work::Commit => {
                self.state = 6;
                self.points.clear();
            }
            Work::Revert => {
                self.state = 3;
                self.failed_over = 0;
            }
            Work::Power(state) => self.enabled_state = *state,
        }
    }
}

/// The VMs that are there unless a scenario says otherwise: one for each case worth rehearsing.
fn default_vms() -> Vec<VmSetup> {
    let point = |kind, minutes: u64| super::scenario::PointSetup { kind, age: Duration::from_secs(minutes * 60) };
    let ready = VmSetup::ready;
    let standard = |minutes| point(PointKind::Standard, minutes);
    let application = |minutes| point(PointKind::Application, minutes);
    vec![
        VmSetup {
            points: vec![standard(3), standard(63), application(123), standard(183), application(243)],
            ..ready("app-db-01")
        },
        ready("twin"),
        ready("Twin"),
        VmSetup { state: 5, failed_over: 1, points: vec![standard(30)], ..ready("done-01") },
        VmSetup {
            state: 7,
            health: 2,
            last_replication: Ago::Since(Duration::from_secs(26 * 3600)),
            ..ready("paused-01")
        },
        VmSetup { state: 2, last_replication: Ago::Never, ..ready("fresh-01") },
        VmSetup { points: vec![standard(8)], ..ready("Bücher-データ") },
        VmSetup {
            job: JobScript { duration: Some(Duration::from_secs(2)), error: Some(32768), ..JobScript::default() },
            ..ready("fail-01")
        },
        VmSetup {
            job: JobScript { duration: Some(Duration::from_secs(40)), ..JobScript::default() },
            points: vec![standard(5), application(65)],
            ..ready("slow-01")
        },
        VmSetup { enabled: 2, ..ready("running-01") },
        VmSetup { mode: 1, enabled: 2, ..ready("primary-01") },
        VmSetup { mode: 0, state: 0, health: 0, enabled: 2, last_replication: Ago::Never, ..ready("plain-01") },
        ready("o'brien <&> \"x\""),
        VmSetup { mode: 3, state: 0, health: 0, enabled: 2, last_replication: Ago::Never, ..ready("test-01") },
        VmSetup { points: vec![point(PointKind::Planned, 15), standard(75)], ..ready("planned-01") },
    ]
}

/// A GUID that belongs to a text: the same one in every run, so that rehearsals can be compared.
pub(super) fn guid_of(text: &str) -> String {
    let hash = |salt: u64| {
        let start = 0xcbf2_9ce4_8422_2325 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    guid_from(hash(1), hash(2))
}

/// A GUID of version 4 from 128 bits, in upper case as Windows writes them.
pub(super) fn guid_from(high: u64, low: u64) -> String {
    let bytes = uuid::Uuid::from_u64_pair(high, low).into_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().to_uppercase()
}

/// Return codes of Hyper-V's methods.
pub(super) const INVALID_PARAMETER: u32 = 32773;
pub(super) const INVALID_STATE: u32 = 32775;
