//! States of replication, by number and name.

use crate::open_enum;

open_enum! {
    /// `ReplicationState` of Msvm_ReplicationRelationship and Msvm_ComputerSystem.
    ///
    /// Not the numbering of PowerShell's VMReplicationState: never compare with that.
    pub enum ReplicationState: u16 {
        /// No replication.
        Disabled = 0,
        /// On a primary: initial replication has not begun.
        ReadyForReplication = 1 => "Ready for replication",
        /// Initial replication is not complete: nothing to fail over to.
        WaitingForInitialReplication = 2 => "Waiting to complete initial replication",
        /// As it should be.
        Replicating = 3,
        /// On a primary: prepared for a planned failover.
        SyncedReplicationComplete = 4 => "Synced replication complete",
        /// Failed over, not committed: the state a failover ends in.
        Recovered = 5,
        /// Failed over and committed.
        Committed = 6,
        /// Replication stands still.
        Suspended = 7,
        /// Replication is broken.
        Critical = 8,
        /// Resynchronisation is wanted.
        WaitingToResynchronise = 9 => "Waiting to start resynchronisation",
        /// Resynchronisation runs; a failover cancels it.
        Resynchronising = 10,
        /// Resynchronisation stands still.
        ResynchronisationSuspended = 11 => "Resynchronisation suspended",
        /// A failover job runs.
        FailoverInProgress = 12 => "Failover in progress",
        /// A failback job runs.
        FailbackInProgress = 13 => "Failback in progress",
        /// A failback is done.
        FailbackComplete = 14 => "Failback complete",
        /// The set of replicated disks changes.
        DiskUpdateInProgress = 15 => "Disk update in progress",
        /// The set of replicated disks could not be changed.
        DiskUpdateCritical = 16 => "Disk update critical",
        /// The host does not know.
        Unknown = 17,
        /// The replica is given another purpose.
        RepurposeInProgress = 18 => "Repurpose replication in progress",
        /// Prepared for synchronous replication.
        PreparedForSyncReplication = 19 => "Prepared for sync replication",
        /// Prepared for the reverse replication of a group.
        PreparedForGroupReverse = 20 => "Prepared for group reverse replication",
        /// A drill runs.
        FiredrillInProgress = 21 => "Firedrill in progress",
    }
}

open_enum! {
    /// `ReplicationMode`: which end of a relation a VM is.
    pub enum ReplicationMode: u16 {
        /// Not replicated.
        None = 0,
        /// The original.
        Primary = 1,
        /// The copy.
        Replica = 2,
        /// A rehearsal VM made from a replica.
        TestReplica = 3 => "Test replica",
        /// The copy of a copy.
        ExtendedReplica = 4 => "Extended replica",
    }
}

open_enum! {
    /// `ReplicationHealth`.
    pub enum ReplicationHealth: u16 {
        /// Not replicated.
        NotApplicable = 0 => "Not applicable",
        /// As it should be.
        Ok = 1 => "OK",
        /// Look at it soon.
        Warning = 2,
        /// Look at it now.
        Critical = 3,
    }
}

open_enum! {
    /// `FailedOverReplicationType`: what kind of point a VM was failed over to.
    pub enum FailoverType: u16 {
        /// Not failed over.
        None = 0,
        /// A standard, crash consistent point.
        Regular = 1,
        /// An application consistent point.
        ApplicationConsistent = 2 => "Application consistent",
        /// The point of a planned failover.
        Planned = 3,
    }
}
