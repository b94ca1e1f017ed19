//! Where to connect: host, port and path of a WS-Management listener.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use url::{Host, Url};

/// The listener of a host, parsed once and valid from then on.
///
/// [`str::parse`] reads a host name, `host:port`, an IP address (IPv6 with a port in brackets) or a
/// URL `http(s)://host[:port][/path]`. What is left out is that of WinRM: HTTPS on port 5986, or
/// HTTP on 5985, path `/wsman`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    tls: bool,
    host: String,
    port: u16,
    url: String,
}

/// Why a text names no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// There is no host in it.
    #[error("the host is empty; write a name, an address, host:port or https://host:port/wsman")]
    NoHost,
    /// The host is neither a name nor an address.
    #[error("{host:?} is neither a host name nor an IP address")]
    Host {
        /// As given.
        host: String,
    },
    /// The port is no number from 1 to 65535.
    #[error("{port:?} is no port; write a number from 1 to 65535, and an IPv6 address in brackets")]
    Port {
        /// As given.
        port: String,
    },
    /// The URL has a scheme other than http and https.
    #[error("the scheme {scheme:?} is not known; write https:// or http://")]
    Scheme {
        /// As given.
        scheme: String,
    },
    /// The URL is https while plain HTTP was asked for.
    #[error("the URL says https while plain HTTP was asked for; leave one of the two out")]
    SchemeConflict,
    /// The URL holds a user name or password.
    #[error("the URL holds a user name or password; give them apart from it")]
    UserInfo,
    /// The path, or something after it, is not usable.
    #[error("{path:?} is no path of a listener; write one such as /wsman, without ? and #")]
    Path {
        /// As given.
        path: String,
    },
}

impl Endpoint {
    /// Reads the same texts as [`str::parse`], with plain HTTP on port 5985 as the default.
    ///
    /// # Errors
    /// [`EndpointError`], also when the text is a URL that says `https`.
    pub fn http(text: &str) -> Result<Self, EndpointError> {
        let endpoint = Self::read(text, false)?;
        if endpoint.tls { Err(EndpointError::SchemeConflict) } else { Ok(endpoint) }
    }

    /// Whether the connection is protected by TLS; if not, messages are sealed.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host name or address, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL with its port, as `a:To` names it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Host and port for error texts.
    pub(super) fn authority(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    fn read(text: &str, default_tls: bool) -> Result<Self, EndpointError> {
        let text = text.trim();
        // Before anything else, as the other errors quote what they are about. Neither a host nor the path of a listener has
        // the sign, and a password may hold whatever else there is.
        if text.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let (tls, rest) = match text.split_once("://") {
            None => (default_tls, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, _)) => return Err(EndpointError::Scheme { scheme: scheme.to_owned() }),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        let host = parse_host(host)?;
        let port = port.unwrap_or(if tls { HTTPS_PORT } else { HTTP_PORT });
        let path = match path {
            "" | "/" => DEFAULT_PATH,
            other => other,
        };
        let url = format!("{}://{host}:{port}{path}", if tls { "https" } else { "http" });
        let usable = path.starts_with('/') && !path.contains(['?', '#', '\\']) && path.is_ascii();
        // What reqwest dials must be what `To` says, letter by letter.
        if !usable || !Url::parse(&url).is_ok_and(|parsed| parsed.path() == path) {
            return Err(EndpointError::Path { path: path.to_owned() });
        }
        let host = match host {
            Host::Domain(name) => name,
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Ok(Self { tls, host, port, url })
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::read(text, true)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// Splits host and port; the host of an IPv6 address comes back without brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), EndpointError> {
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Ok((authority, None));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let host = || EndpointError::Host { host: authority.to_owned() };
            let (address, rest) = rest.split_once(']').ok_or_else(host)?;
            address.parse::<Ipv6Addr>().map_err(|_| host())?;
            match rest.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None if rest.is_empty() => (address, None),
                None => return Err(host()),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = port.map(parse_port).transpose()?;
    Ok((host, port))
}

fn parse_port(text: &str) -> Result<u16, EndpointError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(EndpointError::Port { port: text.to_owned() }),
    }
}

fn parse_host(text: &str) -> Result<Host, EndpointError> {
    if text.is_empty() {
        return Err(EndpointError::NoHost);
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(Host::Ipv6(address));
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Ipv4(address));
    }
    match Host::parse(text) {
        Ok(Host::Domain(name)) if !name.is_empty() && !name.contains(char::is_whitespace) => Ok(Host::Domain(name)),
        // Host::parse also takes "1", "0x7f.1" and the like for addresses: nobody means that.
        _ => Err(EndpointError::Host { host: text.to_owned() }),
    }
}

