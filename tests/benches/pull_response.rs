//! Reads a PullResponse of 20,000 instances with 25 properties each, beside quick-xml's bare reader on the same bytes.
//!
//! `cargo bench --bench pull_response`; with `HVR_BENCH_FILE=FILE` the bytes are written there, for other readers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::as_conversions,
    missing_docs,
    reason = "a measurement"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use hyperv_replica::wsman::{Operation, Pull, ResourceUri, SelectorSet};
use hyperv_replica::xml::Document;
use quick_xml::Reader;
use quick_xml::events::Event;

const INSTANCES: usize = 20_000;
const ROUNDS: usize = 15;

fn main() {
    let text = response();
    if let Some(file) = std::env::var_os("HVR_BENCH_FILE") {
        std::fs::write(file, &text).unwrap();
    }
    let pull = Pull {
        resource: ResourceUri::new("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Demo_Item"),
        selectors: SelectorSet::new(),
        context: String::new(),
    };
    let (mut bare, mut instances, mut document) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that a machine whose speed drifts drifts for all.
    for _ in 0..ROUNDS {
        bare.push(timed(|| read_bare(&text)));
        // The transport hands the reader a buffer of its own; making it is not reading.
        let reply = text.clone().into_bytes();
        instances.push(timed(|| read_instances(&pull, reply)));
        let reply = text.clone().into_bytes();
        document.push(timed(|| Document::parse(reply).unwrap().root().children().count()));
    }
    let megabytes = text.len() as f64 / 1e6;
    println!("{megabytes:.1} MB, {INSTANCES} instances of 25 properties, {ROUNDS} rounds in turns");
    let line = |name: &str, times: &mut Vec<Duration>| {
        times.sort();
        let (best, median) = (times[0].as_secs_f64(), times[times.len() / 2].as_secs_f64());
        println!("{name:<34} best {:>6.0} MB/s   median {:>6.0} MB/s", megabytes / best, megabytes / median);
        (best, median)
    };
    let bare = line("quick-xml, bare Reader", &mut bare);
    let document = line("xml::Document", &mut document);
    let instances = line("Page, every property of each", &mut instances);
    println!("Document / bare Reader             best {:.2}   median {:.2}", bare.0 / document.0, bare.1 / document.1);
    println!(
        "instances / bare Reader            best {:.2}   median {:.2}",
        bare.0 / instances.0,
        bare.1 / instances.1
    );
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let (wall, processor) = (Instant::now(), processor_time());
    black_box(run());
    match (processor, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => wall.elapsed(),
    }
}

/// The time this thread has had on a processor, where the system tells: other work on the machine is no part of it.
fn processor_time() -> Option<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn read_bare(text: &str) -> usize {
    let mut reader = Reader::from_str(text);
    let mut events = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return events,
            event => {
                black_box(&event);
                events += 1;
            }
        }
    }
}

/// Into instances, each property looked at as it is used: name, NULL or value.
fn read_instances(pull: &Pull, reply: Vec<u8>) -> usize {
    let page = pull.read(reply, "uuid:1").unwrap();
    let mut bytes = 0;
    for instance in page.instances() {
        for property in instance.elements() {
            if !property.is_nil() {
                bytes += property.local().len() + property.text().len();
            }
        }
    }
    bytes
}

fn response() -> String {
    use std::fmt::Write;
    let class = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Demo_Item";
    let mut text = String::from(concat!(
        r#"<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" "#,
        r#"xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" "#,
        r#"xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" "#,
        r#"xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>"#,
        "<a:Action>http://schemas.xmlsoap.org/ws/2004/09/enumeration/PullResponse</a:Action>",
        "<a:MessageID>uuid:2</a:MessageID><a:RelatesTo>uuid:1</a:RelatesTo></s:Header><s:Body><n:PullResponse><n:Items>",
    ));
    for number in 0..INSTANCES {
        write!(
            text,
            r#"<p:Demo_Item xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="{class}" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xsi:type="p:Demo_Item_Type">"#
        )
        .unwrap();
        for property in 0..25 {
            match property % 5 {
                0 => write!(text, "<p:Caption{property}>Item {number} of many</p:Caption{property}>"),
                1 => write!(text, "<p:EnabledState{property}>{}</p:EnabledState{property}>", number % 10),
                2 => write!(text, r#"<p:Parent{property} xsi:nil="true"/>"#),
                3 => write!(
                    text,
                    "<p:Installed{property}><cim:Datetime>2026-11-23T06:55:10Z</cim:Datetime></p:Installed{property}>"
                ),
                _ => write!(text, "<p:Path{property}>C:\\demo\\{number}\\file.vhdx</p:Path{property}>"),
            }
            .unwrap();
        }
        text.push_str("</p:Demo_Item>");
    }
    text.push_str("</n:Items><n:EndOfSequence/></n:PullResponse></s:Body></s:Envelope>");
    text
}
