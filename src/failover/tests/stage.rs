//! Two hosts as a script: what each shows, and what a call changes there at once.

use super::*;
use crate::cim::{ClassName, Instance, Property, PropertyName, Value};
use crate::failover::journal::{CallOutcome, CallRecord, History, Intent, RunId, RunRecord, Taken, Uptime, Verdict};
use crate::hyperv::{
    Connection, FailoverAdapter, FailoverSettings, HostReplication, RelationKind, ReplicationSettings,
};

pub(super) const START: Duration = Duration::from_secs(1000);
pub(super) const TEST_VM: &str = "A11D7B52-30C6-4E0F-8A55-6D3C2B1F0E99";
pub(super) const ADAPTER: &str = "Microsoft:5C2A7E10\\ADAPTER";

/// What one host shows.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) vm: Option<Vm>,
    pub(super) test_vms: Vec<Vm>,
    pub(super) points: Vec<RecoveryPoint>,
    pub(super) settings: Vec<ReplicationSettings>,
    pub(super) connections: Vec<Connection>,
    pub(super) adapters: Vec<FailoverAdapter>,
    pub(super) switches: Vec<String>,
    pub(super) takes_replicas: bool,
    pub(super) jobs: Vec<Job>,
}

/// Both hosts, and what was done.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) host: Side,
    pub(super) primary: Side,
    pub(super) now: Duration,
    /// Whether the machine was not started again since the calls on record.
    pub(super) is_same_boot: bool,
    /// By how many seconds its clock was set since then.
    pub(super) clock_set: i64,
    /// What was asked and called, a word each; waits are left out.
    pub(super) trail: Vec<String>,
    /// The proposals that were confirmed.
    pub(super) proposals: Vec<Proposal>,
    /// What the journal would have: calls with their verdicts.
    pub(super) record: Vec<(StepName, Option<Verdict>)>,
}

pub(super) fn settings() -> ReplicationSettings {
    let text = PropertyName::from_static;
    let instance = Instance::new(ClassName::from_static("Msvm_ReplicationSettingData"))
        .with(text("InstanceID"), format!("Microsoft:{GUID}\\HVR\\0").as_str())
        .with(text("RecoveryConnectionPoint"), "replica.example");
    ReplicationSettings {
        vm: id(),
        relation: RelationKind::Primary,
        instance,
        primary_host: "primary.example".to_owned(),
        primary_connection_point: "primary.example".to_owned(),
        recovery_host: "replica.example".to_owned(),
        recovery_connection_point: "replica.example".to_owned(),
        port: Some(80),
        authentication: Some(1),
        thumbprint: String::new(),
        interval: None,
        provider: String::new(),
    }
}

impl Side {
    fn new(vm: Vm) -> Side {
        Side {
            vm: Some(vm),
            test_vms: Vec::new(),
            points: vec![
                point("Microsoft:A", PointKind::Standard, 100),
                point("Microsoft:B", PointKind::ApplicationConsistent, 3600),
            ],
            settings: vec![settings()],
            connections: vec![Connection {
                id: format!("{ADAPTER}\\C"),
                last_switch: "Production".to_owned(),
                test_switch: String::new(),
                test_pool: String::new(),
            }],
            adapters: vec![FailoverAdapter {
                id: ADAPTER.to_owned(),
                name: "Network Adapter".to_owned(),
                mac: String::new(),
                settings: Some(FailoverSettings {
                    id: None,
                    protocol: None,
                    dhcp: true,
                    addresses: Vec::new(),
                    subnets: Vec::new(),
                    gateways: Vec::new(),
                    dns: Vec::new(),
                }),
            }],
            switches: vec!["Production".to_owned(), "Isolated".to_owned()],
            takes_replicas: true,
            jobs: Vec::new(),
        }
    }

    fn vm_mut(&mut self, id: &VmId) -> Option<&mut Vm> {
        self.vm.iter_mut().chain(&mut self.test_vms).find(|vm| vm.id == *id)
    }
}

impl Stage {
    /// A primary that runs and its replica.
    pub(super) fn new() -> Stage {
        let replica = vm(ReplicationState::Replicating);
        let primary = Vm { mode: ReplicationMode::Primary, enabled_state: EnabledState::Enabled, ..replica.clone() };
        Stage {
            host: Side::new(replica),
            primary: Side::new(primary),
            now: START,
            is_same_boot: true,
            clock_set: 0,
            trail: Vec::new(),
            proposals: Vec::new(),
            record: Vec::new(),
        }
    }

    pub(super) fn side(&mut self, site: Site) -> &mut Side {
        match site {
            Site::Host => &mut self.host,
            Site::Primary => &mut self.primary,
        }
    }