const HTTPS_PORT: u16 = 5986;
const HTTP_PORT: u16 = 5985;
const DEFAULT_PATH: &str = "/wsman";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling() {
        for (text, url, host) in [
            ("hv-dr-01", "https://hv-dr-01:5986/wsman", "hv-dr-01"),
            ("HV.lab.Test", "https://hv.lab.test:5986/wsman", "hv.lab.test"),
            ("hv:15986", "https://hv:15986/wsman", "hv"),
            ("192.0.2.7", "https://192.0.2.7:5986/wsman", "192.0.2.7"),
            ("192.0.2.7:443", "https://192.0.2.7:443/wsman", "192.0.2.7"),
            ("2001:db8::7", "https://[2001:db8::7]:5986/wsman", "2001:db8::7"),
            ("[2001:db8::7]", "https://[2001:db8::7]:5986/wsman", "2001:db8::7"),
            ("[2001:db8::7]:99", "https://[2001:db8::7]:99/wsman", "2001:db8::7"),
            ("https://hv", "https://hv:5986/wsman", "hv"),
            ("https://hv/", "https://hv:5986/wsman", "hv"),
            ("https://hv:443/wsman", "https://hv:443/wsman", "hv"),
            ("HTTP://hv", "http://hv:5985/wsman", "hv"),
            ("http://hv:80/cim/wsman", "http://hv:80/cim/wsman", "hv"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!((endpoint.url(), endpoint.host()), (url, host), "{text}");
            assert_eq!(endpoint.is_tls(), url.starts_with("https"), "{text}");
        }
    }

    #[test]
    fn plain_http_when_asked() {
        assert_eq!(Endpoint::http("hv").unwrap().url(), "http://hv:5985/wsman");
        assert_eq!(Endpoint::http("::1").unwrap().authority(), "[::1]:5985");
        assert_eq!(Endpoint::http("http://hv:1/x").unwrap().port(), 1);
        assert_eq!(Endpoint::http("https://hv"), Err(EndpointError::SchemeConflict));
    }

    #[test]
    fn refused() {
        for (text, expected) in [
            ("", "the host is empty"),
            ("  ", "the host is empty"),
            ("https://", "the host is empty"),
            ("https://:5986/wsman", "the host is empty"),
            (":5986", "the host is empty"),
            ("ftp://hv", "the scheme \"ftp\" is not known"),
            ("https://admin:secret@hv", "the URL holds a user name"),
            ("admin@hv", "the URL holds a user name"),
            ("ftp://admin:secret@hv", "the URL holds a user name"),
            ("https://admin:secret/secret@hv", "the URL holds a user name"),
            ("admin:secret?secret@hv:1", "the URL holds a user name"),
            ("https://hv/admin:secret@x", "the URL holds a user name"),
            ("hv:", "\"\" is no port"),
            ("hv:+1", "\"+1\" is no port"),
            ("hv:0", "\"0\" is no port"),
            ("hv:65536", "\"65536\" is no port"),
            ("hv:1:2", "\"1:2\" is no port"),
            ("[hv]", "\"[hv]\" is neither"),
            ("[::1]x", "\"[::1]x\" is neither"),
            ("h v", "\"h v\" is neither"),
            ("0x7f.1", "\"0x7f.1\" is neither"),
            ("https://hv/wsman?x=1", "\"/wsman?x=1\" is no path"),
            ("https://hv#x", "\"#x\" is no path"),
            ("https://hv/../wsman", "\"/../wsman\" is no path"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
            assert!(!error.contains("secret"));
        }
    }

    proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn any_text_does_not_panic_and_what_parses_parses_again(text in "[a-z0-9:/.@\\[\\]? é-]{0,24}") {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                prop_assert_eq!(endpoint.url().parse::<Endpoint>().unwrap(), endpoint);
            }
        }
    }
}
