//! What the answers to questions prove. Each judge says "refuted" only for an answer that the code does not expect, and
//! leaves what it does not understand open.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use super::Verdict;
use super::exchanged::{Exchanged, words};
use super::question::{CONFIG, JOB};
use crate::cim::{InstanceView, Property};
use crate::hyperv::instances::lacks_class;
use crate::hyperv::vm::{self, VmId};
use crate::hyperv::{PointKind, ReturnCode, relation};

const RELATION: &str = "Msvm_ReplicationRelationship";
const SETTINGS: &str = "Msvm_ReplicationSettingData";
const POINT: &str = "Msvm_VirtualSystemSettingData";
const ADDRESSES: &str = "Msvm_FailoverNetworkAdapterSettingData";
const REPLICATION_SERVICE: &str = "Msvm_ReplicationService";

/// `CreationClassName` alone names the replication service.
pub(super) fn short_key(messages: &[Exchanged]) -> Verdict {
    let calls =
        || messages.iter().filter(|message| message.class() == REPLICATION_SERVICE && message.method().is_some());
    let keys = |message: &Exchanged| message.request().map_or(0, |request| request.header.selectors.len());
    for call in calls().filter(|call| keys(call) == 1) {
        if let Some(code) = call.return_value() {
            return Verdict::confirmed(format!("the method was reached, and answered {code}"), [call.number]);
        }
        let Some(fault) = call.fault().filter(|fault| fault.may_lack_selectors()) else { continue };
        // The same fault may have another cause: that all keys helped tells them apart.
        if let Some(whole) = calls().find(|other| keys(other) > 1 && other.output().is_some()) {
            let seen = format!("refused with {}, and taken with {} keys", words(&fault), keys(whole));
            return Verdict::refuted(seen, [call.number, whole.number]);
        }
    }
    Verdict::open("no method of the service gave an answer")
}

/// The key alone names a relation in a parameter.
pub(super) fn relation_by_key(messages: &[Exchanged]) -> Verdict {
    for call in messages.iter().filter(|message| message.method() == Some("GetReplicationStatisticsEx")) {
        if let Some(code) = call.return_value() {
            let seen = format!("GetReplicationStatisticsEx answered {code} ({})", ReturnCode::from(code));
            return match ReturnCode::from(code) {
                ReturnCode::Completed => Verdict::confirmed(seen, [call.number]),
                ReturnCode::InvalidParameter | ReturnCode::IncorrectDataType => Verdict::refuted(seen, [call.number]),
                _ => Verdict::open(seen),
            };
        }
        if let Some(fault) = call.fault().filter(|fault| fault.is_schema_violation()) {
            return Verdict::refuted(format!("refused with {}", words(&fault)), [call.number]);
        }
    }
    Verdict::open("no relation could be named to a method: none is visible, or the host has no relations (Server 2012)")
}

/// WQL over all classes finds a VM by its name.
pub(super) fn find_by_name(messages: &[Exchanged]) -> Verdict {
    query(messages, "SELECT * FROM Msvm_ComputerSystem", vm::CLASS)
}

/// The relations of a VM, through their association.
pub(super) fn relations(messages: &[Exchanged]) -> Verdict {
    match query(messages, "Msvm_SystemReplicationRelationship", RELATION) {
        // The class itself tells whether there was something to find.
        verdict if verdict.finding == super::Finding::Refuted => match first_of(messages, RELATION) {
            Some(listed) => Verdict { shown_in: [verdict.shown_in, vec![listed.number]].concat(), ..verdict },
            None => Verdict::open("no relation is visible, or the host has none (Server 2012)"),
        },
        verdict => verdict,
    }
}

/// Settings by whatever association ties them to the VM.
pub(super) fn settings(messages: &[Exchanged]) -> Verdict {
    query(messages, SETTINGS, SETTINGS)
}

/// What came of the first query that says `wanted` somewhere: instances of the class, or not.
fn query(messages: &[Exchanged], wanted: &str, class: &str) -> Verdict {
    let asked = messages.iter().filter(|message| message.query().is_some_and(|query| query.contains(wanted)));
    for asked in asked {
        let found = asked.instances().into_iter().filter(|instance| instance.class() == class).count();
        if found > 0 {
            return Verdict::confirmed(format!("it found {found} of {class}"), [asked.number]);
        }
        if let Some(fault) = asked.fault().filter(|fault| fault.is_filter_refused()) {
            return Verdict::refuted(format!("refused with {}", words(&fault)), [asked.number]);
        }
        if asked.is_page() {
            return Verdict::refuted(format!("it found no {class}"), [asked.number]);
        }
    }
    Verdict::open("no such query was answered")
}

