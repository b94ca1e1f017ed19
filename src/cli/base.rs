//! How the classes of a host are addressed: the form of their URIs, the CIM namespace, and the selector that names it.

use std::fmt;
use std::str::FromStr;

use crate::cim::Namespace;
use crate::hyperv::NAMESPACE;
use crate::wsman::{ClassAddressing, ClassBase, Identity};

/// The form of class URIs, as `--base`, `HVR_BASE` and `base` of a profile say it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Base(ClassBase);

/// Text that is no form of class URIs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no form of class URIs: microsoft, dmtf, or a prefix such as http://vendor/wbem/wscim/1/cim-schema/2/"
)]
pub struct BaseError(String);

impl Base {
    /// As DMTF names classes: every server but Windows that is known takes it.
    pub fn dmtf() -> Base {
        Base(ClassBase::Dmtf)
    }

    /// The form that fits a service, by what it says of itself. Windows is of Microsoft and writes its version as
    /// `OS: … SP: … Stack: …` (MS-WSMV 3.1.4.1.23); Microsoft has made another server, too, for other systems.
    pub fn of_identity(identity: &Identity) -> Base {
        let is_windows = identity.product_vendor.starts_with("Microsoft")
            && identity.product_version.trim_start().starts_with("OS:");
        Base(if is_windows { ClassBase::Microsoft } else { ClassBase::Dmtf })
    }
}

impl FromStr for Base {
    type Err = BaseError;

    fn from_str(text: &str) -> Result<Base, BaseError> {
        Ok(Base(match text.trim() {
            "microsoft" => ClassBase::Microsoft,
            "dmtf" => ClassBase::Dmtf,
            uri if uri.contains("://") && !uri.contains(char::is_whitespace) => match uri.ends_with('/') {
                true => ClassBase::Other(uri.to_owned()),
                false => ClassBase::Other(format!("{uri}/")),
            },
            other => return Err(BaseError(other.chars().take(80).collect())),
        }))
    }
}

impl TryFrom<String> for Base {
    type Error = BaseError;

    fn try_from(text: String) -> Result<Base, BaseError> {
        text.parse()
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ClassBase::Microsoft => f.write_str("microsoft"),
            ClassBase::Other(prefix) => f.write_str(prefix),
            _ => f.write_str("dmtf"),
        }
    }
}

/// What is said of the addressing; what is not is as Windows has it, in Hyper-V's namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addressing {
    /// The form of class URIs.
    pub base: Option<Base>,
    /// The CIM namespace.
    pub namespace: Option<Namespace>,
    /// Whether selectors name the namespace; the default fits the form.
    pub cimnamespace: Option<bool>,
}

impl Addressing {
    /// The classes of Hyper-V, or of the namespace that was named.
    pub fn classes(&self) -> ClassAddressing {
        let base = self.base.clone().map_or(ClassBase::Microsoft, |base| base.0);
        let namespace = self.namespace.as_ref().map_or(NAMESPACE, Namespace::as_str);
        let selector = self.cimnamespace.unwrap_or(base == ClassBase::Dmtf);
        ClassAddressing::new(base, namespace, selector)
    }
}

/// A namespace as it is typed, `/` or `\` between its parts.
pub fn namespace(text: &str) -> Result<Namespace, String> {
    text.trim_matches(['/', '\\']).parse::<Namespace>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_shown() {
        for (text, shown) in [
            ("microsoft", "microsoft"),
            ("dmtf", "dmtf"),
            ("http://intel.com/wbem/wscim/1/amt-schema/1", "http://intel.com/wbem/wscim/1/amt-schema/1/"),
        ] {
            let base: Base = text.parse().unwrap();
            assert_eq!(base.to_string(), shown);
            assert_eq!(shown.parse::<Base>().unwrap(), base);
        }
        for text in ["", "windows", "Dmtf", "http://a b/"] {
            assert!(text.parse::<Base>().is_err(), "{text}");
        }
    }

    /// Windows as specified, with a login and without; texts in the manner of other servers.
    #[test]
    fn a_service_says_which_form_it_takes() {
        for (vendor, version, base) in [
            ("Microsoft Corporation", "OS: 10.0.20348 SP: 0.0 Stack: 3.0", "microsoft"),
            ("Microsoft Corporation", "OS: 0.0.0 SP: 0.0 Stack: 2.0", "microsoft"),
            ("Microsoft", "1.0.8-1", "dmtf"),
            ("OpenPegasus", "2.14.1", "dmtf"),
            ("Openwsman Project", "2.8.1", "dmtf"),
            ("", "", "dmtf"),
        ] {
            let identity = Identity {
                product_vendor: vendor.to_owned(),
                product_version: version.to_owned(),
                ..Identity::default()
            };
            assert_eq!(Base::of_identity(&identity).to_string(), base, "{vendor} {version}");
        }
    }
}
