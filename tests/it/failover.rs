//! The failover of one VM against the simulated host: requests counted, faults injected, calls counted.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use hyperv_replica::failover::journal::MemoryJournal;
use hyperv_replica::failover::{About, Cause, Hosts, Kind, Order, Outcome, PowerOff, Refusal, StartReport, run};
use hyperv_replica::hyperv::{Host, JobState, ReplicationState, VmSelector};
use hyperv_replica::simulator::{InProcess, Pair, Scenario, Server, ServerOptions, Simulator, VirtualClock};
use hyperv_replica::transport::Session;
use hyperv_replica::wsman::{ClassAddressing, Client, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};

use crate::support::{RealTime, SharedClock, Yes, connect, serve, session};

fn order(vm: &str) -> Order {
    Order::new(vm.parse::<VmSelector>().unwrap())
}

/// Runs a failover in process and in virtual time; gives the outcome, and the calls taken for the VM.
fn rehearse(scenario: &str, order: Order) -> (Outcome, usize) {
    let clock = VirtualClock::new();
    let simulator = Simulator::with_clock(Scenario::from_toml(scenario).unwrap(), clock.clone());
    let vm = order.vm.to_string();
    let host = Host::over(InProcess::new(simulator.clone()));
    let clock = SharedClock(clock);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome =
        runtime.block_on(run(&host, order, About::default(), &clock, &mut MemoryJournal::new(), &mut Yes::default()));
    (outcome, simulator.taken("InitiateFailover", &vm))
}

/// With a deadline some time after the start of the virtual clock.
fn within(order: Order, time: Duration) -> Order {
    Order { deadline: Some(hyperv_replica::simulator::SimulatorClock::now(&VirtualClock::new()) + time), ..order }
}

#[tokio::test]
async fn five_requests_to_http_sys_and_six_to_another_server() {
    for (scenario, base, requests) in [
        ("", ClassAddressing::microsoft("root/virtualization/v2"), 5),
        ("dialect = \"other\"", ClassAddressing::dmtf("root/virtualization/v2"), 6),
    ] {
        let server = serve(scenario, ServerOptions::http()).await;
        let session = session(&server);
        let host = Host::new(Client::new(&session, base, hyperv_replica::hyperv::random_id));
        // A server without WQL is asked by listing; the first question costs one more there.
        let outcome = run(
            &host,
            order("app-db-01"),
            About::default(),
            &RealTime(Instant::now()),
            &mut MemoryJournal::new(),
            &mut Yes::default(),
        )
        .await;
        let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
        assert_eq!(report.failover().unwrap().state, ReplicationState::Recovered);
        assert_eq!(report.job().unwrap().state, JobState::Completed);
        let refused_queries = if scenario.is_empty() { 0 } else { 1 };
        assert_eq!(server.requests(), requests + refused_queries, "{scenario}");
        assert_eq!((server.connections(), server.logins()), (1, 1));
        assert_eq!(server.simulator().taken("InitiateFailover", "app-db-01"), 1);
    }
}

/// A session that writes down what goes over it: host, and action or method.
struct Noted<'s> {
    session: &'s Session,
    host: &'static str,
    notes: &'s Mutex<Vec<String>>,
}

impl Exchange for Noted<'_> {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let action = message.action().rsplit('/').next().unwrap_or_default().to_owned();
        self.notes.lock().unwrap().push(format!("{} {action}", self.host));
        self.session.send(message).await
    }

    fn address(&self) -> &str {
        self.session.address()
    }
}

