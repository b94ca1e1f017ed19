//! `hvr check --evidence`: what a real host does of what this program relies on, recorded without names, and judged.
//!
//! The questions go over an exchange that lets nothing but reads pass. The judges see what the recording holds and
//! nothing else, so that whoever is sent it can judge for himself.

mod report;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::Context;
use crate::cli::commands::one_vm;
use crate::cli::exit::Exit;
use crate::cli::output::{is_interactive, note};
use crate::cli::problem::{Problem, RIGHTS};
use crate::cli::stop;
use crate::cli::workflow::{Consent, Ends, Rehearsed, rehearse};
use crate::evidence::{ASSUMPTIONS, Asked, Exchanged, Question, ReadOnly, Subject, Verdict};
use crate::hyperv::{Error, Host, NAMESPACE, Vm};
use crate::trace::{Anonymiser, Entry, Recorder, Redactor, Trace};
use crate::transport::Session;
use crate::wsman::{self, ClassAddressing, Fault, Identity};

use report::Report;

#[derive(Debug, clap::Args)]
pub struct EvidenceArgs {
    /// Ask everything that would settle what this program only infers, and record it without names in this HAR file
    #[arg(long, value_name = "FILE", conflicts_with = "login")]
    pub evidence: Option<PathBuf>,
    /// Also make a test VM of this replica and remove it again, which settles some more
    #[arg(long, value_name = "VM", requires = "evidence")]
    with_test_failover: Option<String>,
    /// Do not ask before the test failover; warnings are accepted too
    #[arg(short, long, requires = "with_test_failover")]
    yes: bool,
}

/// The language that answers are compared in, besides English.
const FOREIGN: &str = "de-DE";
/// So many questions in a row without any answer, and the host is not asked on.
const PATIENCE: u32 = 2;

type Asker = Host<ReadOnly<Arc<Session>>>;

/// Runs the command.
pub async fn run(file: &Path, args: &EvidenceArgs, vm: Option<&str>, context: &Context) -> Result<Exit, Problem> {
    if context.recorder.is_some() {
        return Err(Problem::usage("--evidence records by itself: leave --trace (and HVR_TRACE) out"));
    }
    if args.with_test_failover.is_some() && !args.yes && !is_interactive() {
        return Err(Problem::usage("a test failover changes the host, and there is no terminal to ask on: add --yes")
            .remedy("nothing was sent"));
    }
    let recorder = Recorder::create(file, Redactor::new(), Some(Anonymiser::strict()));
    let recorder =
        Arc::new(recorder.map_err(|error| Problem::usage(format!("cannot record in {}: {error}", file.display())))?);
    let context = Context { recorder: Some(recorder.clone()), ..context.clone() };
    let ends = Ends::open(&context, false, None).await?;
    let mut inquiry = Inquiry::new(&ends, recorder);
    let identity = inquiry.identify().await?;
    inquiry.find(vm, args.with_test_failover.as_deref()).await?;
    inquiry.ask(Question::ALL).await;
    let rehearsed = match inquiry.replica.take() {
        Some(replica) if inquiry.stopped.is_none() => Some(inquiry.rehearse(replica, args.yes, &context).await),
        _ => None,
    };
    inquiry.report(file, identity, rehearsed, args.with_test_failover.is_some())?.print(&context)
}

/// A host that is being asked, and what was recorded of which question.
struct Inquiry<'e> {
    ends: &'e Ends,
    recorder: Arc<Recorder>,
    host: Asker,
    foreign: Asker,
    subject: Subject,
    /// The replica of the test failover.
    replica: Option<Vm>,
    /// The numbers of the entries of each question: after the first, up to the second.
    asked: HashMap<Question, Vec<(u64, u64)>>,
    skipped: HashMap<Question, String>,
    rehearsal: Option<(u64, u64)>,
    /// Why the host is not asked on.
    stopped: Option<Problem>,
    /// Whether anything but "access denied" came.
    is_let_in: bool,
    silent: u32,
}

impl<'e> Inquiry<'e> {
    fn new(ends: &'e Ends, recorder: Arc<Recorder>) -> Self {
        let asker = |language: &str| {
            let session = ReadOnly::over(ends.host.session().clone());
            let client = ends.host.client_over(session, ClassAddressing::microsoft(NAMESPACE));
            Host::new(client.with_locale(Some(language.to_owned())))
        };
        Inquiry {
            ends,
            recorder,
            host: asker("en-US"),
            foreign: asker(FOREIGN),
            subject: Subject::default(),
            replica: None,
            asked: HashMap::new(),
            skipped: HashMap::new(),
            rehearsal: None,
            stopped: None,
            is_let_in: false,
            silent: 0,
        }
    }

