//! The names of services.
use std::fmt;
use std::str::FromStr;

use super::super::error::AuthError;

/// The name a service has in its realm: `class/host`, with `@REALM` where it must be said.
///
/// It is taken as it is: no host name in it is completed or looked up in DNS. Without a realm the
/// client's own is asked, which refers to the right one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceName(String);

impl ServiceName {
    /// The name of WinRM on a host: `HTTP/host`.
    pub fn http(host: &str) -> Self {
        Self(format!("HTTP/{host}"))
    }
}

impl FromStr for ServiceName {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<Self, AuthError> {
        let (service, realm) = text.split_once('@').map_or((text, None), |(service, realm)| (service, Some(realm)));
        let parts: Vec<&str> = service.split('/').collect();
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        let usable = parts.len() >= 2
            && parts.iter().all(|part| !part.is_empty())
            && realm.is_none_or(|realm| !realm.is_empty() && !realm.contains(['@', '/']))
            && !text.contains(is_odd);
        let shown = || text.chars().take(80).collect();
        if usable { Ok(Self(text.to_owned())) } else { Err(AuthError::ServiceName { text: shown() }) }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_names() {
        for text in ["HTTP/hv", "WSMAN/hv.lab.test", "HOST/hv@LAB.TEST", "HTTP/hv:5985/lab.test@LAB.TEST"] {
            assert_eq!(text.parse::<ServiceName>().unwrap().to_string(), text);
        }
        for text in ["", "hv", "HTTP/", "/hv", "HTTP/hv@", "HTTP/hv@A@B", "HTTP/h v", "HTTP/h\u{0}v", "HTTP/hv@a/b"] {
            assert!(matches!(text.parse::<ServiceName>(), Err(AuthError::ServiceName { .. })), "{text:?}");
        }
        assert_eq!(ServiceName::http("hv").to_string(), "HTTP/hv");
    }
}
