//! Where a VM is: what was last read of it on each host of a run, and what is not known.

use crate::hyperv::Vm;

use super::footprint::Footprint;
use super::order::Site;
use super::scene::Scene;

/// Where the VM of a run is, for whoever finds the run half-way.
///
/// It claims no more than was read: what a call may have changed since the last look is not known.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Whereabouts {
    /// The display name of the VM, or what it was asked for by.
    pub vm: String,
    /// On the host that was named.
    pub host: Standing,
    /// On the primary's host, where the workflow has two.
    pub primary: Option<Standing>,
}

/// What is known of the VM on one host.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Standing {
    /// As last read, and no call of the run went there after it.
    Read(Box<Vm>),
    /// As it was before a call that may have changed it; it was not read since.
    Before(Box<Vm>),
    /// The host shows no such VM.
    Gone,
    /// It was not read.
    Unread,
}

impl Standing {
    /// A short name, the same in every output.
    pub fn name(&self) -> &'static str {
        match self {
            Standing::Read(_) => "read",
            Standing::Before(_) => "before-the-call",
            Standing::Gone => "gone",
            Standing::Unread => "unread",
        }
    }

    /// The VM as it was read, whenever that was.
    pub fn vm(&self) -> Option<&Vm> {
        match self {
            Standing::Read(vm) | Standing::Before(vm) => Some(vm),
            Standing::Gone | Standing::Unread => None,
        }
    }
}

impl Whereabouts {
    /// Nothing was read of the VM.
    pub fn unread(vm: impl Into<String>, has_primary: bool) -> Whereabouts {
        Whereabouts { vm: vm.into(), host: Standing::Unread, primary: has_primary.then_some(Standing::Unread) }
    }

    /// By what is known of the hosts and of the calls.
    pub(super) fn of(vm: &str, scene: &Scene, footprint: &Footprint, has_primary: bool) -> Whereabouts {
        let standing = |site: Site| {
            let sight = scene.of(site);
            match &sight.vm {
                Some(vm) if footprint.is_unseen(site) => Standing::Before(Box::new(vm.clone())),
                Some(vm) => Standing::Read(Box::new(vm.clone())),
                None if sight.is_gone => Standing::Gone,
                None => Standing::Unread,
            }
        };
        let name = Site::ALL.into_iter().find_map(|site| scene.vm(site)).map_or(vm, |vm| &vm.name);
        Whereabouts {
            vm: name.to_owned(),
            host: standing(Site::Host),
            primary: has_primary.then(|| standing(Site::Primary)),
        }
    }

    /// On one of the hosts.
    pub fn on(&self, site: Site) -> Option<&Standing> {
        match site {
            Site::Host => Some(&self.host),
            Site::Primary => self.primary.as_ref(),
        }
    }
}
