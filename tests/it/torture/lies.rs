//! Lied to, not only cut: answers of somebody on the path, and a time of day that is set while a run is under way.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hyperv_replica::simulator::{Effect, Fault, Page, Relates};

use crate::storm::lies::{FAULTS, STATUSES};
use crate::support::liar::{Lie, When};
use crate::support::random::Random;

/// For one connection after the other: which request is answered by whom.
pub fn plan(random: &mut Random, latest: u64) -> BTreeMap<u64, Lie> {
    // From one request on, or here and there.
    let reach = random.pick(&[4, 10, REACH]);
    let first = random.within(0..reach);
    match random.percent(15) {
        true => {
            let lie = lie(random, latest);
            (first..first + random.within(2..6)).map(|number| (number, lie.clone())).collect()
        }
        false => {
            let mut plan = BTreeMap::from([(first, lie(random, latest))]);
            while random.percent(25) {
                plan.insert(random.within(0..reach), lie(random, latest));
            }
            plan
        }
    }
}

fn lie(random: &mut Random, latest: u64) -> Lie {
    let (content_type, body) = match random.within(0..10) {
        0..4 => ("", String::new()),
        4..6 => ("text/html; charset=utf-8", "<html><body><h1>Bad gateway</h1></body></html>".to_owned()),
        6..8 => (SOAP, envelope(random, FAULT)),
        _ => (SOAP, envelope(random, SUCCESS)),
    };
    Lie { status: random.pick(STATUSES), content_type, body, keeps: random.percent(50), when: when(random, latest) }
}

fn when(random: &mut Random, latest: u64) -> When {
    match random.within(0..3) {
        0 => When::Before,
        1 => When::After,
        _ => When::Late(Duration::from_millis(random.within(1..latest))),
    }
}

/// The same as a fault of the host's script: it hits a method where it hurts, which a proxy cannot tell from others.
pub fn fault(random: &mut Random, on: &str, tls: bool, latest: u64) -> Fault {
    let relates = match tls {
        true => random.pick(&[Relates::Other, Relates::Nothing]),
        false => random.pick(&[Relates::This, Relates::Other, Relates::Nothing]),
    };
    let page = match random.within(0..10) {
        0..4 => Page::Empty,
        4..6 => Page::Html,
        6..8 => Page::Fault { name: random.pick(FAULTS), relates },
        _ => Page::Success { relates },
    };
    let fault = Fault::on(on, Effect::Swapped { status: random.pick(STATUSES), page });
    match when(random, latest) {
        When::Before => fault.taken(false),
        When::After => fault.taken(true),
        When::Late(after) => fault.late(after),
    }
}

/// A SOAP page that answers no message, or another one.
fn envelope(random: &mut Random, body: &str) -> String {
    let relates = match random.percent(50) {
        true => "<a:RelatesTo>uuid:00000000-0000-0000-0000-000000000000</a:RelatesTo>",
        false => "",
    };
    format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\"><s:Header>\
         <a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/fault</a:Action>\
         <a:MessageID>uuid:11111111-1111-1111-1111-111111111111</a:MessageID>{relates}</s:Header>\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
}

const FAULT: &str = "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>w:AccessDenied</s:Value></s:Subcode>\
                     </s:Code><s:Reason><s:Text xml:lang=\"en-US\">Access is denied.</s:Text></s:Reason></s:Fault>";
const SUCCESS: &str = "<p:InitiateFailover_OUTPUT xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/\
                       virtualization/v2/Msvm_ReplicationService\"><p:ReturnValue>0</p:ReturnValue>\
                       </p:InitiateFailover_OUTPUT>";
const SOAP: &str = "application/soap+xml;charset=UTF-8";
/// Requests to one host in a planned failover that waits for little, and some more.
const REACH: u64 = 24;

/// The time of day of processes, set by a library that is loaded before all others; monotonic clocks stay as they are.
pub struct TimeOfDay {
    library: Option<PathBuf>,
    file: PathBuf,
}

impl TimeOfDay {
    /// `HVR_TORTURE_FAKETIME` names the library; without it, it is looked for where distributions install it.
    pub fn new(folder: &Path) -> TimeOfDay {
        let named = std::env::var_os("HVR_TORTURE_FAKETIME").map(PathBuf::from);
        let library = named.or_else(|| PLACES.iter().map(PathBuf::from).find(|place| place.exists()));
        let time = TimeOfDay { library, file: folder.join("time-of-day") };
        time.set(0);
        time
    }

    /// Whether it can be set at all.
    pub fn is_there(&self) -> bool {
        self.library.is_some()
    }

    /// By so many seconds ahead of the true one, for processes at work and those to come.
    pub fn set(&self, ahead: i64) {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{ahead:+}s\n")).unwrap();
        fs::rename(&new, &self.file).unwrap();
    }

    /// Has a process go by it.
    pub fn rule(&self, command: &mut Command) {
        let Some(library) = &self.library else { return };
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        // Read anew at each question, for the time of day alone.
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
    }
}

/// The library for programs with threads.
const PLACES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];
