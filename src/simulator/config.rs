//! The configuration of WinRM as a resource: `winrm/config` and what is below it (MS-WSMV 2.2.4.10, 3.1.4.1.29).
//!
//! Names and nesting are specified, the values are the defaults of hosts since 2012. A small part of it: what decides
//! whether a client can talk to the host.

use crate::wsman::Fragment;
use crate::xml::{Element, Writer};

use super::refusal::Refusal;

/// `http://schemas.microsoft.com/wbem/wsman/1/config`.
pub(super) const URI: &str = "http://schemas.microsoft.com/wbem/wsman/1/config";

/// Settings by path, in the order of the specification.
#[derive(Debug, Clone)]
pub(super) struct Config {
    settings: Vec<(&'static str, String)>,
}

/// One resource of the configuration: the whole, or a branch with a URI of its own.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    /// Name of its element.
    element: &'static str,
    /// What every path in it begins with.
    prefix: &'static str,
    /// Its URI, which is the namespace of its elements too.
    uri: String,
}

impl Config {
    pub(super) fn new() -> Config {
        Config { settings: DEFAULTS.iter().map(|(path, value)| (*path, (*value).to_owned())).collect() }
    }

    /// The resource that a URI names.
    pub(super) fn branch(uri: &str) -> Option<Branch> {
        let head = uri.get(..URI.len()).filter(|head| head.eq_ignore_ascii_case(URI))?;
        let tail = uri.get(head.len()..)?;
        let (_, element, prefix) = BRANCHES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(tail))?;
        Some(Branch { element, prefix, uri: uri.to_owned() })
    }

    pub(super) fn write(&self, writer: &mut Writer, branch: &Branch) {
        writer.open("cfg", branch.element).declare("cfg", &branch.uri);
        self.write_below(writer, branch.prefix);
        writer.close();
    }

    /// Writes what lies below a path: settings as text, branches with what lies below them.
    fn write_below(&self, writer: &mut Writer, prefix: &str) {
        let mut last = "";
        for (path, value) in &self.settings {
            let Some(rest) = path.strip_prefix(prefix) else { continue };
            match rest.split_once('/') {
                None => {
                    writer.text_element("cfg", rest, value);
                }
                Some((branch, _)) if branch == last => {}
                Some((branch, _)) => {
                    last = branch;
                    writer.open("cfg", branch);
                    self.write_below(writer, &format!("{prefix}{branch}/"));
                    writer.close();
                }
            }
        }
    }

    /// Writes the part that a fragment names: an element, or its text.
    pub(super) fn write_fragment(
        &self,
        writer: &mut Writer,
        branch: &Branch,
        fragment: &Fragment,
    ) -> Result<(), Refusal> {
        let (path, is_text) = path_of(fragment)?;
        let (name, value) = self.find(branch, &path).ok_or_else(Refusal::filter)?;
        match is_text {
            true => writer.text(value),
            false => writer.open("cfg", name).declare("cfg", &branch.uri).text(value).close(),
        };
        Ok(())
    }

    /// Takes over every setting in the element of a branch; all of them are known or none is changed.
    pub(super) fn put(&mut self, branch: &Branch, element: Element<'_>) -> Result<(), Refusal> {
        if !element.is(&branch.uri, branch.element) {
            return Err(Refusal::schema());
        }
        let mut changed = self.clone();
        changed.take(branch.prefix, element)?;
        *self = changed;
        Ok(())
    }

    fn take(&mut self, prefix: &str, element: Element<'_>) -> Result<(), Refusal> {
        for child in element.children() {
            let path = format!("{prefix}{}", child.local());
            match child.children().next() {
                Some(_) => self.take(&format!("{path}/"), child)?,
                None => self.set(&path, child.text())?,
            }
        }
        Ok(())
    }

    /// Replaces the part that a fragment names by an element of that name, or by a text.
    pub(super) fn put_fragment(
        &mut self,
        branch: &Branch,
        fragment: &Fragment,
        content: Element<'_>,
    ) -> Result<(), Refusal> {
        let (path, is_text) = path_of(fragment)?;
        let (name, _) = self.find(branch, &path).ok_or_else(Refusal::filter)?;
        let child = content.children().next();
        let value = match (is_text, child) {
            (true, None) => content.text(),
            (false, Some(child)) if child.local() == name => child.text(),
            _ => return Err(Refusal::schema()),
        };
        self.set(&format!("{}{path}", branch.prefix), value)
    }

    fn find(&self, branch: &Branch, path: &str) -> Option<(&'static str, &str)> {
        let full = format!("{}{path}", branch.prefix);
        let (path, value) = self.settings.iter().find(|(known, _)| *known == full)?;
        Some((path.rsplit('/').next().unwrap_or(path), value))
    }

    /// A setting keeps its kind: a number stays one, a truth value too.
    fn set(&mut self, path: &str, value: &str) -> Result<(), Refusal> {
        let (_, held) = self.settings.iter_mut().find(|(known, _)| *known == path).ok_or_else(Refusal::schema)?;
        let fits = match held.as_str() {
            "true" | "false" => matches!(value, "true" | "false"),
            text if text.parse::<u32>().is_ok() => value.parse::<u32>().is_ok(),
            _ => true,
        };
        if !fits {
            return Err(Refusal::schema());
        }
        *held = value.to_owned();
        Ok(())
    }
}

