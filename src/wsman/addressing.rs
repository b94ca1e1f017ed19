//! How a class becomes a resource URI: the one thing WS-Man servers disagree on most.

use super::resource::{EndpointReference, ResourceUri};
use super::selector::SelectorSet;

/// The prefix of class URIs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClassBase {
    /// `http://schemas.microsoft.com/wbem/wsman/1/wmi/<namespace>/<Class>`: Windows (MS-WSMV 3.1.4.1.1).
    Microsoft,
    /// `http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/<Class>`, the namespace as selector: OMI, OpenPegasus.
    Dmtf,
    /// `<prefix><Class>`, for vendors with URIs of their own.
    Other(String),
}

/// Builds resource URIs and selectors for classes of one CIM namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassAddressing {
    base: ClassBase,
    namespace: String,
    namespace_selector: bool,
}

const MICROSOFT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/";
const DMTF: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";

impl ClassAddressing {
    /// Classes as Windows names them. No `__cimnamespace`: sent with a Microsoft URI it can only disagree with it.
    pub fn microsoft(namespace: &str) -> Self {
        ClassAddressing { base: ClassBase::Microsoft, namespace: tidy(namespace), namespace_selector: false }
    }

    /// Classes as DMTF names them, with a `__cimnamespace` selector.
    pub fn dmtf(namespace: &str) -> Self {
        ClassAddressing { base: ClassBase::Dmtf, namespace: tidy(namespace), namespace_selector: true }
    }

    /// Any base, with or without the selector.
    pub fn new(base: ClassBase, namespace: &str, namespace_selector: bool) -> Self {
        ClassAddressing { base, namespace: tidy(namespace), namespace_selector }
    }

    /// The same form for another CIM namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        ClassAddressing { namespace: tidy(namespace), ..self.clone() }
    }

    /// The CIM namespace, with `/`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The URI of a class.
    pub fn class(&self, class: &str) -> ResourceUri {
        ResourceUri::new(match &self.base {
            ClassBase::Microsoft => format!("{MICROSOFT}{}/{class}", self.namespace),
            ClassBase::Dmtf => format!("{DMTF}{class}"),
            ClassBase::Other(prefix) => format!("{prefix}{class}"),
        })
    }

    /// The URI of all classes, which queries need: the query names the class. With a class URI, Windows
    /// refuses WQL (CannotProcessFilter, seen on a live host).
    pub fn all_classes(&self) -> ResourceUri {
        self.class("*")
    }

    /// Selectors for a request about the class as a whole.
    pub fn class_selectors(&self) -> SelectorSet {
        self.selectors(SelectorSet::new())
    }

    /// Selectors for an instance: its keys, and the namespace where the server wants it.
    pub fn selectors(&self, keys: SelectorSet) -> SelectorSet {
        match self.namespace_selector && keys.value("__cimnamespace").is_none() {
            true => keys.with("__cimnamespace", self.namespace.clone()),
            false => keys,
        }
    }

    /// A reference to an instance of a class.
    pub fn reference(&self, class: &str, keys: SelectorSet) -> EndpointReference {
        EndpointReference::new(self.class(class), self.selectors(keys))
    }
}

fn tidy(namespace: &str) -> String {
    namespace.replace('\\', "/").trim_matches('/').to_owned()
}
