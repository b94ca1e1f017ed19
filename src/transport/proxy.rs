//! A proxy between this computer and the host, used only where it was asked for.

use std::fmt;
use std::str::FromStr;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::endpoint::Endpoint;
use crate::auth::Secret;

/// An HTTP proxy that is asked for a tunnel (`CONNECT`), or a SOCKS5 proxy.
///
/// [`str::parse`] reads `http://proxy:3128`, `socks5://proxy:1080` (names are resolved here) and
/// `socks5h://…` (names are resolved by the proxy), each with `user:password@` before the host where
/// the proxy wants a login. It prints without them.
#[derive(Clone)]
pub struct Proxy {
    kind: Kind,
    /// With user and password.
    url: Secret,
    /// Without.
    shown: String,
    has_password: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connect,
    Socks5,
}

/// The text names no proxy that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It is no URL of a proxy.
    #[error("it is no URL of a proxy; write http://HOST:PORT, socks5://HOST:PORT or socks5h://HOST:PORT")]
    Url,
    /// The scheme is none that works here.
    #[error("the scheme {scheme} is none of http, socks5 and socks5h, which are what works here")]
    Scheme {
        /// As given.
        scheme: String,
    },
    /// The listener is plain HTTP, and the proxy would forward requests as it likes.
    #[error(
        "an HTTP proxy forwards the requests of plain HTTP one by one, over connections of its own choice, and a login \
         belongs to one connection; use https, which goes through in a tunnel, or a SOCKS5 proxy"
    )]
    Forwarding,
}

impl Proxy {
    /// What `HTTPS_PROXY`, `ALL_PROXY` and their like name for this endpoint, unless `NO_PROXY` exempts it.
    ///
    /// # Errors
    /// [`ProxyError`] when what they name cannot be used.
    pub fn from_environment(endpoint: &Endpoint) -> Result<Option<Self>, ProxyError> {
        let uri = endpoint.url().parse().map_err(|_| ProxyError::Url)?;
        let Some(found) = Matcher::from_env().intercept(&uri) else { return Ok(None) };
        let mut url = Url::parse(&found.uri().to_string()).map_err(|_| ProxyError::Url)?;
        let login = found.raw_auth().map(|(user, password)| (user.to_owned(), password.to_owned()));
        let login = login.or_else(|| found.basic_auth().and_then(|value| value.to_str().ok()).and_then(from_basic));
        if let Some((user, password)) = login {
            let set = url.set_username(&user).and_then(|()| url.set_password(Some(&password)));
            set.map_err(|()| ProxyError::Url)?;
        }
        Self::read(&url).map(Some)
    }

    /// Whether a password stands in it.
    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// Whether an endpoint can be reached through it.
    pub(super) fn suits(&self, endpoint: &Endpoint) -> Result<(), ProxyError> {
        if self.kind == Kind::Connect && !endpoint.is_tls() { Err(ProxyError::Forwarding) } else { Ok(()) }
    }

    /// With user and password, for the HTTP library.
    pub(super) fn expose(&self) -> &str {
        self.url.expose()
    }

    fn read(url: &Url) -> Result<Self, ProxyError> {
        let kind = match url.scheme() {
            "http" => Kind::Connect,
            "socks5" | "socks5h" => Kind::Socks5,
            // A TLS connection to the proxy itself would need a trust of its own.
            scheme => return Err(ProxyError::Scheme { scheme: scheme.chars().take(20).collect() }),
        };
        if !url.has_host() || !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(ProxyError::Url);
        }
        let mut shown = url.clone();
        let cleared = shown.set_username("").and_then(|()| shown.set_password(None));
        cleared.map_err(|()| ProxyError::Url)?;
        let has_password = url.password().is_some();
        Ok(Self { kind, url: Secret::from(url.as_str()), shown: shown.into(), has_password })
    }
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let text = text.trim();
        // Without a scheme `proxy:3128` is a URL of the scheme "proxy".
        if !text.contains("://") {
            return Err(ProxyError::Url);
        }
        Self::read(&Url::parse(text).map_err(|_| ProxyError::Url)?)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown.trim_end_matches('/'))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// User and password of a header value that was made from them.
fn from_basic(value: &str) -> Option<(String, String)> {
    use base64::Engine;
    let decoded = base64::engine::general_purpose::STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let (user, password) = str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_proxies() {
        for (text, shown, has_password) in [
            ("http://proxy:3128", "http://proxy:3128", false),
            ("HTTP://proxy:3128/", "http://proxy:3128", false),
            ("socks5://[::1]:1080", "socks5://[::1]:1080", false),
            ("socks5h://user:canary@proxy:1080", "socks5h://proxy:1080", true),
            ("http://user:canary@proxy", "http://proxy", true),
            ("http://user@proxy", "http://proxy", false),
        ] {
            let proxy: Proxy = text.parse().unwrap();
            assert_eq!((proxy.to_string().as_str(), proxy.has_password()), (shown, has_password));
            assert!(!format!("{proxy:?}{proxy}").contains("canary"));
            assert_eq!(proxy.expose().contains("canary"), has_password);
        }
    }

    #[test]
    fn what_is_no_proxy() {
        for text in ["", "proxy:3128", "http://", "http://proxy/path", "http://proxy?x", "://x"] {
            assert_eq!(text.parse::<Proxy>().unwrap_err(), ProxyError::Url, "{text}");
        }
        for text in ["https://proxy", "ftp://proxy", "socks4://proxy"] {
            assert!(matches!(text.parse::<Proxy>(), Err(ProxyError::Scheme { .. })), "{text}");
        }
    }

    #[test]
    fn forwarding_is_refused() {
        let (http, https): (Endpoint, Endpoint) = ("http://hv".parse().unwrap(), "https://hv".parse().unwrap());
        let connect: Proxy = "http://proxy:3128".parse().unwrap();
        let socks: Proxy = "socks5://proxy:1080".parse().unwrap();
        assert_eq!(connect.suits(&http), Err(ProxyError::Forwarding));
        assert_eq!((connect.suits(&https), socks.suits(&http), socks.suits(&https)), (Ok(()), Ok(()), Ok(())));
    }
}
