//! Unplanned failover: the replica alone, its primary lost or down.

use crate::hyperv::Vm;

use super::super::order::{Order, Site};
use super::super::preflight::{self, Finding};
use super::super::scene::{Ask, Scene};

pub(super) fn ask(order: &Order, scene: &Scene, vm: &Vm) -> Option<(Site, Ask)> {
    let wants_points = order.point.needs_list() && scene.host.points.is_none();
    wants_points.then(|| (Site::Host, Ask::Points(vm.id.clone())))
}

pub(super) fn judge(order: &Order, scene: &Scene, vm: &Vm) -> Vec<Finding> {
    let point = scene.host.points.as_ref().and_then(|points| order.point.named(points));
    preflight::of_replica(vm, point)
}
