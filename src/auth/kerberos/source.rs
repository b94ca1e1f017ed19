//! Where tickets come from.
use std::path::PathBuf;

use super::super::secret::Secret;

/// Where the tickets of a login come from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum TicketSource {
    /// The cache that `KRB5CCNAME` or `krb5.conf` names, of any type that the library knows. On
    /// Windows the tickets of the session that this process is of.
    #[default]
    Cache,
    /// This cache, as `KRB5CCNAME` would name it.
    NamedCache(String),
    /// A keytab. The tickets it leads to stay in memory, and are renewed from it.
    Keytab(PathBuf),
    /// A password. The tickets it leads to stay in memory.
    Password(Secret),
}

#[cfg(feature = "transport")]
impl TicketSource {
    /// Whether both lead to the same tickets.
    pub(crate) fn is_same(&self, other: &TicketSource) -> bool {
        match (self, other) {
            (TicketSource::Cache, TicketSource::Cache) => true,
            (TicketSource::NamedCache(one), TicketSource::NamedCache(other)) => one == other,
            (TicketSource::Keytab(one), TicketSource::Keytab(other)) => one == other,
            (TicketSource::Password(one), TicketSource::Password(other)) => one.is_same(other),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let source = TicketSource::Password("canary-9c1e".into());
        assert!(!format!("{source:?}").contains("canary"));
    }
}
