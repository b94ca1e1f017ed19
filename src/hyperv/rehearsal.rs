//! The test VM that a rehearsal makes beside a replica.

use crate::wsman::{Exchange, wql};

use super::error::Error;
use super::host::Host;
use super::instances::read_all;
use super::vm::{self, Vm, VmId};

/// From a replica (Antecedent) to its test VM (Dependent): specified, E26.
const DEPENDENCY: &str = "Msvm_ReplicaSystemDependency";

impl<E: Exchange> Host<E> {
    /// The test VMs made of a replica. What they are is for their [`ReplicationMode`](super::ReplicationMode) to say:
    /// whoever means to remove one looks at it first.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn test_vms_of(&self, replica: &VmId) -> Result<Vec<Vm>, Error> {
        let query = wql::associators_at(vm::CLASS, &replica.path_keys(), DEPENDENCY, vm::CLASS, "Dependent");
        if let Some(pages) = self.ask_query(query).await? {
            let mut found = read_all(&pages, Vm::read)?;
            found.retain(|vm| vm.id != *replica);
            return Ok(found);
        }
        let links = self.links(DEPENDENCY, "Antecedent", "Dependent").await?;
        let made_of_it = links.iter().filter(|link| replica.is_named_by(&link.near)).map(|link| &link.far);
        self.vms_at(made_of_it).await
    }
}