fn first_of<'m>(messages: &'m [Exchanged], class: &str) -> Option<&'m Exchanged> {
    messages.iter().find(|message| message.instances().iter().any(|instance| instance.class() == class))
}

/// The ends of ids by which a relation is told from the next.
pub(super) fn ids_of_relations(messages: &[Exchanged]) -> Verdict {
    let (mut known, mut seen) = (0_usize, Vec::new());
    for message in messages {
        for instance in message.instances() {
            let is_meant = [RELATION, SETTINGS].contains(&instance.class());
            let Some(id) = instance.text("InstanceID").into_option().filter(|_| is_meant) else { continue };
            let end = id.split_once('\\').map_or("", |(_, end)| end);
            match relation::of_id(id) {
                Some((_, relation::RelationKind::Primary | relation::RelationKind::Extended)) => known += 1,
                _ => return Verdict::refuted(format!("an InstanceID ends in {end:?}"), [message.number]),
            }
            seen.push(message.number);
        }
    }
    match known {
        0 => Verdict::open("no relation and no settings of one are visible"),
        _ => Verdict::confirmed(format!("all {known} of them are so"), seen),
    }
}

/// Recovery points are told by their `VirtualSystemType`.
pub(super) fn points(messages: &[Exchanged]) -> Verdict {
    let (mut kinds, mut shown, mut strange) = (BTreeMap::<&str, usize>::new(), Vec::new(), Vec::new());
    for message in messages {
        for instance in message.instances().into_iter().filter(|instance| instance.class() == POINT) {
            let Some(kind) = instance.text("VirtualSystemType").into_option() else { continue };
            match PointKind::of_type(kind) {
                Some(kind) => *kinds.entry(kind.name()).or_default() += 1,
                // The settings of the VM itself, and checkpoints that a person made.
                None if !kind.to_ascii_lowercase().contains("replica") => continue,
                None => strange.push(kind.to_owned()),
            }
            shown.push(message.number);
        }
    }
    let counts: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    match (strange.first(), counts.is_empty()) {
        (Some(kind), _) => Verdict::refuted(format!("a type that is not known: {kind}"), shown),
        (None, true) => Verdict::open("the VM has no recovery points but the latest"),
        (None, false) => Verdict::confirmed(counts.join(", "), shown),
    }
}

/// A job is found from its VM. `job` is one that must be found from its number on, where one is known.
pub(super) fn jobs_of_vm(messages: &[Exchanged], job: Option<(&str, u64)>) -> Verdict {
    let is_asked =
        |message: &&Exchanged| message.query().is_some_and(|query| query.contains("Msvm_AffectedJobElement"));
    let Some(asked) = messages.iter().rfind(is_asked) else {
        return Verdict::open("the jobs of a VM were not asked for");
    };
    let job = job.filter(|(_, since)| asked.number > *since).map(|(id, _)| id);
    if let Some(fault) = asked.fault().filter(|fault| fault.is_filter_refused()) {
        return Verdict::refuted(format!("refused with {}", words(&fault)), [asked.number]);
    }
    let instances = asked.instances();
    let ids = || instances.iter().filter_map(|instance| instance.text("InstanceID").into_option());
    // One that is gone by itself is found by nothing.
    let is_there = |job: &str| {
        let mut later = messages.iter().filter(|message| message.number > asked.number).flat_map(Exchanged::instances);
        later.any(|found| found.text("InstanceID").into_option().is_some_and(|id| id.eq_ignore_ascii_case(job)))
    };
    match job {
        Some(job) if ids().any(|id| id.eq_ignore_ascii_case(job)) => {
            Verdict::confirmed("the job of the test failover was found from the VM", [asked.number])
        }
        Some(job) if asked.is_page() && is_there(job) => {
            Verdict::refuted("the job of the test failover was not found from the VM, and is there", [asked.number])
        }
        Some(_) => Verdict::open("the job of the test failover was not there any more"),
        None => match ids().count() {
            0 => Verdict::open("no job touches the VM now"),
            count => Verdict::confirmed(format!("{count} found from the VM"), [asked.number]),
        },
    }
}

/// How long a job is kept once it has ended.
pub(super) fn jobs_are_kept(messages: &[Exchanged]) -> Verdict {
    let (mut times, mut shown) = (BTreeMap::<u64, usize>::new(), Vec::new());
    for message in messages {
        for job in message.instances().into_iter().filter(|instance| !instance.property("JobState").is_absent()) {
            let Ok(Property::Value(kept)) = job.interval("TimeBeforeRemoval") else { continue };
            let Some(kept) = kept.to_duration() else { continue };
            *times.entry(kept.as_secs()).or_default() += 1;
            shown.push(message.number);
        }
    }
    let said: Vec<_> = times.iter().map(|(seconds, jobs)| format!("{seconds} s ({jobs} times)")).collect();
    let seen = format!("TimeBeforeRemoval is {}", said.join(", "));
    match times.keys().collect::<Vec<_>>().as_slice() {
        [] => Verdict::open("no job is there now that says how long it is kept"),
        [300] => Verdict::confirmed(seen, shown),
        _ => Verdict::refuted(seen, shown),
    }
}

