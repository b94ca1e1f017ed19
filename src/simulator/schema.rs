//! The classes that the simulated host knows: keys, methods, parameters.

/// A class.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) namespace: &'static str,
    /// Key properties, in the order of the class's page.
    pub(super) keys: &'static [&'static str],
    pub(super) superclasses: &'static [&'static str],
    /// Answers Get without selectors.
    pub(super) singleton: bool,
    pub(super) methods: &'static [Method],
}

/// A method and its input parameters in MOF order.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) inputs: &'static [(&'static str, Input)],
}

/// The type of an input parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// An endpoint reference, directly inside the element.
    Reference,
    /// uint16
    Number,
    /// datetime
    Datetime,
}

/// One class is known by a reference to its entry in the table.
impl PartialEq for Class {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.namespace == other.namespace
    }
}

impl Class {
    /// Whether instances of this class are instances of that one.
    pub(super) fn is_a(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self.superclasses.iter().any(|superclass| superclass.eq_ignore_ascii_case(name))
    }

    pub(super) fn is_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.eq_ignore_ascii_case(name))
    }

    /// Names of methods in XML are matched with case.
    pub(super) fn method(&self, name: &str) -> Option<&'static Method> {
        self.methods.iter().find(|method| method.name == name)
    }
}

/// The class of this name; names in URIs are matched without case.
pub(super) fn class(namespace: &str, name: &str) -> Option<&'static Class> {
    CLASSES.iter().copied().find(|c| c.name.eq_ignore_ascii_case(name) && c.namespace.eq_ignore_ascii_case(namespace))
}

/// The classes whose instances are instances of this one: itself and what is derived from it.
pub(super) fn derived(namespace: &str, name: &str) -> Vec<&'static Class> {
    let here = CLASSES.iter().copied().filter(|class| class.namespace.eq_ignore_ascii_case(namespace));
    here.filter(|class| class.is_a(name)).collect()
}

/// Whether the namespace exists.
pub(super) fn has_namespace(namespace: &str) -> bool {
    CLASSES.iter().any(|class| class.namespace.eq_ignore_ascii_case(namespace))
}

/// `root/virtualization/v2`.
pub(super) const V2: &str = "root/virtualization/v2";
/// `root/cimv2`.
pub(super) const CIMV2: &str = "root/cimv2";

macro_rules! classes {
    ($($id:ident = $namespace:expr, $name:literal, [$($key:literal),*], [$($superclass:literal),*], $singleton:literal, $methods:expr;)*) => {
        $(pub(super) static $id: Class = Class {
            name: $name,
            namespace: $namespace,
            keys: &[$($key),*],
            superclasses: &[$($superclass),*],
            singleton: $singleton,
            methods: $methods,
        };)*
        static CLASSES: &[&Class] = &[$(&$id),*];
    };
}

classes! {
    COMPUTER_SYSTEM = V2, "Msvm_ComputerSystem", ["CreationClassName", "Name"],
        ["CIM_ComputerSystem", "CIM_System", "CIM_ManagedElement"], false, &[
            Method { name: "RequestStateChange",
                inputs: &[("RequestedState", Input::Number), ("TimeoutPeriod", Input::Datetime)] },
        ];
    REPLICATION_SERVICE = V2, "Msvm_ReplicationService",
        ["CreationClassName", "Name", "SystemCreationClassName", "SystemName"], ["CIM_Service"], false, &[
            Method { name: "InitiateFailover",
                inputs: &[("ComputerSystem", Input::Reference), ("SnapshotSettingData", Input::Reference)] },
            Method { name: "CommitFailover", inputs: &[("ComputerSystem", Input::Reference)] },
            Method { name: "RevertFailover", inputs: &[("ComputerSystem", Input::Reference)] },
        ];
    SERVICE_SETTINGS = V2, "Msvm_ReplicationServiceSettingData", ["InstanceID"], ["CIM_SettingData"], false, &[];
    RELATIONSHIP = V2, "Msvm_ReplicationRelationship", ["InstanceID"], ["CIM_ManagedSystemElement"], false, &[];
    SETTINGS = V2, "Msvm_VirtualSystemSettingData", ["InstanceID"],
        ["CIM_VirtualSystemSettingData", "CIM_SettingData"], false, &[];
    JOB = V2, "Msvm_ConcreteJob", ["InstanceID"], ["CIM_ConcreteJob", "CIM_Job"], false, &[
            Method { name: "GetError", inputs: &[] },
            Method { name: "GetErrorEx", inputs: &[] },
            Method { name: "RequestStateChange",
                inputs: &[("RequestedState", Input::Number), ("TimeoutPeriod", Input::Datetime)] },
        ];
    SNAPSHOT_OF_SYSTEM = V2, "Msvm_SnapshotOfVirtualSystem", ["Antecedent", "Dependent"], ["CIM_Dependency"],
        false, &[];
    SETTINGS_DEFINE_STATE = V2, "Msvm_SettingsDefineState", ["ManagedElement", "SettingData"],
        ["CIM_SettingsDefineState"], false, &[];
    SYSTEM_RELATIONSHIP = V2, "Msvm_SystemReplicationRelationship", ["Antecedent", "Dependent"],
        ["CIM_Dependency"], false, &[];
    AFFECTED_JOB_ELEMENT = V2, "Msvm_AffectedJobElement", ["AffectedElement", "AffectingElement"],
        ["CIM_AffectedJobElement"], false, &[];
    OPERATING_SYSTEM = CIMV2, "Win32_OperatingSystem", ["Name"], ["CIM_OperatingSystem"], true, &[];
    DEMO_NOTE = CIMV2, "Demo_Note", ["Id"], [], false, &[];
    DEMO_ITEM = CIMV2, "Demo_Item", ["Id"], [], false, &[];
}
