//! What can go wrong inside CredSSP.
use sspi::credssp::NStatusCode;

/// Why a login with CredSSP did not come to its end.
///
/// Unless it says otherwise the password was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredSspError {
    /// The TLS inside the login cannot be made, or its records cannot be opened.
    #[error("the TLS inside CredSSP fails: {reason}{hint}")]
    Tls {
        /// What the TLS library says.
        reason: String,
        /// What may help.
        hint: &'static str,
    },
    /// A TSRequest is damaged, or is not the one that was due.
    #[error("the TSRequest of CredSSP is not valid: {0}")]
    Message(&'static str),
    /// The host is older than the fix of CVE-2018-0886.
    #[error(
        "the host speaks CredSSP version {0}, from before the fix of CVE-2018-0886: whoever is in between could run \
         commands as this user; install the host's updates of March 2018 or later, or log in another way"
    )]
    Version(u32),
    /// The host refuses, and says why.
    #[error("the host refuses inside CredSSP: {status}")]
    Refused {
        /// The NTSTATUS it gives.
        code: u32,
        /// Its name and what it means.
        status: String,
    },
    /// The host vouches for another key than that of the TLS connection.
    #[error(
        "the host does not vouch for the key of this TLS connection: someone sits in between, who was not given the \
         password; find out who before you log in again"
    )]
    ForeignKey,
    /// The certificate of the TLS connection cannot be read.
    #[error("the certificate of the TLS inside CredSSP cannot be read")]
    Certificate,
}

impl CredSspError {
    pub(super) fn tls(error: &rustls::Error) -> Self {
        let hint = match error {
            rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)
            | rustls::Error::PeerIncompatible(_) => {
                "; the host must have TLS 1.2 with an ECDHE suite and AES-GCM, which Windows has since Server 2016"
            }
            // inferred (not asked): WinRM of Server 2012 R2 was seen to make itself a key of 1024 bits.
            rustls::Error::InvalidCertificate(_) => "; a key of less than 2048 bits is not accepted",
            _ => "",
        };
        Self::Tls { reason: error.to_string(), hint }
    }

    pub(super) fn refused(status: NStatusCode) -> Self {
        let NStatusCode(code) = status;
        let meaning = match status {
            NStatusCode::LOGON_FAILURE | NStatusCode::WRONG_PASSWORD | NStatusCode::NO_SUCH_USER => {
                ", wrong user name or password"
            }
            NStatusCode::ACCOUNT_LOCKED_OUT => ", the account is locked; wait, or have it unlocked",
            NStatusCode::ACCOUNT_DISABLED => ", the account is disabled",
            NStatusCode::PASSWORD_EXPIRED | NStatusCode::PASSWORD_MUST_CHANGE => {
                ", the password has run out; change it first"
            }
            NStatusCode::ACCOUNT_RESTRICTION => {
                ", a policy keeps the account out: an empty password, hours, a protected user"
            }
            NStatusCode::LOGON_TYPE_NOT_GRANTED => ", the account may not log on to this host over the network",
            NStatusCode::NO_LOGON_SERVERS => ", the host reaches no domain controller to ask",
            NStatusCode::TIME_DIFFERENCE_AT_DC => ", the clocks of host and domain differ",
            NStatusCode(SEC_E_LOGON_DENIED) => ", wrong user name or password",
            _ => "",
        };
        let name = status.name().unwrap_or(if code == SEC_E_LOGON_DENIED { "SEC_E_LOGON_DENIED" } else { "NTSTATUS" });
        Self::Refused { code, status: format!("{name} ({code:#010x}){meaning}") }
    }
}

/// What the security package itself says of a wrong password.
const SEC_E_LOGON_DENIED: u32 = 0x8009_030c;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_named_and_explained() {
        let text = CredSspError::refused(NStatusCode(0xc000_006d)).to_string();
        assert!(text.ends_with("STATUS_LOGON_FAILURE (0xc000006d), wrong user name or password"), "{text}");
        let text = CredSspError::refused(NStatusCode(0x8009_030c)).to_string();
        assert!(text.ends_with("SEC_E_LOGON_DENIED (0x8009030c), wrong user name or password"), "{text}");
        let text = CredSspError::refused(NStatusCode(0x8009_0308)).to_string();
        assert!(text.ends_with("NTSTATUS (0x80090308)"), "{text}");
    }
}
