//! `hvr check`: can I reach the host, log in, and fail this VM over? Changes nothing.

mod configuration;
mod evidence;
mod findings;
mod legs;
mod refused;

use std::time::SystemTime;

use crate::auth::{Mechanism, Scheme, kerberos};
use crate::cli::Context;
use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::problem::{Problem, RIGHTS};
use crate::cli::span::Span;
use crate::failover::{Finding, Severity, preflight};
use crate::hyperv::{Error, Host, LookedUp, NAMESPACE, ReplicationMode, Vm};
use crate::wsman::{self, ClassAddressing, Exchange, Fault, Identity, fault};

use findings::{Check, Side};

/// Can I reach the host, log in, and fail a VM over?
///
/// Goes step by step; each finding says what it means and what to do on which side. Changes nothing on the host, unless a
/// test failover is asked for. Exits with 3 when something would refuse a failover, with 6 when the host is not reached, with
/// 7 when it refuses the account.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or GUID of a VM to judge too
    vm: Option<String>,
    /// Walk the legs of the login one by one first: name, TCP, certificate, schemes, clock, tickets; say what may have
    /// refused it
    #[arg(long)]
    login: bool,
    #[command(flatten)]
    evidence: evidence::EvidenceArgs,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    if let Some(file) = &args.evidence.evidence {
        return evidence::run(file, &args.evidence, args.vm.as_deref(), context).await;
    }
    let connection = Connection::open(context).await?;
    let mut check = Check { steps: Vec::new(), exit: Exit::Done, shown: None, is_refused: false };
    let goes_on = !args.login || check.legs(&connection, context).await;
    if goes_on {
        check.all(args, &connection).await;
    }
    if args.login && check.is_refused {
        check.why_refused(&connection, &connection.settings(&context.settings));
    }
    check.print(&connection, context);
    Ok(check.exit)
}

impl Check {
    async fn all(&mut self, args: &Args, connection: &Connection) {
        let answer = connection.client(ClassAddressing::microsoft(NAMESPACE)).identify().await;
        if !self.reach(answer, connection) {
            return;
        }
        self.configuration(connection).await;
        let host = connection.host();
        if !self.service(host.learn_service("Msvm_ReplicationService").await) {
            return;
        }
        self.replica_server(&host).await;
        match &args.vm {
            Some(name) => self.vm(name, &host).await,
            None => self.any_vm(&host).await,
        }
    }

    /// Connection, login and service, all told by one Identify. Says whether going on makes sense.
    fn reach(&mut self, answer: Result<Identity, wsman::Error>, connection: &Connection) -> bool {
        let unreached = match &answer {
            Err(wsman::Error::Exchange(error)) => {
                error.is_unreachable() || (connection.session().connections() == 0 && !error.is_login())
            }
            Err(wsman::Error::Deadline) => true,
            _ => false,
        };
        let error = match answer {
            Ok(identity) => {
                self.connected(connection);
                self.logged_in(connection);
                let product = format!("{} {}", identity.product_vendor, identity.product_version);
                self.ok("service", product.trim(), "a WS-Management service answers");
                return true;
            }
            Err(error) => error,
        };
        if unreached {
            self.failed(
                "connection",
                error,
                "nothing was sent to the host: it cannot be asked for anything",
                Side::Client,
            );
            return false;
        }
        // Tickets that are not to be had stop a login before any connection.
        if connection.session().connections() > 0 {
            self.connected(connection);
        }
        if let wsman::Error::Exchange(refusal) = &error
            && refusal.is_login()
        {
            self.is_refused = connection.session().is_refused();
            self.failed("login", error, "the host does not let this account in", Side::Client);
            return false;
        }
        // A fault is the answer of a service that lets the account in as far as this.
        let is_fault = error.fault().is_some();
        if is_fault || connection.session().login().is_some() {
            self.logged_in(connection);
        }
        self.failed("service", error, "what answers there does not speak WS-Management as expected", Side::Host);
        is_fault
    }

    fn connected(&mut self, connection: &Connection) {
        let (seen, meaning) = match connection.session().peer_pin() {
            Some(pin) => (
                format!("TLS to {}, certificate {pin}", connection.name),
                "the connection stands, and the certificate was judged as the flags say",
            ),
            None => (format!("connected to {}", connection.name), "the connection stands"),
        };
        self.ok("connection", seen, meaning);
    }

