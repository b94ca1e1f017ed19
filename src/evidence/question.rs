//! The questions: each as the rest of the crate asks it, so that it is our own request that is put to the test.

use crate::hyperv::vm::{self, Vm, VmId};
use crate::hyperv::{Error, Host, NAMESPACE, Relation, RelationKind, ReplicationMode, VmSelector, random_id, service};
use crate::wsman::{
    EndpointReference, Exchange, Get, Operation, Pull, Repeatable, ReplyError, RequestContext, ResourceOption,
    ResourceUri, SelectorSet, get,
};
use crate::xml::WriteError;

/// A question that changes nothing. They are asked in the order of [`Question::ALL`]: what one learns, the next needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Question {
    /// Every VM. The answer names all names that are to be replaced.
    Vms,
    /// The VM by its name, through WQL.
    FindVm,
    /// Its relations.
    Relations,
    /// Its replication settings.
    Settings,
    /// Statistics of its primary relation: a method of the replication service that only reads.
    Statistics,
    /// Its recovery points.
    Points,
    /// Test VMs made from it.
    TestVms,
    /// What its network adapters get after a failover.
    Adapters,
    /// The jobs that touch it.
    JobsOfVm,
    /// Every job, in English and in another language.
    Jobs,
    /// The cluster of the host.
    Cluster,
    /// A VM that cannot be there, in English and in another language.
    MissingVm,
    /// A class that cannot be there.
    MissingClass,
    /// A page of an enumeration that never was.
    MissingPage,
    /// A VM by one of its two keys.
    HalfAKey,
    /// The configuration of WinRM, which administrators may read.
    Config,
    /// The declaration of the replication service, as the host has it.
    Declaration,
}

/// Whether a question could be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It was.
    Yes,
    /// It was not, and why.
    No(&'static str),
}

/// What the questions are about, as far as it is known.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Subject {
    /// The VM; where none is named, the first that tells most.
    pub vm: Option<Vm>,
    relation: Option<Relation>,
}

impl Subject {
    /// Questions about this VM.
    pub fn of(vm: Vm) -> Subject {
        Subject { vm: Some(vm), relation: None }
    }

    fn choose(&mut self, vms: &[Vm]) {
        let of = |modes: &[ReplicationMode]| vms.iter().find(|vm| modes.contains(&vm.mode));
        let replica = of(&[ReplicationMode::Replica, ReplicationMode::ExtendedReplica]);
        let best = replica.or_else(|| of(&[ReplicationMode::Primary])).or(vms.first());
        self.vm = self.vm.take().or(best.cloned());
    }
}