/// Fault texts come in the language that was asked for.
pub(super) fn language_of_faults(messages: &[Exchanged]) -> Verdict {
    let reasons: Vec<_> = messages
        .iter()
        .filter_map(|message| {
            let fault = message.fault()?;
            let reason = fault.soap.reasons.first()?.clone();
            Some((message.number, message.language()?.to_owned(), reason))
        })
        .collect();
    let is_english = |language: &str| language.to_ascii_lowercase().starts_with("en");
    let english = reasons.iter().find(|(_, asked, _)| is_english(asked));
    let foreign = reasons.iter().find(|(_, asked, _)| !is_english(asked));
    let (Some((first, _, english)), Some((second, asked, foreign))) = (english, foreign) else {
        return Verdict::open("the same fault did not come in two languages");
    };
    let seen =
        |text: &str| format!("asked for en-US it said {}, for {asked} {}; {text}", english.language, foreign.language);
    let shown = [*first, *second];
    if !english.language.is_empty() && !is_english(&english.language) {
        return Verdict::refuted(seen("English was not to be had"), shown);
    }
    match english.text == foreign.text {
        true => Verdict::open(seen("the texts are the same: it may have no other language")),
        false => Verdict::confirmed(seen("the texts differ"), shown),
    }
}

/// Texts of jobs come in the language that was asked for.
pub(super) fn language_of_jobs(messages: &[Exchanged]) -> Verdict {
    let mut said = BTreeMap::<&str, (&str, u64, &str)>::new();
    let mut is_same = false;
    for message in messages.iter().filter(|message| message.class() == JOB) {
        let Some(language) = message.language() else { continue };
        // The words for a job that runs change by themselves.
        for job in message.instances().into_iter().filter(is_over) {
            let of = |name| job.text(name).into_option().filter(|text| !text.is_empty());
            let (Some(id), Some(text)) = (of("InstanceID"), of("JobStatus")) else { continue };
            let (other, number, before) = *said.entry(id).or_insert((language, message.number, text));
            if other == language {
                continue;
            }
            if before != text {
                let seen = format!("JobStatus is {before:?} in {other}, {text:?} in {language}");
                return Verdict::confirmed(seen, [number, message.number]);
            }
            is_same = true;
        }
    }
    Verdict::open(match is_same {
        true => "jobs read the same in both languages: the host may have no other language",
        false => "no job that has ended could be read in two languages",
    })
}

fn is_over(job: &InstanceView<'_>) -> bool {
    let state = job.number::<u16>("JobState").ok().and_then(Property::into_option);
    matches!(state, Some(7..=10 | 32768))
}

/// Every fault has HTTP status 500.
pub(super) fn status_of_faults(messages: &[Exchanged]) -> Verdict {
    let (mut statuses, mut shown) = (BTreeMap::<u16, Vec<String>>::new(), Vec::new());
    for message in messages {
        let Some(fault) = message.fault() else { continue };
        let words = words(&fault);
        let known = statuses.entry(message.status).or_default();
        if !known.contains(&words) {
            known.push(words);
        }
        shown.push(message.number);
    }
    let seen: Vec<_> = statuses.iter().map(|(status, faults)| format!("{status} with {}", faults.join(", "))).collect();
    match statuses.keys().collect::<Vec<_>>().as_slice() {
        [] => Verdict::open("the host answered with no fault"),
        [500] => Verdict::confirmed(seen.join("; "), shown),
        _ => Verdict::refuted(seen.join("; "), shown),
    }
}

/// What is not there is answered by a fault that is read as "not found".
pub(super) fn missing_vm(messages: &[Exchanged]) -> Verdict {
    fault_to(messages.iter().filter(|message| message.is_get()), |fault| fault.is_not_found())
}

/// A class that is not there is told from an empty one.
pub(super) fn missing_class(messages: &[Exchanged]) -> Verdict {
    fault_to(messages.iter(), lacks_class)
}

/// A page of an enumeration that is not there.
pub(super) fn missing_page(messages: &[Exchanged]) -> Verdict {
    fault_to(messages.iter(), |fault| fault.is_context_expired())
}

