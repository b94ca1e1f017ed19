//! Basic authentication (RFC 7617): a header value, no token, no sealing.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::credentials::Credentials;
use super::secret::Secret;

/// The value of `Authorization` for Basic: `Basic base64(user:password)` in UTF-8, the user name
/// as given. It is the password in clear, hence a [`Secret`]: for verified TLS only.
pub fn basic_authorization(credentials: &Credentials) -> Secret {
    let user = credentials.user.to_string();
    let password = credentials.password.expose();
    // Sized beforehand: a buffer that grows leaves copies of its content behind.
    let mut pair = Zeroizing::new(String::with_capacity(user.len() + 1 + password.len()));
    pair.push_str(&user);
    pair.push(':');
    pair.push_str(password);
    let mut header = String::with_capacity(SCHEME.len() + pair.len().div_ceil(3) * 4);
    header.push_str(SCHEME);
    STANDARD.encode_string(pair.as_bytes(), &mut header);
    Secret::from(header)
}

const SCHEME: &str = "Basic ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_rfc_7617() {
        let credentials = Credentials {
            user: "Aladdin".parse().unwrap(),
            password: "open sesame".into(),
        };
        assert_eq!(
            basic_authorization(&credentials).expose(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }

    #[test]
    fn utf_8_and_domain_as_given() {
        let credentials = Credentials {
            user: "LAB\\jürgen".parse().unwrap(),
            password: "Pässwörd€:".into(),
        };
        let header = basic_authorization(&credentials);
        let decoded = STANDARD
            .decode(header.expose().strip_prefix("Basic ").unwrap())
            .unwrap();
        assert_eq!(
            String::from_utf8(decoded).unwrap(),
            "LAB\\jürgen:Pässwörd€:"
        );
    }
}