    fn logged_in(&mut self, connection: &Connection) {
        let login = connection.session().login();
        let by = login.as_ref().map_or_else(String::new, |login| format!(" by {login}"));
        let meaning = match login.as_ref().and_then(|login| login.mechanism) {
            #[cfg(feature = "credssp")]
            _ if login.as_ref().is_some_and(|login| login.scheme == Scheme::CredSsp) => {
                "the host knows the account, vouched for the connection, and has the password now"
            }
            Some(Mechanism::Kerberos) => "the host knows the account, took the ticket and proved who it is",
            _ if login.as_ref().is_some_and(|login| login.scheme == Scheme::Certificate) => {
                "the host maps the client certificate to an account"
            }
            _ => "the host knows the account and took the password",
        };
        self.ok("login", format!("logged in{by}"), meaning);
        if login.as_ref().is_some_and(|login| login.encryption == Some(kerberos::RC4)) {
            let meaning = "its keys can be broken: the realm gave nothing better for this host";
            let remedy = "switch AES on for the host's account: msDS-SupportedEncryptionTypes 24, and a new password for \
                an account older than that";
            self.warn("login", "the session is sealed with RC4", meaning, remedy, Side::Host);
        }
        if let Some(reason) = login.and_then(|login| login.passed_over) {
            let meaning = "Kerberos could not be used; NTLM proves the password, and the host only by it";
            self.warn("login", reason, meaning, "", Side::Client);
        }
    }

    /// Namespace and replication service, told by one enumeration. Says whether going on makes sense.
    fn service(&mut self, answer: Result<Option<crate::hyperv::ServiceKeys>, Error>) -> bool {
        const NAME: &str = "replication service";
        let namespace = format!("{NAMESPACE} can be read");
        let readable =
            "the account may read Hyper-V's classes; whether it may call a method shows only when one is called";
        let error = match answer {
            Ok(Some(_)) => {
                self.ok("namespace", namespace, readable);
                self.ok(NAME, "Msvm_ReplicationService is there", "the host can be asked for a failover");
                return true;
            }
            Ok(None) => {
                self.ok("namespace", namespace, readable);
                self.problem(
                    NAME,
                    "no Msvm_ReplicationService is visible to this account",
                    "the account is filtered, which looks like an empty host, or the host has no Hyper-V Replica",
                    RIGHTS,
                    Side::Host,
                );
                return true;
            }
            Err(error) => error,
        };
        let code = error.fault().and_then(Fault::code);
        if error.fault().is_some_and(Fault::is_access_denied) {
            let remedy = format!("{RIGHTS}. {HOW_TO_GRANT}");
            let seen = error.to_string();
            let meaning = "the login is good, and the account may not read Hyper-V's classes";
            self.problem("namespace", seen, meaning, remedy, Side::Host);
            self.exit_with(Exit::NotAllowed);
            return false;
        }
        if code == Some(fault::code::WBEM_INVALID_NAMESPACE) {
            self.problem(
                "namespace",
                error.to_string(),
                format!("the host has no namespace {NAMESPACE}: it is no Hyper-V host, or Hyper-V's WMI provider is broken there"),
                "check that this is the Hyper-V host and that its role is installed; if it is, repair the WMI provider",
                Side::Host,
            );
            return false;
        }
        let is_answer = error.fault().is_some();
        if is_answer {
            self.ok("namespace", format!("{NAMESPACE} was addressed"), "the host has an answer for this namespace");
        }
        self.failed_reading(NAME, error, "the replication service cannot be asked");
        is_answer
    }

    async fn replica_server<E: Exchange>(&mut self, host: &Host<E>) {
        const NAME: &str = "replica server";
        match host.replication_settings().await {
            Ok(Some(settings)) if settings.recovery_server_enabled => {
                self.ok(NAME, "RecoveryServerEnabled is true", "the host takes replicas");
            }
            Ok(Some(_)) => self.warn(
                NAME,
                "RecoveryServerEnabled is false",
                "the host takes no replicas: those that are there can be failed over, and grow older; a later reverse \
                 needs it enabled on the other host",
                "Set-VMReplicationServer -ReplicationEnabled $true",
                Side::Host,
            ),
            Ok(None) => self.warn(
                NAME,
                "no Msvm_ReplicationServiceSettingData is visible to this account",
                "whether the host takes replicas is not known",
                RIGHTS,
                Side::Host,
            ),
            Err(Error::Wsman(error)) if error.fault().is_some() => self.warn(
                NAME,
                error.to_string(),
                "whether the host takes replicas is not known; a failover does not depend on it",
                RIGHTS,
                Side::Host,
            ),
            Err(error) => self.failed_reading(NAME, error, "whether the host takes replicas is not known"),
        }
    }

