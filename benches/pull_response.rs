//! How fast a large PullResponse is read, measured against the bare parser over the same text.
//!
//! `cargo bench --bench pull_response`; with `HVR_BENCH_FILE=<path>` the document is written there too, for other
//! parsers to read. Last line: `ours <MB/s>`, for scripts.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and stops at the first fault")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use hyperv_replica::cim::{CimType, ClassName, Instance, PropertyName, Value};
use hyperv_replica::wsman::enumerate::PageHeader;
use hyperv_replica::wsman::{Operation, Pull, ResourceUri, ResponseContext, SelectorSet, pull, write_instance};
use hyperv_replica::xml::Document;
use quick_xml::Reader;
use quick_xml::events::Event;

const INSTANCES: usize = 20_000;
const PROPERTIES: usize = 25;
const ROUNDS: usize = 9;
const REQUEST_ID: &str = "uuid:00000000-0000-4000-8000-000000000001";

fn main() {
    let class = ResourceUri::new("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Demo_Item");
    let reply = reply(&class);
    if let Some(path) = std::env::var_os("HVR_BENCH_FILE") {
        std::fs::write(path, &reply).unwrap();
    }
    let text = std::str::from_utf8(&reply).unwrap();
    let pull = Pull { resource: class, selectors: SelectorSet::new(), context: "uuid:1".to_owned() };
    println!("{INSTANCES} instances of {PROPERTIES} properties, {:.1} MB, {ROUNDS} rounds", megabytes(text.len()));

    // In turns, so that a busy spell of the machine falls on all of them alike.
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        times[0].push(time(|| bare(text)));
        times[1].push(time(|| page(&pull, &reply)));
        times[2].push(time(|| Document::parse(reply.as_slice()).unwrap()));
    }
    let names = ["quick-xml Reader alone", "Pull::read, every property touched", "xml::Document alone"];
    let [parser, ours, _] = times.each_ref().map(|times| best(times));
    for (name, times) in names.iter().zip(&times) {
        println!(
            "{name:36} best {:7.1} MB/s  median {:7.1} MB/s  {:.2} of the parser's best",
            rate(text.len(), best(times)),
            rate(text.len(), median(times)),
            parser.as_secs_f64() / best(times).as_secs_f64(),
        );
    }
    println!("ours {:.1}", rate(text.len(), ours));
}

/// The parser with its defaults, events dropped at once.
fn bare(text: &str) -> usize {
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

/// What a program does with a page: read it, then look at the name and text of every property of every instance.
fn page(pull: &Pull, reply: &[u8]) -> usize {
    let page = pull.read(reply, REQUEST_ID).unwrap();
    let mut bytes = 0;
    let mut instances = 0;
    for instance in page.instances() {
        instances += 1;
        for property in instance.elements() {
            bytes += black_box(property.local()).len() + black_box(property.text()).len();
        }
    }
    assert_eq!(instances, INSTANCES);
    bytes
}

/// Properties of the kinds and lengths that Windows classes have; about 50 bytes each on the wire.
fn reply(class: &ResourceUri) -> Vec<u8> {
    let context = ResponseContext { message_id: "uuid:00000000-0000-4000-8000-000000000002", relates_to: REQUEST_ID };
    let name = ClassName::from_static("Demo_Item");
    let names: Vec<PropertyName> = (0..PROPERTIES).map(|n| format!("PropertyNumber{n:02}").parse().unwrap()).collect();
    let page = PageHeader { context: Some("uuid:2"), end: false };
    let items = |writer: &mut hyperv_replica::xml::Writer| {
        for item in 0..INSTANCES {
            let mut instance = Instance::new(name.clone());
            for (number, name) in names.iter().enumerate() {
                instance.set(name.clone(), value(item, number));
            }
            write_instance(writer, class, &instance);
        }
    };
    pull::write_response(&context, page, items).unwrap()
}

fn value(item: usize, number: usize) -> Option<Value> {
    match number % 8 {
        0 => Some(Value::Boolean(item % 2 == 0)),
        1 => Some(Value::Unsigned(CimType::Uint64, (item * 4096).try_into().unwrap())),
        2 => Some(Value::text(format!("Item {item} at C:\\demo\\{number}"))),
        3 => Some(Value::uint16((item % 7).try_into().unwrap())),
        4 => Some(Value::text("Microsoft:00000000-0000-4000-8000-000000000003")),
        5 => Some(Value::text("OK")),
        6 if number == 6 => Some(Value::text("text with <markup> & quotes")),
        6 if number == 14 => Some(Value::Datetime("20260102030405.000000+000".parse().unwrap())),
        6 => None,
        _ => Some(Value::text("A description of an ordinary length")),
    }
}

fn time<T>(run: impl FnOnce() -> T) -> Duration {
    let (wall, processor) = (Instant::now(), processor_time());
    // The time to give the memory back counts as well.
    drop(black_box(run()));
    match (processor, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => wall.elapsed(),
    }
}

/// Time this thread has had on a processor, where the system tells: other work on the machine does not count then.
fn processor_time() -> Option<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn best(times: &[Duration]) -> Duration {
    times.iter().copied().min().unwrap()
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

#[allow(clippy::as_conversions, reason = "no byte count here loses anything as f64")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn rate(bytes: usize, time: Duration) -> f64 {
    megabytes(bytes) / time.as_secs_f64()
}
