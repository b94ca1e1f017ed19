//! Where the VM is, in words: the first thing that an operator wants to know of a run that is half-way.

use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::json;
use crate::cli::problem::{Changed, Problem};
use crate::failover::{Site, Standing, Whereabouts};
use crate::hyperv::{EnabledState, Vm};

/// The end of a run of which a call was taken, or may have been. Never one that tells scripts that nothing was changed;
/// the first line says where the VM is.
pub(super) fn after_a_call<'n>(problem: Problem, whereabouts: &Whereabouts, name: impl Fn(Site) -> &'n str) -> Problem {
    let exit = match problem.exit {
        Exit::Usage | Exit::Refused | Exit::NotReached | Exit::NotAllowed => Exit::Unknown,
        exit => exit,
    };
    let changed = if problem.changed == Changed::No { Changed::Perhaps } else { problem.changed };
    let message = format!("{}; {}", words(whereabouts, &name), problem.message);
    Problem { exit, changed, message, ..problem }.detail("whereabouts", document(whereabouts, name))
}

/// In a sentence: `app-db-01 is OFF on both hosts`.
pub(super) fn words<'n>(whereabouts: &Whereabouts, name: impl Fn(Site) -> &'n str) -> String {
    let vm = &whereabouts.vm;
    let hosts = Site::ALL.into_iter().filter_map(|site| Some((name(site), whereabouts.on(site)?)));
    let (mut known, mut other) = (Vec::new(), Vec::new());
    for (host, standing) in hosts {
        match standing {
            Standing::Read(vm) => known.push((host, power(vm))),
            Standing::Before(vm) => {
                other.push(format!("not read on {host} since the last call there ({} before)", power(vm)));
            }
            Standing::Gone => other.push(format!("{host} shows no such VM")),
            Standing::Unread => other.push(format!("not read on {host}")),
        }
    }
    let known = match known.as_slice() {
        [(_, one), (_, two)] if one == two => Some(format!("{vm} is {one} on both hosts")),
        [] => None,
        several => {
            let several: Vec<_> = several.iter().map(|(host, power)| format!("{power} on {host}")).collect();
            Some(format!("{vm} is {}", several.join(" and ")))
        }
    };
    match (known, other.is_empty()) {
        (Some(known), true) => known,
        (Some(known), false) => format!("{known}, {}", other.join(", ")),
        (None, _) => format!("where {vm} runs is not known: {}", other.join(", ")),
    }
}

/// The same for scripts.
pub(super) fn document<'n>(whereabouts: &Whereabouts, name: impl Fn(Site) -> &'n str) -> Value {
    let standing = |site: Site| {
        whereabouts.on(site).map_or(Value::Null, |standing| {
            json!({
                "name": name(site),
                "known": standing.name(),
                "vm": standing.vm().map_or(Value::Null, json::vm),
            })
        })
    };
    json!({
        "vm": whereabouts.vm,
        "text": words(whereabouts, &name),
        "host": standing(Site::Host),
        "primary": standing(Site::Primary),
    })
}

fn power(vm: &Vm) -> String {
    match vm.enabled_state {
        EnabledState::Enabled => "RUNNING".to_owned(),
        EnabledState::Disabled => "OFF".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}
