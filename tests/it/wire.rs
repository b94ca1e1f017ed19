//! What goes over the wire: golden requests byte for byte, replies of every known shape.

use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyperv_replica::cim::{CimDatetime, ClassName, Instance, InstanceView, Property, PropertyName, Value};
use hyperv_replica::hyperv::{
    AdapterAddresses, Call, Connection, EnabledState, FailoverSettings, Host, Invoked, Job, JobRef, RecoveryPoint,
    Relation, ReplicationSettings, ReplicationState, ReturnCode, ServiceKeys, Vm, VmId,
};
use hyperv_replica::wsman::{
    Associated, AssociationFilter, ClassAddressing, Client, Create, Delete, Delivery, EndpointReference, Enumerate,
    EnumerationMode, Exchange, ExchangeError, ExchangeErrorKind, Extra, Filter, Fragment, FragmentContent, Get,
    GetFragment, HeaderBlock, Identify, Invoke, Limits, Message, Operation, Parameter, PolymorphismMode, Pull, Put,
    PutFragment, Release, Renew, Reply, ReplyError, Representation, RequestContext, ResourceOption, ResourceUri,
    SelectorSet, Subscribe, SubscriptionManager, Timeouts, Unsubscribe, wql,
};
use hyperv_replica::xml::Document;

const V2: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2";
const GUID: &str = "3F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E21";

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

const MESSAGE_ID: &str = "uuid:6B1C2F0E-0D7B-4F9E-9C52-1A5A7E7B0C11";
const TO: &str = "https://hvr01.example.test:5986/wsman";

/// The request as written with fixed ids, compared with its file; `HVR_BLESS=1` writes the file anew.
fn golden<O: Operation>(name: &str, operation: &O) {
    golden_with(name, operation, None);
}

fn golden_with<O: Operation>(name: &str, operation: &O, extra: Option<&Extra>) {
    let limits = Limits::default();
    let context = RequestContext {
        message_id: MESSAGE_ID,
        to: TO,
        limits: &limits,
        timeouts: Timeouts::new(Duration::from_secs(60)),
        locale: Some("en-US"),
        extra,
    };
    WRITTEN.lock().unwrap().insert(std::any::type_name::<O>().rsplit("::").next().unwrap());
    compare(name, operation.write(&context).unwrap());
}

/// Keeps what is sent, and answers nothing.
struct Keeper(Mutex<Vec<u8>>);

impl Exchange for &Keeper {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        *self.0.lock().unwrap() = message.into_bytes();
        Err(ExchangeError::new(ExchangeErrorKind::Other, Delivery::NotSent, "nothing is answered here"))
    }

    fn address(&self) -> &str {
        TO
    }
}