    pub(super) fn vm(&mut self, site: Site) -> &mut Vm {
        self.side(site).vm.as_mut().unwrap()
    }

    /// With the replica's VM changed.
    pub(super) fn host(mut self, change: impl FnOnce(&mut Vm)) -> Stage {
        change(self.vm(Site::Host));
        self
    }

    /// With the primary's VM changed.
    pub(super) fn primary(mut self, change: impl FnOnce(&mut Vm)) -> Stage {
        change(self.vm(Site::Primary));
        self
    }

    /// With the replica failed over.
    pub(super) fn failed_over(self, kind: FailoverType) -> Stage {
        self.host(|vm| (vm.state, vm.failed_over) = (ReplicationState::Recovered, kind))
    }

    /// With the primary off and prepared.
    pub(super) fn prepared(self) -> Stage {
        self.primary(|vm| {
            vm.enabled_state = EnabledState::Disabled;
            vm.state = ReplicationState::SyncedReplicationComplete;
        })
    }

    /// With a test VM beside the replica.
    pub(super) fn with_test_vm(mut self) -> Stage {
        self.host.test_vms.push(test_vm(TEST_VM));
        self
    }

    /// Mode, state and power of both VMs, as numbers: replica's host, primary's host.
    pub(super) fn states(&self) -> [(u16, u16, u16); 2] {
        [&self.host, &self.primary].map(|side| {
            let vm = side.vm.as_ref().unwrap();
            (vm.mode.value(), vm.state.value(), vm.enabled_state.value())
        })
    }

    /// The calls that were sent.
    pub(super) fn calls(&self) -> Vec<&str> {
        self.trail.iter().filter_map(|word| word.strip_prefix("! ")).collect()
    }

    /// Runs an order to its end; all goes well.
    pub(super) fn run(&mut self, order: Order) -> Outcome {
        self.play(Workflow::new(order), |_, _| None)
    }

    /// Runs an order; the script answers what it likes, the stage the rest.
    pub(super) fn run_with(
        &mut self,
        order: Order,
        script: impl FnMut(&Action, &mut Stage) -> Option<Observation>,
    ) -> Outcome {
        self.play(Workflow::new(order), script)
    }

    /// Takes up a run of which the journal has these calls.
    pub(super) fn resume(&mut self, history: History) -> Outcome {
        self.resume_with(history, |_, _| None)
    }

    pub(super) fn resume_with(
        &mut self,
        history: History,
        script: impl FnMut(&Action, &mut Stage) -> Option<Observation>,
    ) -> Outcome {
        let uptime = self.is_same_boot.then(|| uptime(self.now));
        self.play(Workflow::resume(history).with_uptime(uptime), script)
    }

    pub(super) fn play(
        &mut self,
        mut workflow: Workflow,
        mut script: impl FnMut(&Action, &mut Stage) -> Option<Observation>,
    ) -> Outcome {
        let mut seen = Observation::Begin;
        for _ in 0..10_000 {
            let action = workflow.next(self.now, self.wall(), seen);
            if let (Some(verdict), Some(last)) = (workflow.take_verdict(), self.record.last_mut()) {
                last.1 = Some(verdict);
            }
            let word = word(&action);
            if let Action::Call { step, .. } = &action {
                self.record.push((*step, None));
            }
            let answer = script(&action, self);
            match action {
                Action::Finish(outcome) => return outcome,
                Action::Wait(duration) => {
                    self.now += duration;
                    seen = Observation::Waited;
                    continue;
                }
                Action::Confirm(proposal) => {
                    self.proposals.push(*proposal);
                    seen = answer.unwrap_or(Observation::Answer(true));
                }
                action => seen = answer.unwrap_or_else(|| self.answer(action)),
            }
            self.trail.push(word);
        }
        panic!("the workflow does not end: {:?}", self.trail);
    }

    pub(super) fn wall(&self) -> SystemTime {
        let time = wall() + (self.now - START);
        let set = Duration::from_secs(self.clock_set.unsigned_abs());
        if self.clock_set < 0 { time - set } else { time + set }
    }

    /// What the hosts answer.
    pub(super) fn answer(&mut self, action: Action) -> Observation {
        match action {
            Action::Take { .. } => Observation::Taken(Ok(Taken::Fresh)),
            Action::Ask { site, ask } => Observation::Told(Ok(self.told(site, ask))),
            Action::Call { site, call, .. } => {
                self.effect(site, &call);
                let kind = call.job_types().first().copied();
                let job = Job { kind, submitted: Datetime::try_from(self.wall()).ok(), ..job(JobState::Completed, 0) };
                self.side(site).jobs = vec![job];
                Observation::Called(Ok(Invoked::Started(job_ref())))
            }
            Action::GetJob { site, .. } => Observation::Job(Ok(self.side(site).jobs.first().cloned())),
            Action::FindJobs { site, .. } => Observation::Jobs(Ok(self.side(site).jobs.clone())),
            Action::GetJobErrors { .. } => Observation::JobErrors(Ok(Vec::new())),
            Action::LearnService { .. } => Observation::Service(Ok(Some(ServiceKeys::Short))),
            other => panic!("{other:?}"),
        }
    }

