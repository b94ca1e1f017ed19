//! Who logs in, from the settings: a password, tickets, a client certificate.

use std::net::IpAddr;
use std::path::Path;

use crate::auth::kerberos::{has_tickets, kerberos_library};
use crate::auth::{Credentials, KerberosCause, Secret, ServiceName, TicketSource, Tickets, UserName};
use crate::cli::output::is_interactive;
use crate::cli::password::{Owner, PasswordSource};
use crate::cli::problem::Problem;
use crate::cli::settings::{Auth, Settings};
use crate::cli::stop::Interruption;
use crate::cli::text_file;
use crate::transport::{AuthChoice, ClientCertificate, ClientCertificateError, Connector};

/// Gives a connector what it logs in with. `secret` is a password that was read before; the one that is known then
/// comes back.
pub fn add_to(
    connector: Connector,
    settings: &Settings,
    mut secret: Option<Secret>,
    interruption: &Interruption,
) -> Result<(Connector, Option<Secret>), Problem> {
    let user = settings.user.as_deref().map(str::parse::<UserName>).transpose();
    let user = user.map_err(|error| Problem::usage(error.to_string()))?;
    let service = settings.spn.as_deref().map(str::parse::<ServiceName>).transpose();
    let service = service.map_err(|error| Problem::usage(format!("--spn: {error}")))?;
    let has_name = service.is_some() || connector.endpoint().host().parse::<IpAddr>().is_err();
    let mut connector = connector.auth(choice(settings.auth)?).delegate(settings.delegate);
    if let Some(service) = service {
        connector = connector.service_name(service);
    }
    // A certificate beside a user is shown, and the user logs in.
    let by_certificate = settings.auth == Auth::Certificate
        || (settings.auth == Auth::Auto && settings.cert.is_some() && user.is_none());
    if let Some(cert) = &settings.cert {
        let certificate = client_certificate(settings, cert, by_certificate, &mut secret, interruption)?;
        connector = connector.client_certificate(certificate);
    }
    if by_certificate {
        return match &settings.cert {
            Some(_) => Ok((connector.auth(AuthChoice::Certificate), secret)),
            None => {
                Err(Problem::usage("no client certificate: give --cert, and --key where the key is in another file"))
            }
        };
    }
    let tickets = ticket_source(settings, user.as_ref(), has_name);
    if user.is_none() && tickets.is_none() {
        let held = Tickets::acquire(None, &TicketSource::Cache);
        if held.is_err_and(|error| error.cause() == KerberosCause::TicketsExpired) {
            return Err(Problem::usage("no user was given, and the Kerberos tickets in the cache have expired")
                .remedy("get new tickets with kinit, or give -u, HVR_USER, or a profile"));
        }
        if let Err(error) = kerberos_library()
            && error.cause() == KerberosCause::LibraryUnusable
        {
            return Err(Problem::usage(format!("no user was given, and {error}")).remedy(error.remedy()));
        }
        let tickets = match cfg!(windows) {
            true => "or run it in the Windows session of a domain's account",
            false => "or Kerberos tickets (kinit, --keytab)",
        };
        let problem = Problem::usage(format!(
            "no user: give -u, HVR_USER, or a profile; {tickets}; or --simulate for a rehearsal without a host"
        ));
        return Err(settings.origins.missed(problem));
    }
    // Beside tickets a password that was given may serve where they do not.
    let password_given = !matches!(settings.password, PasswordSource::Prompt);
    let with_password = tickets.is_none() || (password_given && settings.auth != Auth::Kerberos);
    if let Some(user) = user.clone().filter(|_| with_password) {
        let (name, host) = (user.to_string(), connector.endpoint().host());
        let read = || settings.password.read(Owner::User { user: &name, host }, interruption);
        let password = once(&mut secret, read).map_err(|problem| settings.origins.missed(problem))?;
        connector = connector.credentials(Credentials { user, password });
    }
    if let Some(source) = tickets {
        connector = connector.tickets(user, source);
    }
    Ok((connector, secret))
}

