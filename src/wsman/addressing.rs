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
/// All classes of a service whose URIs are those of WS-CIM, whatever the schema of a class (DSP0227 R5.2-1, R7.1-7; seen
/// at OMI, OpenPegasus and Openwsman, which does not take it below a vendor's prefix either). Windows' own WMI plug-in
/// registers the same URI.
const DMTF_ALL_CLASSES: &str = "http://schemas.dmtf.org/wbem/wscim/1/*";
/// What class URIs of WS-CIM have in common, those of vendors included (DSP0230).
const WS_CIM: &str = "/wbem/wscim/1/";

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

    /// The prefix of class URIs.
    pub fn base(&self) -> &ClassBase {
        &self.base
    }

    /// The URI of a class; of all, where the class is `*`.
    pub fn class(&self, class: &str) -> ResourceUri {
        match class {
            "*" => all_classes_beside(&self.named("Class")),
            class => self.named(class),
        }
    }

    fn named(&self, class: &str) -> ResourceUri {
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

    /// A reference as it came from the host, or was kept, with the namespace where the server wants it and the reference
    /// leaves it out: servers other than Windows give references with and without it, and take another namespace where
    /// it is missing.
    pub fn complete(&self, reference: &EndpointReference) -> EndpointReference {
        let uri = reference.resource.as_str();
        let is_microsoft = uri.get(..MICROSOFT.len()).is_some_and(|head| head.eq_ignore_ascii_case(MICROSOFT));
        let selectors = match is_microsoft {
            true => reference.selectors.clone(),
            false => self.selectors(reference.selectors.clone()),
        };
        EndpointReference { selectors, ..reference.clone() }
    }

    /// A reference to an instance of a class.
    pub fn reference(&self, class: &str, keys: SelectorSet) -> EndpointReference {
        EndpointReference::new(self.class(class), self.selectors(keys))
    }
}

/// The all-classes URI of the service that has this class URI: the last segment replaced by `*` where the namespace stands
/// before it (Windows), one URI for all of WS-CIM.
pub fn all_classes_beside(class: &ResourceUri) -> ResourceUri {
    let uri = class.as_str();
    if uri.to_ascii_lowercase().contains(WS_CIM) {
        return ResourceUri::new(DMTF_ALL_CLASSES);
    }
    let prefix = uri.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    ResourceUri::new(format!("{prefix}/*"))
}

fn tidy(namespace: &str) -> String {
    namespace.replace('\\', "/").trim_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The URIs as other people's servers and clients have them: OpenPegasus' WsmConstants, Openwsman's cim plug-in,
    /// OpenNMS' associations, and [MS-WSMV] 3.1.4.1.1 for Windows.
    #[test]
    fn all_classes_is_one_uri_for_ws_cim_and_one_for_each_namespace_of_windows() {
        const ALL: &str = "http://schemas.dmtf.org/wbem/wscim/1/*";
        let vendor = |prefix: &str| ClassAddressing::new(ClassBase::Other(prefix.to_owned()), "root/cimv2", false);
        for (addressing, expected) in [
            (ClassAddressing::dmtf("root/cimv2"), ALL),
            (vendor("http://schemas.dell.com/wbem/wscim/1/cim-schema/2/"), ALL),
            (vendor("http://intel.com/wbem/wscim/1/amt-schema/1/"), ALL),
            (vendor("http://vendor.test/classes/"), "http://vendor.test/classes/*"),
            (
                ClassAddressing::microsoft("root\\virtualization\\v2"),
                "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/*",
            ),
        ] {
            assert_eq!(addressing.all_classes().as_str(), expected);
            assert_eq!(addressing.class("*").as_str(), expected);
            assert_eq!(all_classes_beside(&addressing.class("CIM_X")).as_str(), expected);
        }
    }
}