    async fn any_vm<E: Exchange>(&mut self, host: &Host<E>) {
        const NAME: &str = "virtual machines";
        match host.vms().await {
            Ok(vms) if vms.is_empty() => self.warn(
                NAME,
                "none visible to this account",
                "that need not mean that there is none: a filtered account sees an empty host",
                RIGHTS,
                Side::Host,
            ),
            Ok(vms) => {
                let ready = |vm: &&Vm| preflight(vm, None, SystemTime::now(), false).may_go_on();
                let ready = vms.iter().filter(ready).count();
                let meaning = match ready {
                    0 => "no failover would be sent now; name a VM to see why",
                    _ => "name a VM to have it judged",
                };
                self.ok(NAME, format!("{} visible, {ready} could be failed over now", vms.len()), meaning);
            }
            Err(error) => self.failed_reading(NAME, error, "the virtual machines cannot be read"),
        }
    }

    async fn vm<E: Exchange>(&mut self, name: &str, host: &Host<E>) {
        const NAME: &str = "virtual machine";
        let problem = match host.find_vm(&super::selector(name)).await {
            Ok(LookedUp::One(vm)) => {
                let other = match vm.mode {
                    ReplicationMode::Primary => super::other_end(host, &vm).await,
                    _ => None,
                };
                return self.judge(&vm, other.map(|other| other.remedy()));
            }
            Ok(LookedUp::NotVisible) => super::not_visible(name, host).await,
            Ok(LookedUp::Many(vms)) => super::ambiguous(&vms),
            Err(error) => return self.failed_reading(NAME, error, "the virtual machine cannot be read"),
        };
        self.problem(NAME, problem.message, "there is not one VM to fail over", problem.remedy, Side::Client);
    }

    /// `other` says where the replica is, when the primary was named.
    fn judge(&mut self, vm: &Vm, other: Option<String>) {
        const NAME: &str = "virtual machine";
        let proposal = preflight(vm, None, SystemTime::now(), false);
        let loss = proposal.data_loss.map_or_else(
            || "how much a failover loses is not known".to_owned(),
            |loss| format!("a failover now loses the changes of the last {}", Span(loss)),
        );
        if proposal.may_go_on() {
            let seen = format!("{} ({}): {}, {}", vm.name, vm.id, vm.mode, vm.state);
            self.ok(NAME, seen, format!("it can be failed over; {loss}"));
        }
        for finding in &proposal.findings {
            let side = side_of(finding);
            match finding.severity {
                Severity::Refusal => {
                    let meaning = "a failover would be refused before anything is sent";
                    let remedy = other.as_deref().filter(|_| finding.code == "is-primary").unwrap_or(&finding.remedy);
                    self.problem(NAME, finding.text.as_str(), meaning, remedy, side);
                }
                Severity::Warning => {
                    let meaning = "a failover can go on, and asks first";
                    self.warn(NAME, finding.text.as_str(), meaning, finding.remedy.as_str(), side);
                }
                Severity::Note => {
                    let meaning = "a failover can go on";
                    self.warn(NAME, finding.text.as_str(), meaning, finding.remedy.as_str(), side);
                }
            }
        }
    }
}

/// Where the remedy of a preflight finding is to be applied.
fn side_of(finding: &Finding) -> Side {
    match finding.code {
        "not-replicated" | "is-primary" | "is-test-replica" | "foreign-point" => Side::Client,
        "no-initial-replication" | "never-replicated" => Side::Primary,
        _ => Side::Host,
    }
}

const HOW_TO_GRANT: &str = "In PowerShell there: Add-LocalGroupMember 'Remote Management Users' and 'Hyper-V \
    Administrators'; in wmimgmt.msc, Security of root\\virtualization\\v2: Remote Enable and Execute Methods. Reading \
    and calling are separate rights: an account that can list may still be refused the call";
