//! The classes that the simulated host knows: keys, methods, parameters.

mod classes;

use super::scenario::HostVersion;

pub(super) use classes::*;

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
    /// Whether its instances join two others.
    pub(super) is_association: bool,
    /// Whether it came with 2012 R2.
    pub(super) is_newer: bool,
    pub(super) methods: &'static [Method],
}

/// A method and its input parameters in MOF order.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) inputs: &'static [(&'static str, Input)],
    /// Output parameters besides ReturnValue, in alphabetical order.
    pub(super) outputs: &'static [&'static str],
    /// Whether it came with 2012 R2.
    pub(super) is_newer: bool,
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
    /// string
    Text,
    /// boolean
    Flag,
    /// An instance of this class or one derived from it, as CIM-XML text.
    Embedded(&'static str),
    /// An array of such instances.
    EmbeddedList(&'static str),
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
}

/// Which of the classes a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Catalogue {
    pub(super) version: HostVersion,
    pub(super) has_cluster: bool,
}

impl Catalogue {
    fn classes(self) -> impl Iterator<Item = &'static Class> {
        let is_there = move |class: &Class| match self {
            Catalogue { version: HostVersion::V2012, .. } if class.is_newer => false,
            Catalogue { has_cluster, .. } => has_cluster || class.namespace != MSCLUSTER,
        };
        CLASSES.iter().copied().filter(move |class| is_there(class))
    }

    /// The class of this name; names in URIs are matched without case.
    pub(super) fn class(self, namespace: &str, name: &str) -> Option<&'static Class> {
        let is_meant =
            |class: &&Class| class.name.eq_ignore_ascii_case(name) && class.namespace.eq_ignore_ascii_case(namespace);
        self.classes().find(is_meant)
    }

    /// The classes whose instances are instances of this one: itself and what is derived from it.
    pub(super) fn derived(self, namespace: &str, name: &str) -> Vec<&'static Class> {
        let here = self.classes().filter(|class| class.namespace.eq_ignore_ascii_case(namespace));
        here.filter(|class| class.is_a(name)).collect()
    }

    /// The classes of a namespace whose instances join two others.
    pub(super) fn associations(self, namespace: &str) -> impl Iterator<Item = &'static Class> {
        self.classes().filter(move |class| class.is_association && class.namespace.eq_ignore_ascii_case(namespace))
    }

    /// Whether the namespace exists.
    pub(super) fn has_namespace(self, namespace: &str) -> bool {
        self.classes().any(|class| class.namespace.eq_ignore_ascii_case(namespace))
    }

    /// A method of a class; names of methods in XML are matched with case.
    pub(super) fn method(self, class: &Class, name: &str) -> Option<&'static Method> {
        let is_there = |method: &&Method| !method.is_newer || self.version != HostVersion::V2012;
        class.methods.iter().filter(is_there).find(|method| method.name == name)
    }
}

/// `root/virtualization/v2`.
pub(super) const V2: &str = "root/virtualization/v2";
/// `root/cimv2`.
pub(super) const CIMV2: &str = "root/cimv2";
/// `root/MSCluster`.
pub(super) const MSCLUSTER: &str = "root/MSCluster";