fn choice(auth: Auth) -> Result<AuthChoice, Problem> {
    Ok(match auth {
        Auth::Auto => AuthChoice::Auto,
        Auth::Negotiate => AuthChoice::Negotiate,
        Auth::Kerberos => AuthChoice::Kerberos,
        Auth::Ntlm => AuthChoice::Ntlm,
        #[cfg(feature = "credssp")]
        Auth::CredSsp => AuthChoice::CredSsp,
        #[cfg(not(feature = "credssp"))]
        Auth::CredSsp => {
            return Err(Problem::usage(
                "this hvr is built without CredSSP: build one with it (cargo build --release --features credssp, Rust 1.93 \
                 or later), or log in another way",
            ));
        }
        Auth::Basic => AuthChoice::Basic,
        Auth::Certificate => AuthChoice::Certificate,
    })
}

/// A secret that is read at its first use.
fn once(secret: &mut Option<Secret>, read: impl FnOnce() -> Result<Secret, Problem>) -> Result<Secret, Problem> {
    match secret {
        Some(secret) => Ok(secret.clone()),
        None => Ok(secret.insert(read()?).clone()),
    }
}

/// Reads the client certificate; the password options are for its key where it is what logs in.
fn client_certificate(
    settings: &Settings,
    cert: &Path,
    password_is_for_key: bool,
    secret: &mut Option<Secret>,
    interruption: &Interruption,
) -> Result<ClientCertificate, Problem> {
    let read = |file: &Path| {
        let bytes = text_file::bytes(file, text_file::MOST_CERTIFICATES).map(zeroize::Zeroizing::new);
        bytes.map_err(|error| Problem::usage(format!("cannot read {}: {error}", file.display())))
    };
    let certificate = read(cert)?;
    let key_file = settings.key.as_deref().unwrap_or(cert);
    let key = read(key_file)?;
    let is_pkcs12 = ClientCertificate::is_binary(&certificate);
    let open = |password: Option<&Secret>| match is_pkcs12 {
        true => ClientCertificate::pkcs12(&certificate, password),
        false => ClientCertificate::pem(&certificate, &key, password),
    };
    // A PKCS#12 file may have no password at all.
    let locked = if is_pkcs12 { open(None).is_err() } else { ClientCertificate::is_encrypted_pem(&key) };
    let password = match (locked, password_is_for_key) {
        (false, _) => None,
        (true, true) => Some(once(secret, || settings.password.read(Owner::Key(key_file), interruption))?),
        (true, false) => {
            return Err(Problem::usage(format!(
                "the key in {} is encrypted, and the password options are for the user: use --auth certificate, or a key \
                 without a password",
                key_file.display()
            )));
        }
    };
    open(password.as_ref()).map_err(|error| {
        let file = if is_pkcs12 || error == ClientCertificateError::NoCertificate { cert } else { key_file };
        Problem::usage(format!("{}: {error}", file.display()))
    })
}

/// Where Kerberos tickets come from, if not from a password.
pub fn ticket_source(settings: &Settings, user: Option<&UserName>, has_name: bool) -> Option<TicketSource> {
    // CredSSP has a password to hand over, which Kerberos takes, too.
    if matches!(settings.auth, Auth::Basic | Auth::Ntlm | Auth::Certificate | Auth::CredSsp) {
        return None;
    }
    if let Some(keytab) = &settings.keytab {
        return Some(TicketSource::Keytab(keytab.clone()));
    }
    let password_given = !matches!(settings.password, PasswordSource::Prompt) && user.is_some();
    if password_given {
        return None;
    }
    // Nobody is asked for a password that tickets make needless.
    match settings.auth {
        Auth::Kerberos if user.is_some() && is_interactive() && !has_tickets(user) => None,
        Auth::Kerberos => Some(TicketSource::Cache),
        _ if has_name && has_tickets(user) => Some(TicketSource::Cache),
        _ => None,
    }
}
