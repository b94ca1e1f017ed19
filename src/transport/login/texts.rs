//! What the errors of a login say.

use super::super::connect::{AuthChoice, Settings};
use super::super::failure::Broken;
use super::super::identity::Identity;
use super::super::wire::Answer;
use super::Failure;
use crate::auth::kerberos::KerberosError;
use crate::auth::{AuthError, KerberosCause, Scheme};
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind};

pub(super) fn not_sent(broken: Broken) -> Failure {
    Failure::Other(broken.into_error(Delivery::NotSent))
}

pub(super) fn scheme_error(text: String) -> Failure {
    Failure::Other(ExchangeError::new(ExchangeErrorKind::Scheme, Delivery::NotSent, text))
}

/// Errors that name the host and the account. What came in answer to an empty body says of the message that it was not
/// sent; where the message went along, nobody knows what became of it.
pub(super) trait Texts {
    fn no_scheme(&self, answer: &Answer, delivery: Delivery) -> Failure;
    fn refused(&self, delivery: Delivery) -> Failure;
    fn ticket_refused(&self) -> Failure;
    fn ended_early(&self) -> Failure;
    fn certificate_refused(&self, delivery: Delivery) -> Failure;
    fn login_error(&self, error: AuthError, delivery: Delivery) -> Failure;
    fn closes_in_login(&self) -> ExchangeError;
}

impl Texts for Settings {
    fn no_scheme(&self, answer: &Answer, delivery: Delivery) -> Failure {
        let authority = self.endpoint.authority();
        let offered: Vec<&str> = answer.offers.iter().map(|offer| offer.scheme.as_str()).collect();
        let offered = if offered.is_empty() { "no scheme at all".to_owned() } else { offered.join(", ") };
        let wanted = match self.auth {
            AuthChoice::Basic => "Basic",
            AuthChoice::Certificate => "Certificate",
            AuthChoice::Kerberos => "Kerberos or Negotiate",
            #[cfg(feature = "credssp")]
            AuthChoice::CredSsp => "CredSSP",
            AuthChoice::Ntlm => "Negotiate or NTLM",
            AuthChoice::Auto | AuthChoice::Negotiate => "Negotiate",
        };
        #[cfg(feature = "credssp")]
        if self.auth == AuthChoice::CredSsp {
            let text = format!(
                "{authority} does not offer CredSSP, it offers {offered}; switch it on there (Enable-WSManCredSSP -Role \
                 Server), or log in another way"
            );
            return Failure::Other(ExchangeError::new(ExchangeErrorKind::Scheme, delivery, text));
        }
        let why = match (answer.offers(Scheme::Basic), self.endpoint.is_tls()) {
            (true, false) => "; Basic is for https only",
            (true, true) => "; Basic must be chosen (--auth basic), or the certificate verified",
            (false, _) => "",
        };
        let text = format!("{authority} does not offer {wanted}, it offers {offered}{why}");
        Failure::Other(ExchangeError::new(ExchangeErrorKind::Scheme, delivery, text))
    }

    fn refused(&self, delivery: Delivery) -> Failure {
        let text = format!(
            "{} refuses the login of {}: wrong user name or password, or the account may not log in this way; \
             it is not tried again, so as not to lock the account",
            self.endpoint.authority(),
            self.who()
        );
        Failure::Refused(ExchangeError::new(ExchangeErrorKind::Login, delivery, text))
    }

    fn ticket_refused(&self) -> Failure {
        let bound = if self.endpoint.is_tls() {
            ", or something between ends the TLS connection with another certificate"
        } else {
            ""
        };
        let cause = KerberosError::unexplained(&self.service.to_string());
        let text = format!(
            "{}: {cause} of {}, without saying why: it may not know the account, hold another key than the realm (setspn \
             -X finds doubles){bound}, or its clock may be off",
            self.endpoint.authority(),
            self.who(),
        );
        let error = ExchangeError::new(ExchangeErrorKind::Login, Delivery::NotSent, text);
        Failure::Refused(error.with_source(AuthError::Kerberos(cause)))
    }

    fn ended_early(&self) -> Failure {
        let text = format!(
            "{} ends the login without saying why, before it judged a password; its event log may (Schannel, Windows \
             Remote Management). The TLS inside CredSSP takes a host with TLS 1.2, ECDHE and AES-GCM",
            self.endpoint.authority(),
        );
        Failure::Refused(ExchangeError::new(ExchangeErrorKind::Login, Delivery::NotSent, text))
    }

    fn certificate_refused(&self, delivery: Delivery) -> Failure {
        let why = if self.identity.as_ref().is_some_and(Identity::was_asked_for) {
            "it maps no account to it: the mapping needs the issuer's thumbprint, the subject (the user principal name \
             in the certificate) and the account's right password (winrm enumerate winrm/config/service/certmapping), \
             and Certificate must be switched on in winrm/config/service/auth"
        } else {
            "it never asked for one in the TLS handshake: switch clientcertnegotiation on for its port (netsh http \
             show sslcert); asking later, by renegotiation, is not supported here"
        };
        let text = format!("{} does not let the client certificate in: {why}", self.endpoint.authority());
        Failure::Refused(ExchangeError::new(ExchangeErrorKind::Login, delivery, text))
    }

    fn login_error(&self, error: AuthError, delivery: Delivery) -> Failure {
        let kind = if error == AuthError::Random { ExchangeErrorKind::Other } else { ExchangeErrorKind::Login };
        let mut text = format!("the login at {} cannot go on: {error}", self.endpoint.authority());
        if let AuthError::Kerberos(kerberos) = &error {
            let skew = self.counters.clock_skew().filter(|_| kerberos.cause() == KerberosCause::ClockSkew);
            if let Some(skew) = skew {
                let (seconds, way) = (skew.unsigned_abs(), if skew < 0 { "behind" } else { "ahead of" });
                text.push_str(&format!("; by its Date header the host's clock is {seconds} s {way} this computer's"));
            }
            text.push_str("; ");
            text.push_str(kerberos.remedy());
        }
        Failure::Other(ExchangeError::new(kind, delivery, text).with_source(error))
    }

    fn closes_in_login(&self) -> ExchangeError {
        let text = format!(
            "{} closes the connection during the login; it cannot work through it (a proxy or load balancer in between?)",
            self.endpoint.authority()
        );
        ExchangeError::new(ExchangeErrorKind::ConnectionLost, Delivery::NotSent, text)
    }
}