/// The first request of a typed question, compared with its file.
fn golden_question<T, F: Future<Output = T>>(name: &str, ask: impl FnOnce(Host<&'static Keeper>) -> F) {
    // One small box for each file of this test.
    let keeper: &'static Keeper = Box::leak(Box::new(Keeper(Mutex::default())));
    let microsoft = ClassAddressing::microsoft("root/virtualization/v2");
    let host = Host::new(Client::new(keeper, microsoft, || MESSAGE_ID.to_owned()));
    let Poll::Ready(_) = pin!(ask(host)).poll(&mut Context::from_waker(Waker::noop())) else { panic!("it waits") };
    compare(name, keeper.0.lock().unwrap().clone());
}

fn compare(name: &str, written: Vec<u8>) {
    let written = String::from_utf8(written).unwrap();
    let file = data().join("requests").join(format!("{name}.xml"));
    if std::env::var_os("HVR_BLESS").is_some() {
        fs::write(&file, &written).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_else(|_| panic!("no {}", file.display()));
    assert_eq!(written, expected, "{name}");
}

/// Operations that golden requests were written of, by their types.
static WRITTEN: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());

/// The operations of `src/wsman`; what is sent as it was read has nothing of its own to write.
fn operations() -> BTreeSet<String> {
    let folder = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wsman")).unwrap();
    let texts: Vec<_> = folder.filter_map(|file| fs::read_to_string(file.unwrap().path()).ok()).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let names = lines.filter_map(|line| line.strip_prefix("impl Operation for ")?.strip_suffix(" {"));
    names.filter(|name| *name != "RawRequest").map(str::to_owned).collect()
}

#[test]
fn requests_are_written_byte_for_byte() {
    let microsoft = ClassAddressing::microsoft("root/virtualization/v2");
    let dmtf = ClassAddressing::dmtf("root/virtualization/v2");
    let vm = |addressing: &ClassAddressing| {
        let keys = SelectorSet::new().with("CreationClassName", "Msvm_ComputerSystem").with("Name", GUID);
        addressing.reference("Msvm_ComputerSystem", keys)
    };
    let service = microsoft
        .reference("Msvm_ReplicationService", SelectorSet::new().with("CreationClassName", "Msvm_ReplicationService"));
    let point = microsoft.reference(
        "Msvm_VirtualSystemSettingData",
        SelectorSet::new().with("InstanceID", "Microsoft:B7C6D5E4-1111-4222-8333-94A5B6C7D8E9"),
    );
    let job = microsoft
        .reference("Msvm_ConcreteJob", SelectorSet::new().with("InstanceID", "0D4F7A10-5B1C-4A6B-8F2E-33E1C0A9D7B6"));
    let class = |name| Enumerate::new(microsoft.class(name));
    let query = wql::select("Msvm_ComputerSystem", &[("ElementName", "o'brien \\ <&> \"x\"")]);

    golden("identify", &Identify);
    golden("get-vm", &Get { target: vm(&microsoft) });
    golden("get-vm-dmtf", &Get { target: vm(&dmtf) });
    golden("get-job", &Get { target: job.clone() });
    golden("enumerate", &class("Msvm_ComputerSystem"));
    golden("enumerate-plain", &Enumerate { optimize: false, ..class("Msvm_ComputerSystem") });
    golden("enumerate-wql", &Enumerate::new(microsoft.all_classes()).filter(Filter::wql(query)));
    golden("enumerate-epr", &class("Msvm_ReplicationService").mode(EnumerationMode::Reference));
    golden("enumerate-object-and-epr", &class("Msvm_ConcreteJob").mode(EnumerationMode::ObjectAndReference));
    let mut other = Enumerate::new(dmtf.class("Msvm_ComputerSystem"));
    other.selectors = dmtf.class_selectors();
    golden("enumerate-dmtf", &other);
    let context = "uuid:AAAAAAAA-0000-4000-8000-000000000001".to_owned();
    let (resource, selectors) = (microsoft.all_classes(), SelectorSet::new());
    golden("pull", &Pull { resource: resource.clone(), selectors: selectors.clone(), context: context.clone() });
    golden("release", &Release { resource, selectors, context });
    transfer_and_eventing(&microsoft, &dmtf, vm(&microsoft));
    let latest =
        Invoke::new(service.clone(), "InitiateFailover").with("ComputerSystem", Parameter::Reference(vm(&microsoft)));
    golden("initiate-failover-latest", &latest);
    golden("initiate-failover-point", &latest.with("SnapshotSettingData", Parameter::Reference(point)));
    golden("get-error-ex", &Invoke::new(job, "GetErrorEx"));
    let state = Parameter::Value(Value::uint16(2));
    golden("request-state-change", &Invoke::new(vm(&microsoft), "RequestStateChange").with("RequestedState", state));
    let start = CimDatetime::from_iso("2026-11-23T06:55:10Z").unwrap();
    let resync = Invoke::new(service.clone(), "Resynchronize")
        .with("ComputerSystem", Parameter::Reference(vm(&microsoft)))
        .with("StartTime", Parameter::Value(Value::from(start)));
    golden("invoke-datetime", &resync);
    let adapter = |address: &str| {
        let class = ClassName::from_static("Msvm_FailoverNetworkAdapterSettingData");
        let mut adapter = Instance::new(class);
        adapter.set(PropertyName::from_static("IPAddresses"), Some(Value::texts([address])));
        adapter.set(PropertyName::from_static("DHCPEnabled"), Some(Value::from(false)));
        adapter.set(PropertyName::from_static("InstanceID"), Some(Value::text("a & b < c \"d\"")));
        Parameter::Embedded(adapter)
    };
    let network = Invoke::new(service, "SetFailoverNetworkAdapterSettings")
        .with("ComputerSystem", Parameter::Reference(vm(&microsoft)))
        .with("NetworkSettings", Parameter::Array(vec![adapter("10.0.0.7"), adapter("10.0.0.8")]));
    golden("invoke-embedded-array", &network);
}

/// The operations that a failover does not need.
fn transfer_and_eventing(microsoft: &ClassAddressing, dmtf: &ClassAddressing, vm: EndpointReference) {
    let text = |text: &str| Some(Parameter::Value(Value::text(text)));
    let properties = vec![("ElementName".to_owned(), text("a <new> & 'old' name")), ("Description".to_owned(), None)];
    let instance = |class: &str| Representation::Instance { class: class.to_owned(), properties: properties.clone() };
    golden("put", &Put { target: vm.clone(), content: instance("Msvm_ComputerSystem") });
    let config = "<cfg:Config xmlns:cfg=\"http://schemas.microsoft.com/wbem/wsman/1/config\">\
                  <cfg:MaxTimeoutms>120000</cfg:MaxTimeoutms></cfg:Config>";
    let host = EndpointReference::new(
        ResourceUri::new("http://schemas.microsoft.com/wbem/wsman/1/config"),
        SelectorSet::new(),
    );
    let document = Document::parse(config).unwrap();
    golden("put-document", &Put { target: host.clone(), content: document.into() });
    golden("get-config", &Get { target: host.clone() });
    let fragment = Fragment::new("MaxTimeoutms/text()");
    golden("get-fragment", &GetFragment { target: host.clone(), fragment: fragment.clone() });
    let content = FragmentContent::Text("120000".to_owned());
    golden("put-fragment-text", &PutFragment { target: host, fragment, content });
    let content = FragmentContent::Properties(properties.clone());
    let fragment = Fragment { expression: "ElementName".to_owned(), dialect: Some("urn:example:path".to_owned()) };
    golden("put-fragment", &PutFragment { target: vm.clone(), fragment, content });
    let (resource, selectors) = (dmtf.class("Demo_Item"), dmtf.class_selectors());
    golden("create", &Create { resource: resource.clone(), selectors, content: instance("Demo_Item") });
    golden("delete", &Delete { target: dmtf.reference("Demo_Item", SelectorSet::new().with("Id", "7")) });

    let selectors = SelectorSet::new().with("EnabledState", "2").with("ElementName", "a&b");
    let class = Enumerate::new(microsoft.class("Msvm_ComputerSystem"));
    golden("enumerate-selectors", &class.clone().filter(Filter::Selectors(selectors)));
    let associated = AssociationFilter {
        association_class: Some("Msvm_SystemReplicationRelationship".to_owned()),
        role: Some("Antecedent".to_owned()),
        result_class: Some("Msvm_ReplicationRelationship".to_owned()),
        result_role: Some("Dependent".to_owned()),
        properties: vec!["InstanceID".to_owned()],
        ..AssociationFilter::new(Associated::Instances, vm.clone())
    };
    let all = Enumerate::new(microsoft.all_classes());
    golden("enumerate-associated", &all.clone().filter(Filter::Association(Box::new(associated))));
    let ties = AssociationFilter::new(Associated::Associations, vm);
    golden("enumerate-associations", &all.filter(Filter::Association(Box::new(ties))));
    let polymorphism = Some(PolymorphismMode::ExcludeSubClassProperties);
    golden("enumerate-polymorphism", &Enumerate { polymorphism, ..class });

    let subscribe = Subscribe {
        resource: microsoft.all_classes(),
        selectors: SelectorSet::new(),
        filter: Some(Filter::wql("SELECT * FROM __InstanceModificationEvent WITHIN 5")),
        expires: Some(Duration::from_secs(600)),
        heartbeats: Some(Duration::from_secs(30)),
    };
    golden("subscribe", &subscribe);
    let manager = SubscriptionManager {
        address: "https://hvr01.example.test:5986/wsman/subscriptions/1".to_owned(),
        resource: Some(microsoft.all_classes()),
        selectors: SelectorSet::new().with("__cimnamespace", "root/virtualization/v2"),
        identifier: Some("uuid:BBBBBBBB-0000-4000-8000-000000000001".to_owned()),
    };
    golden("renew", &Renew { manager: manager.clone(), expires: Some(Duration::from_secs(600)) });
    golden("unsubscribe", &Unsubscribe { manager });

    let written = WRITTEN.lock().unwrap();
    let missing: Vec<_> = operations().into_iter().filter(|name| !written.contains(name.as_str())).collect();
    assert!(operations().len() >= 14 && missing.is_empty(), "no golden request of {missing:?}");
}

/// A request with options and headers of the user's own.
#[test]
fn requests_carry_what_the_user_adds() {
    let extra = Extra {
        options: vec![ResourceOption { name: "ShowExtensions".to_owned(), value: String::new(), must_comply: false }],
        headers: vec![HeaderBlock {
            namespace: "urn:example:trace".to_owned(),
            local: "Correlation".to_owned(),
            text: "a&b".to_owned(),
            must_understand: Some(false),
        }],
    };
    let target = ClassAddressing::microsoft("root/cimv2").reference("Win32_OperatingSystem", SelectorSet::new());
    golden_with("get-extra", &Get { target }, Some(&extra));
}

#[test]
fn questions_are_written_byte_for_byte() {
    let vm = || GUID.parse::<VmId>().unwrap();
    let relation = || {
        let page = enumeration("inferred/pull-relations");
        page.instances().find_map(|instance| Relation::read(&instance).unwrap()).unwrap()
    };
    golden_question("relations", |host| async move { host.relations().await });
    golden_question("relations-of", |host| async move { host.relations_of(&vm()).await });
    golden_question("replication-settings-of", |host| async move { host.replication_settings_of(&vm()).await });
    golden_question("test-vms-of", |host| async move { host.test_vms_of(&vm()).await });
    golden_question("failover-adapters", |host| async move { host.failover_adapters(&vm()).await });
    golden_question("connections-of", |host| async move { host.connections_of(&vm()).await });
    golden_question("switches", |host| async move { host.switches().await });
    golden_question("cluster", |host| async move { host.cluster().await });
    golden_question("statistics-ex", |host| async move { host.replication_statistics(&vm(), Some(&relation())).await });
    golden_question("statistics", |host| async move { host.replication_statistics(&vm(), None).await });
    let job = |host: &Host<&Keeper>| {
        JobRef::by_id(host.client().addressing().class("Msvm_ConcreteJob"), "0D4F7A10-5B1C-4A6B-8F2E-33E1C0A9D7B6")
    };
    golden_question("affected-by", |host| async move { host.affected_by(&job(&host)).await });
    golden_question("cancel-job", |host| async move { host.cancel_job(&job(&host)).await });
    let settings = || -> FailoverSettings {
        let page = enumeration("inferred/pull-failover-settings");
        FailoverSettings::read(&page.instances().next().unwrap()).unwrap()
    };
    for (name, wanted) in [
        (
            "set-failover-addresses",
            AdapterAddresses::parse(false, &["10.20.0.7/24", "fd00:20::7/64"], &["10.20.0.1"], &["10.20.0.2"]),
        ),
        ("set-failover-dhcp", AdapterAddresses::dhcp(Vec::new())),
    ] {
        golden_call(name, Call::SetFailoverNetwork { vm: vm(), adapters: vec![wanted.unwrap().embedded(&settings())] });
    }
}

#[test]
fn once_only_calls_are_written_byte_for_byte() {
    let vm = || GUID.parse::<VmId>().unwrap();
    let state = |state, extended| Call::ReplicationState { vm: vm(), state, extended };
    let power = |state| Call::Power { vm: vm(), state };
    let page = enumeration("inferred/pull-connections");
    let connection = Connection::read(&page.instances().next().unwrap()).unwrap();
    golden_call("initiate-failover-latest", Call::InitiateFailover { vm: vm(), point: None });
    golden_call("test-replica-system", Call::TestReplicaSystem { vm: vm(), point: None });
    golden_call("commit-failover", Call::CommitFailover(vm()));
    golden_call("revert-failover", Call::RevertFailover(vm()));
    golden_call("start-replication", Call::StartReplication(vm()));
    golden_call("prepare", state(ReplicationState::SyncedReplicationComplete, true));
    golden_call("prepare-2012", state(ReplicationState::SyncedReplicationComplete, false));
    golden_call("cancel-prepare", state(ReplicationState::Replicating, true));
    golden_call("make-replica", state(ReplicationState::WaitingForInitialReplication, true));
    golden_call("start", power(EnabledState::Enabled));
    golden_call("shut-down", power(EnabledState::ShuttingDown));
    golden_call("turn-off", power(EnabledState::Disabled));
    golden_call("destroy-system", Call::DestroySystem(vm()));
    let settings = vec![connection.with_test_switch("Isolated & safe")];
    golden_call("set-test-switch", Call::ModifyResources { vm: vm(), settings });
}

fn golden_call(name: &str, call: Call) {
    golden(name, &call.write(&ServiceKeys::Short, &ClassAddressing::microsoft("root/virtualization/v2")));
}

fn enumeration(name: &str) -> hyperv_replica::wsman::Page {
    let pull =
        Pull { resource: ResourceUri::new(format!("{V2}/*")), selectors: SelectorSet::new(), context: String::new() };
    pull.read(reply(name), "uuid:1").unwrap()
}

#[test]
fn settings_are_turned_round_for_a_reverse() {
    let page = enumeration("inferred/pull-replication-settings");
    let settings = page.instances().find_map(|instance| ReplicationSettings::read(&instance).unwrap()).unwrap();
    assert_eq!(
        (settings.recovery_host.as_str(), settings.primary_host.as_str()),
        ("hvr01.example.test", "hvp01.example.test")
    );
    golden_call("reverse", Call::ReverseReplication { vm: settings.vm.clone(), settings: settings.reversed(None) });
}

fn reply(name: &str) -> Vec<u8> {
    let file = data().join(format!("{name}.xml"));
    fs::read(&file).unwrap_or_else(|_| panic!("no {}", file.display()))
}

fn get(class: &str, name: &str) -> hyperv_replica::wsman::get::Response {
    let target = ClassAddressing::microsoft("root/virtualization/v2").reference(class, SelectorSet::new());
    Get { target }.read(reply(name), "uuid:1").unwrap()
}

fn invoke(name: &str) -> Result<Invoked, hyperv_replica::hyperv::Error> {
    let target =
        ClassAddressing::microsoft("root/virtualization/v2").reference("Msvm_ReplicationService", SelectorSet::new());
    let output = Invoke::new(target, "InitiateFailover").read(reply(name), "uuid:1").unwrap();
    Invoked::read("InitiateFailover", &output)
}

#[test]
fn properties_have_three_conditions() {
    let response = get("Msvm_ComputerSystem", "published/get-vm");
    let vm = response.instance();
    assert_eq!((vm.class(), vm.class_uri()), ("Msvm_ComputerSystem", format!("{V2}/Msvm_ComputerSystem").as_str()));
    assert_eq!(vm.text("InstanceID"), Property::Null);
    assert_eq!(vm.text("Nothing"), Property::Absent);
    assert_eq!(vm.text("StatusText"), Property::Value(""));
    assert_eq!(vm.text("PoolID"), Property::Value("  "));
    assert_eq!(vm.numbers::<u16>("OperationalStatus").unwrap(), [17, 2]);
    assert_eq!(vm.number::<u8>("EnabledState").unwrap(), Property::Value(3));
    assert!(vm.number::<u8>("ElementName").is_err());
    // The same name in another namespace is another thing.
    assert_eq!(vm.text("Location"), Property::Absent);
    let read = Vm::read(&vm).unwrap().unwrap();
    assert_eq!((read.name.as_str(), read.state.value(), read.mode.value()), ("app-db-01", 3, 2));
    assert_eq!(read.last_replication.unwrap().to_iso().unwrap(), "2026-11-23T04:15:02.5Z");
    assert!(read.last_application_consistent.is_none(), "1601 is never");
}

#[test]
fn pages_are_read_and_the_host_is_no_vm() {
    let pull =
        Pull { resource: ResourceUri::new(format!("{V2}/*")), selectors: SelectorSet::new(), context: String::new() };
    let page = pull.read(reply("published/pull-host-and-vm"), "uuid:1").unwrap();
    let vms: Vec<_> = page.instances().map(|instance| Vm::read(&instance).unwrap().map(|vm| vm.name)).collect();
    assert_eq!(vms, [None, Some("db-07".to_owned())]);
    assert_eq!(page.context(), None);
    let enumerate = Enumerate::new(ResourceUri::new(format!("{V2}/*")));
    let page = enumerate.read(reply("published/enumerate-context-only"), "uuid:1").unwrap();
    assert_eq!((page.context(), page.items().count()), (Some("uuid:7F0B3D5E-0000-4000-8000-000000000001"), 0));
    // EndOfSequence decides, whatever context comes with it (OMI).
    let page = enumerate.read(reply("published/other-server-page"), "uuid:1").unwrap();
    assert_eq!(page.context(), None);
    let item = page.instances().next().unwrap();
    assert_eq!(item.boolean("Enabled").unwrap(), Property::Value(true));
    assert_eq!(item.datetime("Installed").unwrap().into_option().unwrap().to_iso().unwrap(), "2026-11-23T06:55:10Z");
}

#[test]
fn outputs_lead_to_a_job_or_not() {
    assert_eq!(invoke("published/output-done").unwrap(), Invoked::Done);
    for name in ["inferred/output-job", "inferred/output-job-wrapped"] {
        let Invoked::Started(job) = invoke(name).unwrap() else { panic!("{name}") };
        assert_eq!(job.to_string(), "Msvm_ConcreteJob?InstanceID=0D4F7A10-5B1C-4A6B-8F2E-33E1C0A9D7B6", "{name}");
    }
    let error = invoke("inferred/output-job-missing").unwrap_err();
    assert!(error.to_string().contains("4096"), "{error}");
    assert_eq!(error.delivery(), hyperv_replica::wsman::Delivery::Unknown);
    for code in 32768..=32779_u32 {
        let text = String::from_utf8(reply("published/output-done")).unwrap();
        let text = text.replace(">0</p:ReturnValue>", &format!(">{code}</p:ReturnValue>"));
        let target = ClassAddressing::microsoft("root/virtualization/v2")
            .reference("Msvm_ReplicationService", SelectorSet::new());
        let output = Invoke::new(target, "InitiateFailover").read(text.into_bytes(), "uuid:1").unwrap();
        let Invoked::Refused(refused) = Invoked::read("InitiateFailover", &output).unwrap() else { panic!("{code}") };
        assert_eq!(refused.value(), code);
        assert!(refused.name().is_some());
    }
    assert_eq!(ReturnCode::from(32790).to_string(), "Other(32790)");
}

#[test]
fn jobs_are_read_running_and_failed() {
    let read = |name: &str| {
        let response = get("Msvm_ConcreteJob", name);
        let reference = JobRef::by_id(ResourceUri::new(format!("{V2}/Msvm_ConcreteJob")), "x");
        Job::read(reference, &response.instance()).unwrap()
    };
    let running = read("inferred/job-running");
    assert_eq!((running.percent, running.is_over()), (Some(35), false));
    assert_eq!(running.elapsed, Some(Duration::from_millis(2510)));
    let failed = read("inferred/job-exception");
    assert!(failed.is_over() && !failed.is_good());
    assert_eq!(failed.error_code, ReturnCode::InvalidState);
    assert!(!failed.error_description.is_empty());
}

#[test]
fn recovery_points_are_told_from_other_settings() {
    let pull =
        Pull { resource: ResourceUri::new(format!("{V2}/*")), selectors: SelectorSet::new(), context: String::new() };
    let page = pull.read(reply("inferred/pull-settings"), "uuid:1").unwrap();
    let points: Vec<_> = page
        .instances()
        .filter_map(|instance| RecoveryPoint::read(&instance).unwrap())
        .map(|point| point.kind.name())
        .collect();
    assert_eq!(points, ["standard", "application-consistent", "planned"]);
}

#[test]
fn faults_are_read_by_number() {
    let fault = |name: &str| {
        let target = ClassAddressing::microsoft("root/virtualization/v2").reference("X", SelectorSet::new());
        match (Get { target }).read(reply(name), "uuid:1") {
            Err(ReplyError::Fault(fault)) => *fault,
            other => panic!("{name}: {other:?}"),
        }
    };
    let gone = fault("published/fault-destination-unreachable");
    assert!(gone.is_not_found() && !gone.is_access_denied() && !gone.is_quota());
    assert_eq!(gone.code(), Some(2_150_858_752));
    let provider = gone.wsman.as_ref().unwrap().provider.as_ref().unwrap();
    assert_eq!((provider.provider.as_str(), provider.extended.len()), ("WMI Provider", 2));
    assert_eq!(gone.message(), Some("the inner sentence"));
    assert!(gone.detail.as_deref().unwrap().ends_with("InvalidResourceURI"));
    for name in ["published/fault-wmi-error", "published/fault-wmi-error-provider-namespace"] {
        let wmi = fault(name);
        assert!(wmi.is_access_denied(), "{name}");
        assert_eq!(wmi.wmi.as_ref().unwrap().code, Some(0x8004_1003), "{name}");
    }
    let denied = fault("published/fault-access-denied");
    assert!(denied.is_access_denied());
    assert_eq!(denied.soap.reasons.len(), 2);
    assert_eq!(denied.soap.reason(), Some("Access is denied."));
    assert!(fault("published/fault-timed-out").is_timed_out());
    let quota = fault("published/fault-quota");
    assert!(quota.is_quota() && !quota.may_lack_selectors());
    assert!(fault("published/fault-filter").is_filter_refused());
    assert!(quota.to_string().contains("0x803381a6"), "{quota}");
}

#[test]
fn a_reply_is_checked_in_order() {
    let text = String::from_utf8(reply("published/output-done")).unwrap();
    let target =
        ClassAddressing::microsoft("root/virtualization/v2").reference("Msvm_ReplicationService", SelectorSet::new());
    let invoke = Invoke::new(target, "InitiateFailover");
    let read = |text: String| invoke.read(text.into_bytes(), "uuid:1").map(|_| ()).unwrap_err();
    let silent = text.replace("ReturnValue", "Other").replace("InitiateFailoverResponse", "CommitFailoverResponse");
    assert!(matches!(read(silent.replace("uuid:1<", "uuid:9<")), ReplyError::Action { .. }));
    assert!(matches!(read(text.replace("uuid:1<", "uuid:9<")), ReplyError::RelatesTo { .. }));
    let unnamed = text.replace("InitiateFailover_OUTPUT", "Other_OUTPUT").replace("ReturnValue", "Other");
    assert!(matches!(read(unnamed), ReplyError::Body { .. }));
    assert!(matches!(read("<html></html>".to_owned()), ReplyError::Envelope(_)));
    assert!(matches!(read(String::new()), ReplyError::Xml(_)));
    // The text of a fault inside a property is a text.
    let vm = String::from_utf8(reply("published/get-vm")).unwrap().replace("app-db-01", "s:Fault &lt;s:Fault&gt;");
    let target =
        ClassAddressing::microsoft("root/virtualization/v2").reference("Msvm_ComputerSystem", SelectorSet::new());
    let response = (Get { target }).read(vm.into_bytes(), "uuid:1").unwrap();
    let name = |instance: InstanceView<'_>| instance.text("ElementName").into_option().unwrap().to_owned();
    assert_eq!(name(response.instance()), "s:Fault <s:Fault>");
}