/// What a planned failover asks, in order, and what for. One request more to each host logs in: the first message of
/// the login has no body, the second rides on the first question.
const PLANNED: &[(&str, &str)] = &[
    ("replica Enumerate", "find the VM by name; its mode, state and power"),
    ("primary Get", "the VM of the same id there; its mode, state and power"),
    ("replica Enumerate", "settings: who replicates to whom; where a reverse leads; which methods the host has"),
    ("primary Enumerate", "settings: both hosts hold the ends of one relation; which methods the host has"),
    ("primary Enumerate", "whether it takes replicas, or the reverse would fail"),
    ("primary RequestStateChange", "shut the guest down"),
    ("primary Get", "the job"),
    ("primary Get", "proof: off"),
    ("primary RequestReplicationStateChangeEx", "prepare"),
    ("primary Get", "the job"),
    ("primary Get", "proof: state 4, everything was sent"),
    ("replica InitiateFailover", "fail over"),
    ("replica Get", "the job"),
    ("replica Get", "proof: state 5, planned, nothing lost"),
    ("replica ReverseReplicationRelationship", "turn the replication round"),
    ("replica Get", "the job"),
    ("replica Get", "proof: the primary now"),
    ("primary Get", "proof: the replica now"),
    ("replica RequestStateChange", "start"),
    ("replica Get", "the job"),
    ("replica Get", "proof: running"),
];

#[tokio::test]
async fn a_planned_failover_costs_twenty_three_requests_to_both_hosts() {
    let pair = Pair::new(Scenario::default());
    let replica = Server::serve(pair.replica.clone(), ServerOptions::http()).await.unwrap();
    let primary = Server::serve(pair.primary.clone(), ServerOptions::http()).await.unwrap();
    let (to_replica, to_primary, notes) = (session(&replica), session(&primary), Mutex::default());
    let noted = |session, host| Host::over(Noted { session, host, notes: &notes });
    let (here, there) = (noted(&to_replica, "replica"), noted(&to_primary, "primary"));
    let hosts = Hosts { host: &here, primary: Some(&there) };
    let kind = Kind::PlannedFailover { off: PowerOff::ShutDown, reverse: true, thumbprint: None };
    let order = Order { start: true, ..Order::of(kind, "app-db-01".parse().unwrap()) };
    let (clock, mut journal) = (RealTime(Instant::now()), MemoryJournal::new());
    let outcome = run(hosts, order, About::default(), &clock, &mut journal, &mut Yes::default()).await;
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert_eq!(report.failover().unwrap().failed_over.value(), 3);
    assert_eq!((report.after.mode.value(), report.primary_after.unwrap().mode.value()), (1, 2));
    assert_eq!(*notes.lock().unwrap(), PLANNED.iter().map(|(request, _)| *request).collect::<Vec<_>>());
    assert_eq!((replica.requests(), primary.requests()), (12, 11));
    assert_eq!((replica.logins(), primary.logins()), (1, 1));
    assert_eq!((replica.connections(), primary.connections()), (1, 1));
}

#[tokio::test]
async fn the_same_over_tls_with_channel_binding_required() {
    let server = serve("[http]\nchannel_binding = \"strict\"", ServerOptions::https()).await;
    let session = session(&server);
    let host = Host::over(&session);
    let outcome = run(
        &host,
        order("app-db-01"),
        About::default(),
        &RealTime(Instant::now()),
        &mut MemoryJournal::new(),
        &mut Yes::default(),
    )
    .await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(server.requests(), 5);
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let server = serve("", ServerOptions::http()).await;
    let session = connect(&server, &server.user(), "wrong");
    let host = Host::over(&session);
    for _ in 0..3 {
        let outcome = run(
            &host,
            order("app-db-01"),
            About::default(),
            &RealTime(Instant::now()),
            &mut MemoryJournal::new(),
            &mut Yes::default(),
        )
        .await;
        let Outcome::NotSent(error) = outcome else { panic!("{outcome:?}") };
        let hyperv_replica::hyperv::Error::Wsman(hyperv_replica::wsman::Error::Exchange(error)) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.kind(), ExchangeErrorKind::Login);
    }
    assert_eq!(server.refused_logins(), 1);
}

