//! A password that the system keeps: Secret Service, Keychain, Credential Manager.
//!
//! Entries have the attributes `service` and `username`, as `secret-tool` stores them. The service is `hvr:HOST`, else
//! `hvr` for all hosts; the user is written as it is given to this program, or is the file of a private key.

use zeroize::Zeroizing;

use super::Owner;
use crate::cli::problem::Problem;

#[cfg(feature = "keyring")]
pub(super) fn read(owner: Owner<'_>) -> Result<Zeroizing<String>, Problem> {
    use crate::cli::problem::chain;
    use keyring::{Entry, Error};

    let (services, user) = names(owner);
    for service in &services {
        match Entry::new(service, &user).and_then(|entry| entry.get_password()) {
            Ok(password) => return Ok(Zeroizing::new(password)),
            Err(Error::NoEntry) => {}
            Err(Error::NoDefaultStore) => {
                let why = Entry::store_status().as_ref().err().map_or_else(String::new, |error| chain(error));
                return Err(Problem::usage(format!("no keyring answers on this system: {why}"))
                    .remedy("a Secret Service (GNOME Keyring, KWallet, KeePassXC) must run in this session"));
            }
            // These name the entry and carry what is in it.
            Err(Error::Ambiguous(_)) => {
                return Err(Problem::usage(format!("the keyring has several entries for {service} and {user}")));
            }
            Err(Error::BadEncoding(_) | Error::BadDataFormat(..)) => {
                return Err(Problem::usage(format!("the keyring's entry for {service} and {user} is no text")));
            }
            Err(error) => return Err(Problem::usage(format!("the keyring gives no password: {}", chain(&error)))),
        }
    }
    let remedy = format!("store it: {}", how_to_store(services.first().map_or("hvr", String::as_str), &user));
    Err(Problem::usage(format!("the keyring has no entry of {user} for {}", services.join(" or "))).remedy(remedy))
}

#[cfg(not(feature = "keyring"))]
pub(super) fn read(owner: Owner<'_>) -> Result<Zeroizing<String>, Problem> {
    let (services, user) = names(owner);
    let service = services.last().map_or("hvr", String::as_str);
    let tool = match std::env::consts::OS {
        "macos" => format!("[\"security\", \"find-generic-password\", \"-w\", \"-s\", {service:?}, \"-a\", {user:?}]"),
        "windows" => "[…] with a program that reads it".to_owned(),
        _ => format!("[\"secret-tool\", \"lookup\", \"service\", {service:?}, \"username\", {user:?}]"),
    };
    Err(Problem::usage("this hvr was built without the keyring").remedy(format!(
        "build it with `cargo install --path . --features keyring`, or let the system's tool read it, in a profile: \
         password_command = {tool}"
    )))
}

/// The services to look under, in order, and the user.
fn names(owner: Owner<'_>) -> (Vec<String>, String) {
    match owner {
        Owner::User { user, host } => {
            (vec![format!("hvr:{}", host.to_ascii_lowercase()), "hvr".to_owned()], user.to_owned())
        }
        Owner::Key(file) => (vec!["hvr".to_owned()], file.display().to_string()),
    }
}

/// The command that stores a password with the tool that the system has for it.
#[cfg(feature = "keyring")]
fn how_to_store(service: &str, user: &str) -> String {
    use crate::cli::printed::quoted;
    let (service, user) = (quoted(service), quoted(user));
    match std::env::consts::OS {
        "macos" => format!("security add-generic-password -s {service} -a {user} -w"),
        "windows" => format!("cmdkey /generic:{user}.{service} /user:{user} /pass"),
        _ => format!("secret-tool store --label=hvr service {service} username {user}"),
    }
}