impl Question {
    /// Every question, in order.
    pub const ALL: &'static [Question] = &[
        Question::Vms,
        Question::FindVm,
        Question::Relations,
        Question::Settings,
        Question::Statistics,
        Question::Points,
        Question::TestVms,
        Question::Adapters,
        Question::JobsOfVm,
        Question::Jobs,
        Question::Cluster,
        Question::MissingVm,
        Question::MissingClass,
        Question::MissingPage,
        Question::HalfAKey,
        Question::Config,
        Question::Declaration,
    ];

    /// What is asked after a rehearsal, while the host still keeps its jobs.
    pub const AFTER_REHEARSAL: &'static [Question] = &[Question::JobsOfVm, Question::Jobs];

    /// Asks it. `foreign` is the same host, asked for another language. What is refused is an answer too: the messages
    /// are for the judges, the error is for whoever decides whether to go on.
    ///
    /// # Errors
    /// As for the same question elsewhere.
    pub async fn ask<E: Exchange>(
        self,
        host: &Host<E>,
        foreign: &Host<E>,
        subject: &mut Subject,
    ) -> Result<Asked, Error> {
        let client = host.client();
        match self {
            Question::Vms => {
                let vms = host.vms().await?;
                subject.choose(&vms);
            }
            Question::Jobs => {
                client.all(JOB).pages().await?;
                foreign.client().all(JOB).pages().await?;
            }
            Question::Cluster => drop(host.cluster().await?),
            Question::MissingVm => {
                host.vm(&missing_vm()).await?;
                foreign.vm(&missing_vm()).await?;
            }
            Question::MissingClass => drop(client.all(MISSING_CLASS).pages().await?),
            Question::MissingPage => {
                let addressing = client.addressing();
                let resource = addressing.class(vm::CLASS);
                client.ask(&Pull { resource, selectors: addressing.class_selectors(), context: random_id() }).await?;
            }
            Question::Config => drop(client.get(whole(CONFIG)).await?),
            Question::Declaration => {
                let keys = SelectorSet::new().with("__cimnamespace", NAMESPACE);
                let keys = keys.with("ClassName", service::REPLICATION_SERVICE);
                let target = EndpointReference::new(ResourceUri::new(DECLARATIONS), keys);
                client.ask(&Declaration(Get { target })).await?;
            }
            about_vm => {
                let Some(vm) = subject.vm.clone() else {
                    return Ok(Asked::No("no VM is visible to this account, or they could not be listed"));
                };
                return about_vm.ask_about(&vm, host, subject).await;
            }
        }
        Ok(Asked::Yes)
    }

    async fn ask_about<E: Exchange>(self, vm: &Vm, host: &Host<E>, subject: &mut Subject) -> Result<Asked, Error> {
        let client = host.client();
        let is_replicated = !matches!(vm.mode, ReplicationMode::None | ReplicationMode::TestReplica);
        match self {
            Question::FindVm => drop(host.find_vm(&VmSelector::Name(vm.name.clone())).await?),
            Question::Points => drop(host.recovery_points(&vm.id).await?),
            Question::TestVms => drop(host.test_vms_of(&vm.id).await?),
            Question::Adapters => drop(host.failover_adapters(&vm.id).await?),
            Question::JobsOfVm => drop(host.jobs_of(&vm.id).await?),
            Question::HalfAKey => {
                let keys = SelectorSet::new().with("Name", vm.id.as_str());
                client.get(client.addressing().reference(vm::CLASS, keys)).await?;
            }
            _ if !is_replicated => {
                return Ok(Asked::No("the VM is not replicated; none that is, is visible to this account"));
            }
            Question::Relations => {
                let relations = host.relations_of(&vm.id).await?.unwrap_or_default();
                subject.relation = relations.into_iter().find(|relation| relation.kind == RelationKind::Primary);
            }
            Question::Settings => drop(host.replication_settings_of(&vm.id).await?),
            Question::Statistics => drop(host.replication_statistics(&vm.id, subject.relation.as_ref()).await?),
            // Those about no VM are asked by `ask`.
            _ => return Ok(Asked::No("it is not about a VM")),
        }
        Ok(Asked::Yes)
    }
}

/// Get of a class declaration with its qualifiers.
struct Declaration(Get);

impl Operation for Declaration {
    type Output = get::Response;

    fn action(&self) -> String {
        self.0.action()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let mut extra = context.extra.cloned().unwrap_or_default();
        let value = "true".to_owned();
        extra.options.push(ResourceOption { name: "IncludeQualifiers".to_owned(), value, must_comply: false });
        self.0.write(&RequestContext { extra: Some(&extra), ..*context })
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<get::Response, ReplyError> {
        self.0.read(reply, message_id)
    }
}

impl Repeatable for Declaration {}

/// An id that no VM has: version 8 and our own pattern.
fn missing_vm() -> VmId {
    VmId::from_static("0E71DE4C-E000-8000-8000-000000000000")
}

fn whole(resource: &str) -> EndpointReference {
    EndpointReference::new(ResourceUri::new(resource), SelectorSet::new())
}

pub(super) const JOB: &str = "Msvm_ConcreteJob";
pub(super) const MISSING_CLASS: &str = "Hvr_ClassThatIsNotThere";
pub(super) const CONFIG: &str = "http://schemas.microsoft.com/wbem/wsman/1/config";
/// Declarations as CIM-XML, since 2012 (MS-WSMV 3.1.4.1.38).
pub(super) const DECLARATIONS: &str = "http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/*";