/// A VM is not found by `Name` alone.
pub(super) fn half_a_key(messages: &[Exchanged]) -> Verdict {
    fault_to(messages.iter().filter(|message| message.is_get()), |fault| {
        fault.is_not_found() || fault.is_selector_trouble()
    })
}

fn fault_to<'m>(
    mut messages: impl Iterator<Item = &'m Exchanged>,
    is_expected: impl Fn(&crate::wsman::Fault) -> bool,
) -> Verdict {
    let Some(message) = messages.find(|message| message.content().is_some()) else {
        return Verdict::open("the host gave no answer to it");
    };
    match message.fault() {
        Some(fault) if is_expected(&fault) => {
            Verdict::confirmed(format!("refused with {}", words(&fault)), [message.number])
        }
        Some(fault) if fault.is_access_denied() || fault.is_quota() || fault.is_timed_out() => {
            Verdict::open(format!("refused with {}", words(&fault)))
        }
        Some(fault) => Verdict::refuted(format!("refused with {}", words(&fault)), [message.number]),
        None => Verdict::refuted("no fault came", [message.number]),
    }
}

/// What an adapter gets after a failover has a key.
pub(super) fn addresses_have_a_key(messages: &[Exchanged]) -> Verdict {
    let mut shown = Vec::new();
    for (message, settings) in of_class(messages, ADDRESSES) {
        match settings.text("InstanceID").into_option().filter(|id| !id.is_empty()) {
            Some(_) => shown.push(message.number),
            None => return Verdict::refuted("InstanceID is NULL or empty", [message.number]),
        }
    }
    match shown.len() {
        0 => Verdict::open("no adapter has such settings"),
        count => Verdict::confirmed(format!("{count} with an InstanceID"), shown),
    }
}

/// For IPv6 the element of `Subnets` is the length of the prefix.
pub(super) fn ipv6_prefix(messages: &[Exchanged]) -> Verdict {
    for (message, settings) in of_class(messages, ADDRESSES) {
        let subnets = settings.texts("Subnets");
        for (address, subnet) in settings.texts("IPAddresses").into_iter().zip(subnets) {
            if address.trim().parse::<Ipv6Addr>().is_err() {
                continue;
            }
            let is_length = subnet.trim().parse::<u8>().is_ok_and(|length| length <= 128);
            let seen = if is_length { format!("/{}", subnet.trim()) } else { "it is no number".to_owned() };
            return match is_length {
                true => Verdict::confirmed(seen, [message.number]),
                false => Verdict::refuted(seen, [message.number]),
            };
        }
    }
    Verdict::open("no adapter is set to an IPv6 address")
}

fn of_class<'m>(messages: &'m [Exchanged], class: &'m str) -> impl Iterator<Item = (&'m Exchanged, InstanceView<'m>)> {
    let instances = move |message: &'m Exchanged| message.instances().into_iter().map(move |found| (message, found));
    messages.iter().flat_map(instances).filter(move |(_, instance)| instance.class() == class)
}

/// The resource of a clustered VM says which VM it is.
pub(super) fn cluster(messages: &[Exchanged]) -> Verdict {
    for (message, resource) in of_class(messages, "MSCluster_Resource") {
        let Property::Value(private) = resource.property("PrivateProperties") else { continue };
        let id = private.children().find(|child| child.local().eq_ignore_ascii_case("VmID"));
        return match id.map(|id| id.text().parse::<VmId>()) {
            Some(Ok(_)) => Verdict::confirmed("VmID is a child of PrivateProperties", [message.number]),
            _ => Verdict::refuted("PrivateProperties has no child VmID that is a GUID", [message.number]),
        };
    }
    Verdict::open("the host is in no cluster, or shows no private properties of a clustered VM")
}

/// An account that is no administrator passes.
pub(super) fn rights(messages: &[Exchanged]) -> Verdict {
    let is_config = |message: &&Exchanged| {
        let resource = message.request().and_then(|request| request.header.resource.as_ref());
        resource.is_some_and(|resource| resource.as_str() == CONFIG)
    };
    let reads = messages.iter().find(|message| message.instances().iter().any(|found| found.class() == vm::CLASS));
    match (messages.iter().find(is_config), reads) {
        (Some(config), Some(reads)) => match config.fault() {
            Some(fault) if fault.is_access_denied() => {
                let seen = "the configuration of WinRM is for administrators and was refused, VMs were shown";
                Verdict::confirmed(seen, [config.number, reads.number])
            }
            Some(fault) => Verdict::open(format!("the configuration of WinRM was refused with {}", words(&fault))),
            None => {
                Verdict::open("the account is an administrator: ask with one that is only in Hyper-V Administrators")
            }
        },
        _ => Verdict::open("the account sees no VM"),
    }
}