    /// Whether there is a host that can be asked at all.
    async fn identify(&self) -> Result<Option<Identity>, Problem> {
        match self.host.client().identify().await {
            Ok(identity) => Ok(Some(identity)),
            // It speaks WS-Management, and has a reason of its own.
            Err(error) if error.fault().is_some_and(|fault| !fault.is_access_denied()) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The VMs that were named, before anything else is asked: a name that is wrong ends the command.
    async fn find(&mut self, vm: Option<&str>, replica: Option<&str>) -> Result<(), Problem> {
        if let Some(replica) = replica {
            let found = one_vm(&self.host, replica).await?;
            self.subject = Subject::of(found.clone());
            self.replica = Some(found);
        }
        if let Some(vm) = vm {
            self.subject = Subject::of(one_vm(&self.host, vm).await?);
        }
        Ok(())
    }

    async fn ask(&mut self, questions: &[Question]) {
        for question in questions {
            if self.stopped.is_some() {
                self.skip(*question, "the host was not asked any more: see the end");
                continue;
            }
            let before = self.recorder.entries();
            let answer = question.ask(&self.host, &self.foreign, &mut self.subject).await;
            match answer {
                Ok(Asked::No(reason)) => {
                    self.skip(*question, reason);
                    continue;
                }
                Ok(Asked::Yes) => self.answered(true),
                Err(error) => self.refused(error),
            }
            self.asked.entry(*question).or_default().push((before, self.recorder.entries()));
        }
    }

    fn skip(&mut self, question: Question, reason: &str) {
        self.skipped.insert(question, reason.to_owned());
    }

    fn answered(&mut self, is_let_in: bool) {
        self.silent = 0;
        self.is_let_in |= is_let_in;
    }

    /// One refusal does not end the rest; a host that is gone, or lets nobody in, does.
    fn refused(&mut self, error: Error) {
        let is_final = match &error {
            Error::Wsman(wsman::Error::Exchange(error)) => {
                self.silent += 1;
                error.is_unreachable() || error.is_login() || self.silent >= PATIENCE
            }
            Error::Wsman(wsman::Error::Deadline) => true,
            error => {
                self.answered(!error.fault().is_some_and(Fault::is_access_denied));
                false
            }
        };
        if is_final {
            self.stopped = Some(error.into());
        }
    }

    async fn rehearse(&mut self, replica: Vm, yes: bool, context: &Context) -> Rehearsed {
        let before = self.recorder.entries();
        let consent = Consent { yes, dry_run: false };
        // By its id: a name may be given to another VM meanwhile.
        let rehearsed = rehearse(replica.id.as_str(), &consent, self.ends, context).await;
        if rehearsed.run.is_some() && !stop::has_come() {
            self.subject = Subject::of(replica);
            self.ask(Question::AFTER_REHEARSAL).await;
        }
        self.rehearsal = Some((before, self.recorder.entries()));
        rehearsed
    }

    /// Reads the recording back, and judges by it.
    fn report(
        self,
        file: &Path,
        identity: Option<Identity>,
        rehearsed: Option<Rehearsed>,
        wanted: bool,
    ) -> Result<Report, Problem> {
        let unusable =
            |why: String| Problem::internal(format!("the recording {} is not complete: {why}", file.display()));
        if let Some(failure) = self.recorder.failure() {
            return Err(unusable(failure));
        }
        let har = self.recorder.har().map_err(|error| unusable(error.to_string()))?;
        let entries = Trace::read(har.as_slice()).map_err(|error| unusable(error.to_string()))?.entries;
        let all: Vec<_> = (1..).zip(&entries).map(|(number, entry)| (number, exchanged(number, entry))).collect();
        let within = |ranges: &[(u64, u64)]| -> Vec<Exchanged> {
            let is_within = |number: u64| ranges.iter().any(|(before, last)| *before < number && number <= *last);
            all.iter().filter(|(number, _)| is_within(*number)).filter_map(|(_, message)| message.clone()).collect()
        };
        let asked: HashMap<Question, Vec<Exchanged>> =
            self.asked.iter().map(|(question, ranges)| (*question, within(ranges))).collect();
        let rehearsal = self.rehearsal.map(|range| within(&[range]));
        let no_rehearsal = match (wanted, &self.stopped) {
            (false, _) => "a test failover would show it: --with-test-failover VM",
            (true, Some(_)) => "there was no test failover: the host was not asked any more",
            (true, None) => "there was no test failover",
        };
        let not_asked = "it was not asked";
        let verdicts = ASSUMPTIONS.iter().map(|assumption| {
            let of = |question| match (asked.get(&question), self.skipped.get(&question)) {
                (Some(messages), _) => Ok(messages.as_slice()),
                (None, Some(reason)) => Err(reason.as_str()),
                (None, None) => Err(not_asked),
            };
            let verdict = assumption.judge(of, rehearsal.as_deref().ok_or(no_rehearsal));
            (assumption, Verdict { seen: self.recorder.clean(&verdict.seen), ..verdict })
        });
        let verdicts = verdicts.collect();
        let stopped = self.stopped.or_else(|| match self.is_let_in {
            true => None,
            false => Some(
                Problem::new(Exit::NotAllowed, "access-denied", "the account may not read Hyper-V's classes")
                    .remedy(RIGHTS),
            ),
        });
        Ok(Report {
            verdicts,
            identity,
            stopped,
            rehearsed,
            is_interrupted: stop::has_come(),
            file: file.to_owned(),
            entries: entries.len(),
            requests: self.ends.host.session().requests(),
            is_simulated: self.ends.host.is_simulated(),
            recorder: self.recorder,
        })
    }
}

/// A recorded message for the judges; none for a token of a login, and for one that was sent again.
fn exchanged(number: u64, entry: &Entry) -> Option<Exchanged> {
    let failure = entry.failure().map(|failure| failure.text.as_str());
    let request = entry.request_text().as_bytes();
    entry
        .is_told_to_the_end()
        .then(|| Exchanged::new(number, request, entry.response.status, &entry.reply_bytes(), failure))
}

/// What to do with the recording.
fn say_where_to_send(file: &Path) {
    let file = file.display();
    note(&format!(
        "look through it before you give it away: hvr trace show {file}; then send it in, as an issue of the project: this \
         table, and {file}"
    ));
}