#[test]
fn a_thousand_instances_come_in_as_few_requests_as_the_envelope_allows() {
    let clock = VirtualClock::new();
    let simulator = Simulator::with_clock(Scenario::from_toml("demo_items = 1000").unwrap(), clock);
    let count = |size: u32| {
        let before: usize = simulator.requests().values().sum();
        let exchange = InProcess::new(simulator.clone());
        let mut limits = hyperv_replica::wsman::Limits::default();
        limits.max_envelope_size = size;
        let client = Client::new(exchange, ClassAddressing::microsoft("root/cimv2"), hyperv_replica::hyperv::random_id)
            .with_limits(limits);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let pages = runtime.block_on(client.all("Demo_Item").pages()).unwrap();
        let ids: Vec<_> = pages
            .iter()
            .flat_map(|page| page.instances())
            .map(|item| item.text("Id").into_option().unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        let bytes: usize = pages.iter().map(|page| page.document().source().len()).sum();
        assert!(pages.iter().all(|page| page.document().source().len() <= usize::try_from(size).unwrap()));
        (simulator.requests().values().sum::<usize>() - before, bytes)
    };
    let (requests, bytes) = count(512_000);
    assert_eq!(requests, bytes.div_ceil(512_000), "{bytes} bytes");
    let (requests, bytes) = count(100_000);
    assert!(requests <= bytes / 100_000 + 2, "{requests} for {bytes} bytes");
    assert_eq!(simulator.open_enumerations(), 0);
}

#[test]
fn every_vm_of_the_default_world_gets_its_own_answer() {
    for (vm, code) in [
        ("done-01", "already-failed-over"),
        ("fresh-01", "no-initial-replication"),
        ("running-01", "not-off"),
        ("primary-01", "is-primary"),
        ("plain-01", "not-replicated"),
        ("test-01", "is-test-replica"),
    ] {
        let (outcome, taken) = rehearse("", order(vm));
        let Outcome::Refused(Refusal::Preflight(proposal)) = outcome else { panic!("{vm}: {outcome:?}") };
        assert_eq!(proposal.findings[0].code, code, "{vm}");
        assert_eq!(taken, 0);
    }
    for vm in ["APP-DB-01", "Bücher-データ", "BÜCHER-データ", "o'brien <&> \"x\"", "paused-01", "planned-01"] {
        let (outcome, _) = rehearse("", order(vm));
        assert!(matches!(outcome, Outcome::Done(_)), "{vm}: {outcome:?}");
    }
    let (outcome, _) = rehearse("", order("twin"));
    assert!(matches!(&outcome, Outcome::Refused(Refusal::Ambiguous(vms)) if vms.len() == 2), "{outcome:?}");
    let (outcome, _) = rehearse("", order("nobody"));
    assert!(matches!(outcome, Outcome::Refused(Refusal::NotVisible { .. })), "{outcome:?}");
    let (outcome, taken) = rehearse("", order("fail-01"));
    let Outcome::Stopped(stopped) = outcome else { panic!("{outcome:?}") };
    let Cause::JobFailed { job, details } = &stopped.cause else { panic!("{stopped:?}") };
    assert_eq!((job.error_code.value(), details.len(), taken), (32768, 1, 1));
    assert!(!job.error_description.is_empty() && !details[0].message.is_empty());
    let (outcome, taken) = rehearse("", order("slow-01"));
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(taken, 1);
}

#[test]
fn a_point_goes_into_the_call() {
    for (choice, kind) in [("app-consistent", 2), ("latest", 1), ("before:2026-11-23T06:00Z", 1)] {
        let (outcome, _) = rehearse("", Order { point: choice.parse().unwrap(), ..order("app-db-01") });
        let Outcome::Done(report) = outcome else { panic!("{choice}: {outcome:?}") };
        assert_eq!(report.failover().unwrap().failed_over.value(), kind, "{choice}");
    }
    let (outcome, _) = rehearse("", Order { start: true, ..order("app-db-01") });
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(report.start, StartReport::Running), "{:?}", report.start);
}

#[test]
fn service_keys_are_learnt_where_the_host_wants_all() {
    let (outcome, taken) = rehearse("all_service_keys = true", order("app-db-01"));
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(taken, 1);
}

/// How a run may end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Done,
    Unknown,
    Failed,
    Deadline,
    Faulted,
    NotSent,
    HostRefused,
}

