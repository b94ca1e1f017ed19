//! The world as instances of classes.
//!
//! Property names and types: documented pages of each class; which are NULL and which hold a constant:
//! recorded for Msvm_ComputerSystem and a sibling of Msvm_ConcreteJob, inferred (not asked) for the rest.

mod cluster;
mod demo;
mod job;
mod network;
mod replication;
mod system;
mod values;

use std::time::Duration;

use super::object::{Object, Path};
use super::schema::{self, Class};
use super::text::{Language, Text};
use super::vm::Vm;
use super::world::World;

pub(super) use demo::demo_item;
pub(super) use values::{point_in_time, time};

/// All instances of a class but `Demo_Item`, which is made page by page.
pub(super) fn instances(world: &World, class: &Class, now: Duration, language: Language) -> Vec<Object> {
    let view = View { world, now, language };
    let vms = || world.vms.iter();
    let adapters = || vms().flat_map(|vm| &vm.adapters);
    let points = || vms().flat_map(|vm| vm.points.iter().map(move |point| (vm, point)));
    let objects: Vec<_> = match class.name {
        "Msvm_ComputerSystem" => std::iter::once(view.host()).chain(vms().map(|vm| view.computer(vm))).collect(),
        "Msvm_VirtualEthernetSwitch" => world.switches.iter().map(|name| view.switch(name)).collect(),
        "Msvm_ReplicationService" => vec![view.replication_service()],
        "Msvm_VirtualSystemManagementService" => vec![view.management_service()],
        "Msvm_ShutdownComponent" => running(world).map(|vm| view.shutdown_component(vm)).collect(),
        "Msvm_ReplicationServiceSettingData" => vec![view.service_settings()],
        "Msvm_ReplicationRelationship" => vms().flat_map(|vm| view.relationships(vm)).collect(),
        "Msvm_ReplicationSettingData" => vms().flat_map(|vm| view.replication_settings(vm)).collect(),
        "Msvm_VirtualSystemSettingData" => {
            let realized = vms().map(|vm| view.realized(vm));
            realized.chain(points().map(|(vm, point)| view.point(vm, point))).collect()
        }
        "Msvm_SyntheticEthernetPortSettingData" => adapters().map(|adapter| view.port(adapter)).collect(),
        "Msvm_EthernetPortAllocationSettingData" => adapters().map(|adapter| view.connection(adapter)).collect(),
        "Msvm_FailoverNetworkAdapterSettingData" => {
            adapters().map(|adapter| view.failover_addresses(adapter)).collect()
        }
        "Msvm_ConcreteJob" => world.visible_jobs(now).map(|job| view.job(job)).collect(),
        "Msvm_SnapshotOfVirtualSystem" => points()
            .map(|(vm, point)| {
                link(&schema::SNAPSHOT_OF_SYSTEM, "Antecedent", "Dependent", vm, settings_path(&point.instance_id()))
            })
            .collect(),
        "Msvm_SettingsDefineState" => vms().flat_map(|vm| settings_of(&view, vm)).collect(),
        "Msvm_SystemReplicationRelationship" => vms()
            .flat_map(|vm| {
                let relations = view.relationships(vm).into_iter();
                relations
                    .map(|it| link(&schema::SYSTEM_RELATIONSHIP, "Antecedent", "Dependent", vm, it.path()))
                    .collect::<Vec<_>>()
            })
            .collect(),
        "Msvm_ReplicaSystemDependency" => vms().filter_map(|test| dependency(world, test)).collect(),
        "Msvm_VirtualSystemSettingDataComponent" => vms().flat_map(|vm| view.components(vm)).collect(),
        "Msvm_EthernetPortFailoverSettingDataComponent" => {
            adapters().map(|adapter| view.failover_component(adapter)).collect()
        }
        "Msvm_SystemDevice" => running(world)
            .map(|vm| {
                let device = view.shutdown_component(vm).path();
                link(&schema::SYSTEM_DEVICE, "GroupComponent", "PartComponent", vm, device)
            })
            .collect(),
        "Msvm_AffectedJobElement" => world.visible_jobs(now).flat_map(|job| view.affected(job)).collect(),
        "Demo_Note" => world.notes.objects(),
        "Win32_OperatingSystem" => vec![view.operating_system()],
        "MSCluster_Resource" => {
            world.cluster.iter().flat_map(|cluster| cluster::resources(cluster, &world.computer)).collect()
        }
        _ => Vec::new(),
    };
    objects.into_iter().map(Object::sorted).collect()
}

/// The VMs whose guest can be spoken to.
fn running(world: &World) -> impl Iterator<Item = &Vm> {
    world.vms.iter().filter(|vm| matches!(vm.enabled_state, 2 | 4 | 9))
}

/// From a VM to its active settings and to those of its relations (the second inferred, E08: samples reach them by a plain
/// association whose class is not named).
fn settings_of(view: &View<'_>, vm: &Vm) -> Vec<Object> {
    let active = settings_path(&format!("Microsoft:{}", vm.id));
    let relations = view.replication_settings(vm).into_iter().map(|settings| settings.path());
    let paths = std::iter::once(active).chain(relations);
    paths.map(|path| link(&schema::SETTINGS_DEFINE_STATE, "ManagedElement", "SettingData", vm, path)).collect()
}

/// From a replica to its test VM.
fn dependency(world: &World, test: &Vm) -> Option<Object> {
    let replica = world.vms.iter().find(|vm| Some(&vm.id) == test.test_of.as_ref())?;
    Some(link(&schema::REPLICA_DEPENDENCY, "Antecedent", "Dependent", replica, Path::of_vm(&test.id)))
}

struct View<'a> {
    world: &'a World,
    now: Duration,
    language: Language,
}

impl View<'_> {
    fn text(&self, text: Text) -> &'static str {
        text.of(self.language)
    }
}

fn link(class: &'static Class, first: &'static str, second: &'static str, vm: &Vm, other: Path) -> Object {
    Object::new(class).with_reference(first, Path::of_vm(&vm.id)).with_reference(second, other)
}

fn settings_path(instance_id: &str) -> Path {
    Path::new(schema::SETTINGS.name, &[("InstanceID", instance_id)])
}