    fn told(&mut self, site: Site, ask: Ask) -> Told {
        let side = self.side(site);
        match ask {
            Ask::FindVm(_) => Told::LookedUp(match &side.vm {
                Some(vm) => LookedUp::One(Box::new(vm.clone())),
                None => LookedUp::NotVisible,
            }),
            Ask::Vm(id) => Told::Vm(side.vm_mut(&id).cloned().map(Box::new)),
            Ask::Points(_) => Told::Points(side.points.clone()),
            Ask::TestVms(_) => Told::TestVms(side.test_vms.clone()),
            Ask::Settings(_) => Told::Settings(side.settings.clone()),
            Ask::Connections(_) => Told::Connections(side.connections.clone()),
            Ask::Adapters(_) => Told::Adapters(side.adapters.clone()),
            Ask::Switches => Told::Switches(side.switches.clone()),
            Ask::Service => Told::Service(Some(HostReplication {
                recovery_server_enabled: side.takes_replicas,
                allowed_authentication: Some(1),
            })),
        }
    }

    /// What a call does, by the state walk of Hyper-V.
    pub(super) fn effect(&mut self, site: Site, call: &Call) {
        let primary = self.primary.vm.clone();
        let is_prepared = primary.is_some_and(|vm| vm.state == ReplicationState::SyncedReplicationComplete);
        let points = self.host.points.clone();
        if let Call::DestroySystem(id) = call {
            self.side(site).test_vms.retain(|vm| vm.id != *id);
            return;
        }
        let vm = self.side(site).vm_mut(call.vm()).expect("a VM that is there");
        match call {
            Call::Power { state: EnabledState::Enabled, .. } => vm.enabled_state = EnabledState::Enabled,
            Call::Power { .. } => vm.enabled_state = EnabledState::Disabled,
            Call::ReplicationState { state: ReplicationState::WaitingForInitialReplication, .. } => {
                vm.mode = ReplicationMode::Replica;
                vm.state = ReplicationState::WaitingForInitialReplication;
            }
            Call::ReplicationState { state, .. } => vm.state = *state,
            Call::InitiateFailover { point, .. } => {
                let kind = point.as_ref().and_then(|point| points.iter().find(|known| known.id == point.id));
                vm.state = ReplicationState::Recovered;
                vm.failed_over = match kind.map(|point| point.kind) {
                    None if is_prepared => FailoverType::Planned,
                    Some(PointKind::ApplicationConsistent) => FailoverType::ApplicationConsistent,
                    _ => FailoverType::Regular,
                };
            }
            Call::CommitFailover(_) => vm.state = ReplicationState::Committed,
            Call::RevertFailover(_) => {
                (vm.state, vm.failed_over) = (ReplicationState::Replicating, FailoverType::None);
            }
            Call::ReverseReplication { .. } => {
                let next =
                    if is_prepared { ReplicationState::Replicating } else { ReplicationState::ReadyForReplication };
                (vm.mode, vm.state, vm.failed_over) = (ReplicationMode::Primary, next, FailoverType::None);
                if let Some(old) = self.primary.vm.as_mut().filter(|_| is_prepared) {
                    (old.mode, old.state) = (ReplicationMode::Replica, ReplicationState::Replicating);
                }
            }
            Call::StartReplication(_) => vm.state = ReplicationState::WaitingForInitialReplication,
            Call::TestReplicaSystem { .. } => self.host.test_vms.push(test_vm(TEST_VM)),
            Call::ModifyResources { settings, .. } => {
                let switch = settings[0].text("TestReplicaSwitchName").unwrap().to_owned();
                self.host.connections.iter_mut().for_each(|connection| connection.test_switch.clone_from(&switch));
            }
            Call::SetFailoverNetwork { adapters, .. } => {
                let dhcp = adapters[0].property("DHCPEnabled") == Property::Value(&Value::Boolean(true));
                let texts = |name| match adapters[0].property(name) {
                    Property::Value(Value::Array(_, items)) => items.iter().map(ToString::to_string).collect(),
                    _ => Vec::new(),
                };
                let settings = self.host.adapters[0].settings.as_mut().unwrap();
                (settings.dhcp, settings.addresses, settings.subnets) = (dhcp, texts("IPAddresses"), texts("Subnets"));
                (settings.gateways, settings.dns) = (texts("DefaultGateways"), texts("DNSServers"));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The time since the start of the machine, of a run that began with the stage.
pub(super) fn uptime(now: Duration) -> Uptime {
    Uptime { boot: "boot".to_owned(), time: now }
}

pub(super) fn test_vm(id: &str) -> Vm {
    Vm {
        id: id.parse().unwrap(),
        name: "app-db-01 - Test".to_owned(),
        mode: ReplicationMode::TestReplica,
        ..vm(ReplicationState::Disabled)
    }
}

/// An action in a word: site and question, or after an exclamation mark site and step of a call.
fn word(action: &Action) -> String {
    match action {
        Action::Ask { site, ask } => {
            let ask = format!("{ask:?}");
            format!("{site} {}", ask.split(['(', ' ']).next().unwrap_or(""))
        }
        Action::Take { .. } => "take".to_owned(),
        Action::Confirm(_) => "confirm".to_owned(),
        Action::Call { site, step, .. } => format!("! {site} {step}"),
        Action::LearnService { site, .. } => format!("{site} LearnService"),
        Action::GetJob { site, .. } => format!("{site} GetJob"),
        Action::GetJobErrors { site, .. } => format!("{site} GetJobErrors"),
        Action::FindJobs { site, .. } => format!("{site} FindJobs"),
        Action::Wait(_) | Action::Finish(_) => String::new(),
    }
}

/// A run on record: its order, and for each call what came back and what was proven.
pub(super) fn history(order: Order, calls: &[(StepName, Option<CallOutcome>, Option<Verdict>)]) -> History {
    let subject = |step: StepName| if step.is_about_test_vm() { TEST_VM.parse().unwrap() } else { id() };
    let records = (1..).zip(calls).map(|(number, (step, outcome, verdict))| CallRecord {
        number,
        intent: Intent {
            step: step.name().to_owned(),
            site: step.site(),
            host: "http://x:5985/wsman".to_owned(),
            vm: subject(*step),
            method: "Class.Method".to_owned(),
            message_id: format!("uuid:{number}"),
            envelope: String::new(),
            before: String::new(),
            sent: wall(),
            operation_timeout: Duration::from_secs(60),
            sent_uptime: Some(uptime(START)),
        },
        outcome: outcome.clone(),
        verdict: *verdict,
    });
    History {
        record: RunRecord {
            id: RunId::new(wall()),
            order: order.for_vm(id()),
            vm: id(),
            vm_name: "app-db-01".to_owned(),
            hosts: Vec::new(),
            begun: wall(),
            undoes: None,
            context: String::new(),
        },
        calls: records.collect(),
        end: None,
        note: String::new(),
    }
}

/// The method answered with this code, and a job where it started one.
pub(super) fn answered(code: u32) -> Option<CallOutcome> {
    let code = ReturnCode::from(code);
    let job = (code == ReturnCode::JobStarted)
        .then(|| ("http://x/root/virtualization/v2/Msvm_ConcreteJob".to_owned(), "B7D1C0E2".to_owned()));
    Some(CallOutcome { delivery: Delivery::Answered, code: Some(code), job, error: None })
}

/// No answer came.
pub(super) fn no_answer(delivery: Delivery) -> Option<CallOutcome> {
    Some(CallOutcome { delivery, code: None, job: None, error: Some("cut".to_owned()) })
}

pub(super) fn planned() -> Order {
    let kind = Kind::PlannedFailover { off: PowerOff::ShutDown, reverse: true, thumbprint: None };
    Order { start: true, ..of(kind) }
}

pub(super) fn of(kind: Kind) -> Order {
    Order::of(kind, VmSelector::Name("app-db-01".to_owned()))
}

/// The refusal of a preflight: its codes, each with a remedy unless it says what cannot be changed.
pub(super) fn refused(outcome: &Outcome) -> Vec<&'static str> {
    let Outcome::Refused(Refusal::Preflight(proposal)) = outcome else { panic!("{outcome:?}") };
    let refusals = proposal.findings.iter().filter(|finding| finding.severity == Severity::Refusal);
    refusals
        .inspect(|finding| assert!(!finding.remedy.is_empty(), "{}", finding.code))
        .map(|finding| finding.code)
        .collect()
}

/// What was changed meanwhile, in the words of the run.
pub(super) fn changed(outcome: &Outcome) -> (StepName, &str) {
    let Outcome::Stopped(stopped) = outcome else { panic!("{outcome:?}") };
    let Cause::Changed(seen) = &stopped.cause else { panic!("{outcome:?}") };
    (stopped.step, seen)
}
