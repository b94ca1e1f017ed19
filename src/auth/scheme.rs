//! Authentication schemes, and what a `401` says about them (RFC 9110, 11.6.1).
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A scheme this client can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// SPNEGO, or bare NTLM; seals messages ([MS-WSMV] 2.2.9.1.1).
    Negotiate,
    /// Kerberos without SPNEGO around it; seals messages ([MS-WSMV] 2.2.9.1.2).
    Kerberos,
    /// Bare NTLM under its own name, which is none of WinRM's ([MS-NTHT] 2.2).
    Ntlm,
    /// TLS inside the headers, and at its end the password in the host's hands; seals messages
    /// ([MS-WSMV] 2.2.9.1.3). With the feature `credssp`.
    #[cfg(feature = "credssp")]
    CredSsp,
    /// User and password in clear; only inside TLS.
    Basic,
    /// The client certificate of the TLS handshake. Never offered in a header.
    Certificate,
}

impl Scheme {
    /// The scheme of this name, in any case of letters.
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Negotiate,
            Self::Kerberos,
            Self::Ntlm,
            #[cfg(feature = "credssp")]
            Self::CredSsp,
            Self::Basic,
        ];
        all.into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }

    /// Its name in `Authorization` and `WWW-Authenticate`, where it has one there.
    pub fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Kerberos => "Kerberos",
            Self::Ntlm => "NTLM",
            #[cfg(feature = "credssp")]
            Self::CredSsp => "CredSSP",
            Self::Basic => "Basic",
            Self::Certificate => "Certificate",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One scheme a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name as the server spells it, such as `Kerberos` or `Digest`.
    pub scheme: String,
    /// The token that came with it, decoded; none where there is none, or no base64.
    pub token: Option<Vec<u8>>,
    /// The scheme, if this client can use it.
    pub known: Option<Scheme>,
}

/// The schemes in the values of `WWW-Authenticate`, in the order offered. A value may hold one
/// scheme or a comma list; parameters such as `realm="…"` are passed over.
pub fn offered<'a>(www_authenticate: impl Iterator<Item = &'a str>) -> Vec<Offer> {
    www_authenticate.flat_map(items).filter_map(offer).collect()
}

/// The items of a comma list; a comma inside a quoted text does not separate.
fn items(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |c| {
        let separates = c == ',' && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        separates
    })
}

/// Reads `Scheme`, `Scheme token` or `Scheme name=value`; nothing for a further parameter.
fn offer(item: &str) -> Option<Offer> {
    let item = item.trim();
    let (scheme, rest) = item.split_once([' ', '\t']).unwrap_or((item, ""));
    let rest = rest.trim();
    if scheme.is_empty() || scheme.contains(['=', '"']) || rest.starts_with('=') {
        return None;
    }
    // Padding only: an equals sign elsewhere is that of a parameter and no base64.
    let token = if rest.is_empty() { None } else { STANDARD.decode(rest).ok() };
    Some(Offer { scheme: scheme.to_owned(), token, known: Scheme::named(scheme) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(values: &[&str]) -> Vec<(String, Option<Vec<u8>>, Option<Scheme>)> {
        offered(values.iter().copied()).into_iter().map(|o| (o.scheme, o.token, o.known)).collect()
    }

    #[test]
    fn one_header_each() {
        assert_eq!(
            read(&["Negotiate", "Kerberos", "CredSSP", "Basic realm=\"WSMAN\""]),
            [
                ("Negotiate".to_owned(), None, Some(Scheme::Negotiate)),
                ("Kerberos".to_owned(), None, Some(Scheme::Kerberos)),
                ("CredSSP".to_owned(), None, Scheme::named("credssp")),
                ("Basic".to_owned(), None, Some(Scheme::Basic)),
            ]
        );
    }

    #[test]
    fn a_comma_list_with_quoted_commas_and_parameters() {
        assert_eq!(
            read(&["basic realm=\"a, \\\"Digest, b\", charset = \"UTF-8\" , negotiate TlRMTVNTUAA=,Kerberos,"]),
            [
                ("basic".to_owned(), None, Some(Scheme::Basic)),
                ("negotiate".to_owned(), Some(b"NTLMSSP\0".to_vec()), Some(Scheme::Negotiate)),
                ("Kerberos".to_owned(), None, Some(Scheme::Kerberos)),
            ]
        );
    }

    #[test]
    fn a_token_that_is_no_base64_is_none() {
        assert_eq!(read(&["Negotiate !!!"]), [("Negotiate".to_owned(), None, Some(Scheme::Negotiate))]);
        assert!(read(&["", " , ,", "realm=\"x\""]).is_empty());
    }

    proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn any_text_does_not_panic(text: String) {
            let _ = offered([text.as_str()].into_iter());
        }
    }
}