fn end(outcome: &Outcome) -> End {
    match outcome {
        Outcome::Done(_) => End::Done,
        Outcome::NotSent(_) => End::NotSent,
        Outcome::Stopped(stopped) => match stopped.cause {
            Cause::Unproven { .. } => End::Unknown,
            Cause::JobFailed { .. } => End::Failed,
            Cause::DeadlinePassed { .. } => End::Deadline,
            Cause::Faulted(_) => End::Faulted,
            Cause::HostRefused(_) => End::HostRefused,
            _ => panic!("{stopped:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn injected_faults_end_as_they_should_and_never_call_twice() {
    const INVOKE: &str = "[[faults]]\non = \"InitiateFailover\"\n";
    const JOB: &str = "[[faults]]\non = \"Get Msvm_ConcreteJob\"\n";
    const VM: &str = "[[faults]]\non = \"Get Msvm_ComputerSystem\"\n";
    let slow = "[job]\nduration = \"30s\"\n";
    let cases: Vec<(String, End, usize)> = vec![
        // The call.
        (format!("{INVOKE}cut = \"before\""), End::Unknown, 0),
        (format!("{INVOKE}cut = \"after\""), End::Done, 1),
        (format!("{slow}{INVOKE}cut = \"after\""), End::Done, 1),
        (format!("{INVOKE}cut = \"reply\"\nat = 40"), End::Done, 1),
        (format!("{INVOKE}hang = true"), End::Unknown, 0),
        (format!("{slow}{INVOKE}hang = true\ntaken = true"), End::Done, 1),
        (format!("{INVOKE}delay = \"120s\""), End::Done, 1),
        (format!("{INVOKE}status = 503"), End::Unknown, 0),
        (format!("{INVOKE}status = 503\ntaken = true"), End::Done, 1),
        (format!("{INVOKE}status = 403\ntaken = true"), End::Done, 1),
        (format!("{INVOKE}status = 500"), End::Unknown, 0),
        (format!("{INVOKE}status = 500\ntaken = true"), End::Done, 1),
        (format!("{INVOKE}login = \"dropped\""), End::Unknown, 0),
        (format!("{INVOKE}fault = \"TimedOut\""), End::Unknown, 0),
        (format!("{INVOKE}fault = \"TimedOut\"\ntaken = true"), End::Done, 1),
        (format!("{INVOKE}fault = \"AccessDenied\""), End::Faulted, 0),
        (format!("{INVOKE}fault = \"WmiAccessDenied\""), End::Faulted, 0),
        (format!("{INVOKE}fault = \"SchemaValidationError\""), End::Faulted, 0),
        (format!("{INVOKE}fault = \"QuotaMaxOperations\""), End::Faulted, 0),
        (format!("{INVOKE}fault = \"InternalError\"\ntimes = 0\ntaken = true"), End::Done, 1),
        (format!("{INVOKE}garbage = \"html\""), End::Unknown, 0),
        (format!("{INVOKE}garbage = \"empty\""), End::Unknown, 0),
        (format!("{INVOKE}garbage = \"truncated\""), End::Done, 1),
        (format!("{INVOKE}garbage = \"foreign\""), End::Done, 1),
        (format!("{INVOKE}restart = true\ntaken = true"), End::Done, 1),
        (format!("{INVOKE}returns = 32775"), End::HostRefused, 0),
        (format!("{INVOKE}returns = 32771\ntaken = true"), End::Done, 1),
        (format!("{INVOKE}returns = 4242"), End::Unknown, 0),
        // The job.
        (format!("{slow}{JOB}nth = 2\ncut = \"before\"\ntimes = 3"), End::Done, 1),
        (format!("{slow}{JOB}nth = 2\nlogin = \"dropped\""), End::Done, 1),
        (format!("{slow}{JOB}nth = 2\nstatus = 503\ntimes = 4"), End::Done, 1),
        (format!("{slow}{JOB}nth = 2\nfault = \"QuotaMaxOperations\"\ntimes = 2"), End::Done, 1),
        (format!("{slow}{JOB}nth = 3\nrestart = true"), End::Done, 1),
        (format!("{slow}{JOB}nth = 2\nhang = true"), End::Done, 1),
        (format!("{JOB}fault = \"NotFound\""), End::Done, 1),
        (format!("{JOB}hang = true\ntimes = 0"), End::Unknown, 1),
        (format!("{INVOKE}job = {{ duration = \"30s\", vanish_after = \"3s\" }}"), End::Done, 1),
        (format!("{INVOKE}job = {{ state = 5, state_for = \"60s\" }}"), End::Done, 1),
        (format!("{INVOKE}job = {{ state = 5 }}"), End::Deadline, 1),
        (format!("{INVOKE}job = {{ state = 4242 }}"), End::Deadline, 1),
        (format!("{INVOKE}job = {{ state = 4242, state_for = \"20s\" }}"), End::Done, 1),
        (format!("{INVOKE}job = {{ duration = \"90s\", percent_null = true }}"), End::Done, 1),
        (format!("{INVOKE}job = {{ duration = \"5s\", error = 32777 }}"), End::Failed, 1),
        (format!("{INVOKE}job = {{ duration = \"5s\", warnings = true }}"), End::Done, 1),
        (format!("{INVOKE}job = {{ synchronous = true }}"), End::Done, 1),
        (format!("{INVOKE}job = {{ duration = \"3h\" }}"), End::Deadline, 1),
        // The proof.
        (format!("{VM}cut = \"before\"\ntimes = 5"), End::Done, 1),
        (format!("{VM}fault = \"TimedOut\"\ntimes = 3"), End::Done, 1),
        (format!("{VM}fault = \"NotFound\"\ntimes = 0"), End::Unknown, 1),
        (format!("{VM}hang = true\ntimes = 0"), End::Unknown, 1),
        // Before anything.
        ("[[faults]]\non = \"Enumerate\"\nstatus = 503\ntimes = 0".to_owned(), End::NotSent, 0),
        ("[[faults]]\non = \"Enumerate\"\nfault = \"AccessDenied\"\ntimes = 0".to_owned(), End::NotSent, 0),
        ("[[faults]]\non = \"Enumerate\"\ngarbage = \"html\"".to_owned(), End::NotSent, 0),
    ];
    for (scenario, expected, calls) in cases {
        let (outcome, taken) = rehearse(&scenario, within(order("app-db-01"), Duration::from_secs(3600)));
        assert_eq!(end(&outcome), expected, "{scenario}\n{outcome:?}");
        assert_eq!(taken, calls, "{scenario}");
    }
}

/// The same faults over a socket, where a cut is a cut.
#[tokio::test(start_paused = false)]
async fn cuts_on_a_real_connection_end_in_proof_and_never_in_a_second_call() {
    let mut scenarios = vec![
        ("[[faults]]\non = \"InitiateFailover\"\ncut = \"after\"".to_owned(), 1),
        ("[[faults]]\non = \"Get Msvm_ConcreteJob\"\ncut = \"before\"".to_owned(), 1),
        ("[[faults]]\non = \"Get Msvm_ConcreteJob\"\nlogin = \"dropped\"".to_owned(), 1),
        ("[[faults]]\non = \"Get Msvm_ConcreteJob\"\nrestart = true".to_owned(), 1),
    ];
    for at in [0, 1, 17, 200, 500, 1500] {
        scenarios.push((format!("[[faults]]\non = \"InitiateFailover\"\ncut = \"reply\"\nat = {at}"), 1));
        scenarios.push((format!("[[faults]]\non = \"Get\"\ncut = \"reply\"\nat = {at}"), 1));
    }
    for (scenario, calls) in scenarios {
        let server = serve(&scenario, ServerOptions::http()).await;
        let session = session(&server);
        let host = Host::over(&session);
        let outcome = run(
            &host,
            order("app-db-01"),
            About::default(),
            &RealTime(Instant::now()),
            &mut MemoryJournal::new(),
            &mut Yes::default(),
        )
        .await;
        assert!(matches!(outcome, Outcome::Done(_)), "{scenario}\n{outcome:?}");
        assert_eq!(server.simulator().taken("InitiateFailover", "app-db-01"), calls, "{scenario}");
    }
}
