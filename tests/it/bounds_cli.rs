//! What a host may not do to the computer that asks it: take its memory, or write in this program's name.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::cli::{Ran, hvr, ran};
use crate::support::hostile_host::{Answer, Asked, HostileHost, changed};
use crate::support::process::Running;

const VM: &str = "00000007-0000-4000-8000-000000000000";

fn computer(number: usize, name: &str) -> String {
    const URI: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem";
    format!(
        "<p:Msvm_ComputerSystem xmlns:p=\"{URI}\"><p:Caption>Virtual Machine</p:Caption>\
         <p:CreationClassName>Msvm_ComputerSystem</p:CreationClassName><p:ElementName>{name}</p:ElementName>\
         <p:EnabledState>3</p:EnabledState><p:HealthState>5</p:HealthState>\
         <p:Name>{number:08X}-0000-4000-8000-000000000000</p:Name><p:ReplicationHealth>1</p:ReplicationHealth>\
         <p:ReplicationMode>2</p:ReplicationMode><p:ReplicationState>4</p:ReplicationState></p:Msvm_ComputerSystem>"
    )
}

fn is_list(asked: &Asked) -> bool {
    matches!(asked.action(), "Enumerate" | "Pull")
}

/// A thousand instances a page, for ever.
fn endless() -> HostileHost {
    let count = std::sync::atomic::AtomicUsize::new(0);
    HostileHost::start(move |asked| {
        let page = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if !is_list(asked) {
            return Answer::Envelope(asked.reply(&computer(7, "vm-7")));
        }
        let items: String = (0..1_000).map(|place| computer(page * 1_000 + place, &format!("vm-{place}"))).collect();
        Answer::Envelope(asked.page(&format!("uuid:{page}"), &items, false))
    })
}

/// Runs a command to its end; how it ended, and the most memory it had at one time in MiB, where the system tells.
fn measured(host: &HostileHost, arguments: &[&str]) -> (Ran, Option<u64>) {
    let folder = tempfile::tempdir().unwrap();
    // Into files, so that nobody has to read while it runs.
    let file = |name: &str| fs::File::create(folder.path().join(name)).unwrap();
    let mut command = hvr(&[arguments, &host.flags()].concat());
    command.env("HVR_PASSWORD", "canary").stdout(Stdio::from(file("out"))).stderr(Stdio::from(file("err")));
    let mut child = Running::start(&mut command);
    let mut most = None;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        // Of a process that has just ended nothing is left to read.
        most = peak(child.id()).or(most);
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    let read = |name: &str| String::from_utf8(fs::read(folder.path().join(name)).unwrap()).unwrap();
    (Ran { code: status.code().expect("an exit"), out: read("out"), err: read("err") }, most)
}

/// `VmHWM` of a process, in MiB.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? >> 10)
}

