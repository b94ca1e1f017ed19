//! The workflows: for each what must be known, what stands against it, and which steps it takes. One file each.

mod commit;
pub(super) mod network;
mod planned;
mod power;
mod rehearsal;
mod reverse;
mod undo;
mod unplanned;
mod walk_back;

use super::order::{Kind, Order, Site};
use super::preflight::Finding;
use super::scene::{Ask, Scene};
use super::steps::StepName;

/// What is asked next; none once enough is known.
pub(super) fn ask(order: &Order, scene: &Scene) -> Option<(Site, Ask)> {
    let Some(vm) = &scene.host.vm else { return Some((Site::Host, Ask::FindVm(order.vm.clone()))) };
    match &order.kind {
        Kind::Failover => unplanned::ask(order, scene, vm),
        Kind::PlannedFailover { reverse, .. } => planned::ask(*reverse, scene, vm),
        Kind::TestStart { network } => rehearsal::ask_start(order, network.is_some(), scene, vm),
        Kind::TestStop => rehearsal::ask_stop(scene, vm),
        Kind::Rehearsal => rehearsal::ask_start(order, false, scene, vm),
        Kind::Undo => undo::ask(scene, vm),
        Kind::Reverse { with_primary, .. } => reverse::ask(*with_primary, scene, vm),
        Kind::Network(_) => network::ask(scene, vm),
        Kind::WalkBack { .. } => walk_back::ask(scene, vm),
        Kind::Commit | Kind::Start | Kind::Stop(_) => None,
    }
}

/// What was found so far that speaks for caution, or against going on.
pub(super) fn judge(order: &Order, scene: &Scene) -> Vec<Finding> {
    let Some(vm) = &scene.host.vm else { return Vec::new() };
    match &order.kind {
        Kind::Failover => unplanned::judge(order, scene, vm),
        Kind::PlannedFailover { reverse, .. } => planned::judge(*reverse, order, scene, vm),
        Kind::TestStart { network } => rehearsal::judge_start(order, network.as_deref(), scene, vm),
        Kind::TestStop => rehearsal::judge_stop(scene, vm),
        Kind::Rehearsal => rehearsal::judge_start(order, None, scene, vm),
        Kind::Commit => commit::judge(vm),
        Kind::Undo => undo::judge(scene, vm),
        Kind::Reverse { with_primary, .. } => reverse::judge(*with_primary, order, scene, vm),
        Kind::Start => power::judge_start(vm),
        Kind::Stop(off) => power::judge_stop(vm, *off),
        Kind::Network(adapters) => network::judge(adapters, scene),
        Kind::WalkBack { .. } => walk_back::judge(scene, vm),
    }
}

/// The steps, once enough is known. The same for a run and for its resumption: what is reached already is left out when
/// its turn comes.
pub(super) fn steps(order: &Order, scene: &Scene) -> Vec<StepName> {
    let mut steps = match &order.kind {
        Kind::Failover => vec![StepName::FailOver],
        Kind::PlannedFailover { off, reverse, .. } => planned::steps(*off, *reverse),
        Kind::TestStart { network } => rehearsal::start_steps(network.is_some()),
        Kind::TestStop => rehearsal::stop_steps().to_vec(),
        Kind::Rehearsal => [&[StepName::TestFailOver], rehearsal::stop_steps()].concat(),
        Kind::Commit => vec![StepName::Commit],
        Kind::Undo => undo::steps(scene),
        Kind::Reverse { with_primary, .. } => reverse::steps(*with_primary),
        Kind::Start => vec![StepName::Start],
        Kind::Stop(off) => vec![power::off(*off)],
        Kind::Network(_) => vec![StepName::SetNetwork],
        Kind::WalkBack { start_primary } => walk_back::steps(*start_primary),
    };
    if order.start {
        steps.push(match order.kind {
            Kind::TestStart { .. } => StepName::StartTestVm,
            _ => StepName::Start,
        });
    }
    steps
}