/// The path of a fragment without prefixes, and whether it ends in `text()`.
fn path_of(fragment: &Fragment) -> Result<(String, bool), Refusal> {
    if fragment.dialect.is_some() {
        return Err(Refusal::filter());
    }
    let expression = fragment.expression.trim_start_matches('/');
    let (path, is_text) = match expression.strip_suffix("/text()") {
        Some(path) => (path, true),
        None => (expression, false),
    };
    let plain = path.split('/').map(|step| step.rsplit(':').next().unwrap_or(step));
    Ok((plain.collect::<Vec<_>>().join("/"), is_text))
}

/// What follows [`URI`], the element, and the path it stands for.
const BRANCHES: &[(&str, &str, &str)] = &[
    ("", "Config", ""),
    ("/service", "Service", "Service/"),
    ("/service/auth", "Auth", "Service/Auth/"),
    ("/winrs", "Winrs", "Winrs/"),
];

const DEFAULTS: &[(&str, &str)] = &[
    ("MaxEnvelopeSizekb", "500"),
    ("MaxTimeoutms", "60000"),
    ("MaxBatchItems", "32000"),
    ("MaxProviderRequests", "4294967295"),
    ("Service/RootSDDL", "O:NSG:BAD:P(A;;GA;;;BA)(A;;GA;;;RM)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"),
    ("Service/MaxConcurrentOperations", "4294967295"),
    ("Service/MaxConcurrentOperationsPerUser", "1500"),
    ("Service/EnumerationTimeoutms", "240000"),
    ("Service/MaxConnections", "300"),
    ("Service/MaxPacketRetrievalTimeSeconds", "120"),
    ("Service/AllowUnencrypted", "false"),
    ("Service/Auth/Basic", "false"),
    ("Service/Auth/Kerberos", "true"),
    ("Service/Auth/Negotiate", "true"),
    ("Service/Auth/Certificate", "false"),
    ("Service/Auth/CredSSP", "false"),
    ("Service/Auth/CbtHardeningLevel", "Relaxed"),
    ("Service/DefaultPorts/HTTP", "5985"),
    ("Service/DefaultPorts/HTTPS", "5986"),
    ("Service/IPv4Filter", "*"),
    ("Service/IPv6Filter", "*"),
    ("Service/AllowRemoteAccess", "true"),
    ("Winrs/AllowRemoteShellAccess", "true"),
    ("Winrs/IdleTimeout", "7200000"),
    ("Winrs/MaxConcurrentUsers", "2147483647"),
    ("Winrs/MaxProcessesPerShell", "2147483647"),
    ("Winrs/MaxMemoryPerShellMB", "2147483647"),
    ("Winrs/MaxShellsPerUser", "2147483647"),
];