#[test]
fn a_list_without_end_takes_no_more_memory_than_it_may() {
    let host = endless();
    for arguments in [&["status"][..], &["points", VM]] {
        let (ran, most) = measured(&host, &[arguments, &["-o", "json", "--max-list", "8"]].concat());
        assert_eq!(ran.code, 4, "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains("longer than the 8 MiB that are kept of one"), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("--max-list MIB"), "{arguments:?}: {}", ran.err);
        assert!(most.is_none_or(|most| most < 120), "{arguments:?}: {most:?} MiB");
    }
    let (ran, most) = measured(&host, &["status", "-o", "json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, document["code"].as_str()), (4, Some("list-too-long")), "{}", ran.err);
    assert!(most.is_none_or(|most| most < 300), "{most:?} MiB");
}

#[test]
fn pages_without_progress_end_every_command() {
    for (page, format) in [("", "jsonl"), ("", "json"), ("<I>a</I>", "jsonl")] {
        let host = HostileHost::start(move |asked| match is_list(asked) {
            true => Answer::Envelope(asked.page("uuid:same", page, false)),
            false => Answer::Envelope(asked.reply("")),
        });
        for arguments in [&["status"][..], &["wsman", "enumerate", "Msvm_ComputerSystem"]] {
            let before = host.requests();
            let (ran, _) = measured(&host, &[arguments, &["-o", format]].concat());
            assert_eq!(ran.code, 4, "{arguments:?}: {}{}", ran.out, ran.err);
            assert!(ran.err.contains("makes no progress: 64 answers"), "{arguments:?}: {}", ran.err);
            assert!(host.requests() - before < 80, "{arguments:?}: {} requests", host.requests() - before);
        }
    }
}

#[test]
fn a_stream_of_any_length_stays_flat() {
    let streamed = |pages: usize| {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let host = HostileHost::start(move |asked| {
            let page = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
            if !is_list(asked) {
                return Answer::Envelope(asked.reply(""));
            }
            let items: String = (0..100).map(|place| computer(page * 100 + place, &"x".repeat(3_000))).collect();
            Answer::Envelope(asked.page(&format!("uuid:{page}"), &items, page == pages))
        });
        let flags = ["wsman", "enumerate", "Msvm_ComputerSystem", "-o", "jsonl", "--max-list", "1"];
        let (ran, most) = measured(&host, &flags);
        assert_eq!((ran.code, ran.out.lines().count()), (0, pages * 100), "{}", ran.err);
        most
    };
    let (short, long) = (streamed(10), streamed(80));
    if let (Some(short), Some(long)) = (short, long) {
        // 24 MB more were read.
        assert!(long < short + 10, "{short} MiB for 10 pages, {long} MiB for 80");
    }
}

#[test]
fn a_huge_name_makes_no_huge_table() {
    let host = HostileHost::start(|asked| {
        let of_vms = is_list(asked) && asked.body.contains("Msvm_ComputerSystem");
        let items: String = (1..40).map(|place| computer(place, "vm")).collect();
        let items = if of_vms { format!("{items}{}", computer(99, &"x".repeat(7_000_000))) } else { String::new() };
        Answer::Envelope(asked.page("", &items, true))
    });
    let (ran, most) = measured(&host, &["status"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.len() < 100_000 && ran.err.len() < 100_000, "{} and {} bytes", ran.out.len(), ran.err.len());
    assert!(ran.out.contains("… (6999880 more characters)"), "{}", ran.out);
    assert!(most.is_none_or(|most| most < 200), "{most:?} MiB");
    // A script gets it whole.
    let (ran, _) = measured(&host, &["status", "-o", "json"]);
    assert!(ran.code == 0 && ran.out.len() > 7_000_000, "{} bytes", ran.out.len());
}

/// A line that says it is of this program, after every character that ends one somewhere.
const FORGED: &str = "x&#10;hvr: all is well&#13;hvr: all is well&#133;hvr: all is well&#8232;hvr: all is well\u{ad}\u{3164}\
    \u{e0041}\u{2029}hvr: all is well&#10;&#10;     hvr: all is well";

/// Texts in which a host may say anything. Not those by which it is found: names, ids, numbers.
const SAID: &[&str] = &[
    "ElementName",
    "Caption",
    "Description",
    "InstallDate",
    "JobStatus",
    "ErrorDescription",
    "ErrorSummaryDescription",
    "Notes",
    "Owner",
    "ProductVendor",
    "ProductVersion",
    "Text",
    "Message",
    "PrimaryHostSystem",
    "PrimaryConnectionPoint",
    "RecoveryHostSystem",
    "RecoveryConnectionPoint",
    "TestReplicaSwitchName",
    "OtherIdentifyingInfo",
    "Status",
    "StatusDescriptions",
    "OperationalStatus.Text",
    "MSFT_WmiError",
    "CIMStatusCodeDescription",
    "error_Message",
];

/// A reply with such a line in every text that says something.
fn forged(reply: &str) -> String {
    let mut changed = String::with_capacity(reply.len() * 2);
    let mut rest = reply;
    // Leaves, as `<p:Name …>text</p:Name>`.
    while let Some(close) = rest.find("</") {
        let (before, after) = rest.split_at(close);
        let open = before.rfind('>').unwrap_or(0);
        let name = after[2..].split('>').next().unwrap_or("");
        let is_leaf = open + 1 < before.len() && SAID.contains(&name.rsplit(':').next().unwrap_or(name));
        changed.push_str(before);
        if is_leaf {
            changed.push_str(FORGED);
        }
        let end = after.find('>').map_or(after.len(), |end| end + 1);
        changed.push_str(&after[..end]);
        rest = &after[end..];
    }
    changed + rest
}

/// Every line, wherever a terminal or a script might see one begin.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'])
}

#[track_caller]
fn is_not_forged(ran: &Ran, what: &str) {
    for text in [&ran.out, &ran.err] {
        let forged = lines(text).find(|line| line.trim_start().starts_with("hvr: all is well"));
        assert_eq!(forged, None, "{what}:\n{text}");
        let hidden = ['\u{ad}', '\u{3164}', '\u{e0041}', '\u{202e}', '\u{1b}'];
        assert!(!text.contains(hidden), "{what}:\n{text:?}");
    }
}

#[test]
fn no_text_of_a_host_begins_a_line() {
    let host = HostileHost::start(changed("", |reply| forged(&reply)));
    let run = |arguments: &[&str]| {
        let all = [arguments, &host.flags()].concat();
        let ran = ran(hvr(&all).env("HVR_PASSWORD", "canary").output().unwrap());
        is_not_forged(&ran, &all.join(" "));
        ran
    };
    let list = run(&["status", "-o", "json"]);
    let list: Value = serde_json::from_str(&list.out).unwrap_or_else(|_| panic!("{}{}", list.out, list.err));
    let ids = list["vms"].as_array().unwrap().iter().filter_map(|vm| vm["id"].as_str()).collect::<Vec<_>>();
    assert!(!ids.is_empty(), "{list}");
    assert!(list.to_string().contains("all is well"), "the host says nothing forged: {list}");
    let mut seen = 0;
    for id in &ids {
        let get = format!("Msvm_ComputerSystem?Name={id},CreationClassName=Msvm_ComputerSystem");
        let all: &[&[&str]] = &[
            &["status"],
            &["status", id, "-vv"],
            &["status", id, "--check"],
            &["status", "-o", "prometheus"],
            &["status", "no-such-vm"],
            &["points", id],
            &["check", id],
            &["check", "--login"],
            &["network", "show", id],
            &["failover", id, "--dry-run"],
            &["failover", id, "--yes", "-v"],
            &["failover", id, "--yes", "-o", "jsonl"],
            &["commit", id, "--yes"],
            &["undo", id, "--yes"],
            &["run", "list"],
            &["wsman", "identify"],
            &["wsman", "get", &get],
            &["wsman", "enumerate", "Msvm_ComputerSystem"],
            &["wsman", "enumerate", "Msvm_ComputerSystem", "--columns", "ElementName,Name"],
            &["wsman", "enumerate", "Msvm_ComputerSystem", "-o", "jsonl"],
            &["wsman", "enumerate", "No_Such_Class"],
            &["wsman", "get", "Msvm_ConcreteJob?InstanceID=none"],
            &["job", "show", "00000000-0000-0000-0000-000000000001"],
            &["pin", &host.url],
        ];
        for arguments in all {
            let ran = run(arguments);
            seen += usize::from(ran.out.contains("all is well") || ran.err.contains("all is well"));
        }
    }
    // Or the test looks at a host that says nothing.
    assert!(seen > 10, "{seen} commands showed what the host said");
}

#[test]
fn no_answer_of_http_begins_a_line() {
    let evil = "Evil\u{2028}hvr: all is well\u{85}hvr: all is well\u{ad}\u{3164}";
    let html = "<html><body>x\nhvr: all is well\r\nhvr: all is well</body></html>";
    for head in [
        format!("HTTP/1.1 500 {evil}\r\nServer: {evil}\r\nContent-Type: text/html"),
        format!("HTTP/1.1 403 {evil}\r\nServer: {evil}\r\nContent-Type: {evil}"),
        format!("HTTP/1.1 200 OK\r\nServer: {evil}\r\nContent-Type: text/html; x={evil}"),
        format!("HTTP/1.1 401 {evil}\r\nServer: {evil}\r\nWWW-Authenticate: {evil} realm=\"{evil}\""),
        format!("HTTP/1.1 302 {evil}\r\nLocation: https://x/{evil}"),
    ] {
        let said = head.clone();
        let subject = "hv\nhvr: all is well\u{2028}hvr: all is well\u{ad}\u{3164}";
        let host = HostileHost::with_subject(subject, move |_| Answer::Http(said.clone(), html.to_owned()));
        for arguments in [&["status"][..], &["status", "-vv"], &["check", "--login"], &["wsman", "identify"], &["pin"]]
        {
            let run = ran(hvr(&[arguments, &host.flags()].concat()).env("HVR_PASSWORD", "canary").output().unwrap());
            is_not_forged(&run, &format!("{head}: {arguments:?}"));
            // A certificate that is not trusted is told about, too.
            let flags = ["-H", &host.url, "-u", "admin", "--auth", "basic"];
            let run = ran(hvr(&[arguments, &flags].concat()).env("HVR_PASSWORD", "canary").output().unwrap());
            is_not_forged(&run, &format!("{head}: {arguments:?}"));
        }
    }
}

#[test]
fn no_file_begins_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let forged =
        FORGED.replace("&#10;", "\n").replace("&#13;", "\r").replace("&#133;", "\u{85}").replace("&#8232;", "\u{2028}");
    let quoted = serde_json::to_string(&forged).unwrap();
    let fault = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\"><s:Header>\
         <a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/fault</a:Action><a:RelatesTo>uuid:1</a:RelatesTo></s:Header>\
         <s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">{FORGED}\
         </s:Text></s:Reason><s:Detail><x>{FORGED}</x></s:Detail></s:Fault></s:Body></s:Envelope>"
    );
    let har = format!(
        "{{\"log\":{{\"version\":\"1.2\",\"creator\":{{\"name\":{quoted},\"version\":\"1\"}},\"entries\":[{{\
         \"startedDateTime\":\"2026-01-01T00:00:00Z\",\"time\":1,\"request\":{{\"method\":\"POST\",\"url\":{quoted},\
         \"httpVersion\":\"HTTP/1.1\",\"cookies\":[],\"headers\":[{{\"name\":\"X\",\"value\":{quoted}}}],\"queryString\":[],\
         \"headersSize\":-1,\"bodySize\":1,\"postData\":{{\"mimeType\":\"application/soap+xml\",\"text\":{fault}}}}},\
         \"response\":{{\"status\":500,\"statusText\":{quoted},\"httpVersion\":\"HTTP/1.1\",\"cookies\":[],\"headers\":\
         [{{\"name\":\"X\",\"value\":{quoted}}}],\"content\":{{\"size\":1,\"mimeType\":\"application/soap+xml\",\"text\":\
         {fault}}},\"redirectURL\":\"\",\"headersSize\":-1,\"bodySize\":1}},\"cache\":{{}},\"timings\":{{\"send\":0,\
         \"wait\":0,\"receive\":0}}}}]}}}}",
        fault = serde_json::to_string(&fault).unwrap(),
    );
    let har = file("a.har", &har);
    let envelope = file("fault.xml", &fault);
    let other = file("other.xml", &fault.replace("all is well", "all is ill"));
    let mof =
        file("a.mof", &format!("[Description({quoted})] class X_A {{ [key, Description({quoted})] string Id; }};"));
    let scenario = file("s.toml", &format!("[[vms]]\nname = {quoted}\n"));
    let broken = file("b.toml", "[[vms]]\nname = \"a\nhvr: all is well\n");
    let mut seen = 0;
    for arguments in [
        &["trace", "show", &har][..],
        &["trace", "show", &har, "1"],
        &["wsman", "decode", &envelope],
        &["wsman", "lint", &envelope],
        &["wsman", "diff", &envelope, &other],
        &["schema", "show", "X_A", "--schema", &mof],
        &["status", "--simulate", "--scenario", &scenario],
        &["status", "--simulate", "--scenario", &broken],
        &["status", "-H", "hv\nhvr: all is well", "-u", "u"],
        &["status", "-H", "hv", "-u", "u\nhvr: all is well"],
        &["status", "-H", "hv", "-u", "u", "--ca", "no\nhvr: all is well"],
        &["status", "-H", "hv", "-u", "u", "--profile", "no\nhvr: all is well"],
    ] {
        let run = ran(hvr(arguments).env("HVR_PASSWORD", "canary").output().unwrap());
        is_not_forged(&run, &arguments.join(" "));
        seen += usize::from(run.out.contains("all is well") || run.err.contains("all is well"));
    }
    assert!(seen > 6, "{seen} commands showed what the files say");
}
