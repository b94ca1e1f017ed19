//! Where a password comes from, and how it is read: once, bounded, wiped, and never printed.

mod command;
mod keyring;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::auth::Secret;
use crate::text::{self, TextError};

use super::args::Common;
#[cfg(unix)]
use super::output::note;
use super::output::{WIDEST, is_interactive, printable, shortened};
use super::problem::Problem;
use super::settings::{Layer, switch};
use super::stop::Interruption;
use super::text_file::FileError;

/// Where a password comes from.
#[derive(Debug, Clone)]
pub enum PasswordSource {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
    /// The environment, already read.
    Value(Secret),
    /// What a program writes: its name, then its arguments.
    Command(Vec<String>),
    /// The keyring of the system.
    Keyring,
    /// A prompt on the terminal.
    Prompt,
}

/// Whose password it is.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// This user's, on this host.
    User { user: &'a str, host: &'a str },
    /// That of a private key.
    Key(&'a Path),
}

impl PasswordSource {
    /// The source that flags, environment and profile name, the nearest first; and what named it, in words.
    pub fn choose(
        common: &Common,
        environment: &Layer,
        profile: &Layer,
        profile_words: Option<&str>,
    ) -> Result<(PasswordSource, String), Problem> {
        let nearer = match PasswordSource::of_flags(common) {
            Some(found) => Some(found),
            None => PasswordSource::of_environment(common, environment)?,
        };
        let found = match nearer {
            Some(found) => Some(found),
            None => PasswordSource::of_profile(common, environment, profile, profile_words.unwrap_or("a profile"))?,
        };
        Ok(found.unwrap_or_else(PasswordSource::prompt))
    }

    /// Nobody has named one.
    pub fn prompt() -> (PasswordSource, String) {
        (PasswordSource::Prompt, String::new())
    }

    /// The one that was typed.
    pub fn of_flags(common: &Common) -> Option<(PasswordSource, String)> {
        let named = |source, flag: &str| Some((source, flag.to_owned()));
        if common.password_stdin == Some(true) {
            return named(PasswordSource::Stdin, "--password-stdin");
        }
        if let Some(file) = &common.password_file {
            return named(PasswordSource::File(file.clone()), "--password-file");
        }
        if common.password_keyring == Some(true) {
            return named(PasswordSource::Keyring, "--password-keyring");
        }
        None
    }

    /// The one that a variable names, or holds.
    pub fn of_environment(common: &Common, environment: &Layer) -> Result<Option<(PasswordSource, String)>, Problem> {
        let value = std::env::var_os("HVR_PASSWORD").filter(|password| !password.is_empty());
        let value = value.map(|password| match password.into_string() {
            Ok(password) => Ok(PasswordSource::Value(Secret::from(password))),
            Err(_) => Err(Problem::usage("HVR_PASSWORD is not valid Unicode")),
        });
        let stdin = common.password_stdin.is_none() && switch("HVR_PASSWORD_STDIN")? == Some(true);
        let keyring = common.password_keyring.is_none() && environment.password_keyring == Some(true);
        let named = [
            (value.transpose()?, "HVR_PASSWORD"),
            (environment.password_file.clone().map(PasswordSource::File), "HVR_PASSWORD_FILE"),
            (stdin.then_some(PasswordSource::Stdin), "HVR_PASSWORD_STDIN"),
            (keyring.then_some(PasswordSource::Keyring), "HVR_PASSWORD_KEYRING"),
        ];
        let names = "HVR_PASSWORD, HVR_PASSWORD_FILE, HVR_PASSWORD_STDIN and HVR_PASSWORD_KEYRING";
        only(named, names)
    }

    /// The one of a profile.
    pub fn of_profile(
        common: &Common,
        environment: &Layer,
        profile: &Layer,
        words: &str,
    ) -> Result<Option<(PasswordSource, String)>, Problem> {
        // An environment or flag that turns the keyring off leaves that of the profile off, too.
        let off = common.password_keyring.or(environment.password_keyring) == Some(false);
        let keyring = profile.password_keyring == Some(true) && !off;
        let named = [
            (profile.password_file.clone().map(PasswordSource::File), "password_file"),
            (profile.password_command.clone().map(PasswordSource::Command), "password_command"),
            (keyring.then_some(PasswordSource::Keyring), "password_keyring"),
        ];
        let names = "password_file, password_command and password_keyring of a profile";
        Ok(only(named, names)?.map(|(source, key)| (source, format!("{key} of {words}"))))
    }

    /// Whether both give the same password. Standard input and the prompt can be asked only once.
    pub fn is_same(&self, other: &PasswordSource) -> bool {
        match (self, other) {
            (PasswordSource::File(one), PasswordSource::File(other)) => one == other,
            (PasswordSource::Command(one), PasswordSource::Command(other)) => one == other,
            // There is one variable for it.
            (PasswordSource::Value(_), PasswordSource::Value(_)) => true,
            (PasswordSource::Stdin, PasswordSource::Stdin) | (PasswordSource::Prompt, PasswordSource::Prompt) => true,
            _ => false,
        }
    }

    /// Reads the password; one line end after it is not part of it. A signal leaves a prompt at once.
    pub fn read(&self, owner: Owner<'_>, interruption: &Interruption) -> Result<Secret, Problem> {
        let text = match self {
            PasswordSource::Value(secret) => return Ok(secret.clone()),
            PasswordSource::File(file) => {
                warn_if_readable_by_all(file);
                let fail = |error: FileError| {
                    Problem::usage(format!("cannot read the password file {}: {error}", file.display()))
                };
                bounded(std::fs::File::open(file).map_err(|error| fail(error.into()))?).map_err(fail)?
            }
            PasswordSource::Stdin => {
                let fail =
                    |error: FileError| Problem::usage(format!("cannot read the password from standard input: {error}"));
                bounded(std::io::stdin().lock()).map_err(fail)?
            }
            // Either may ask the user to unlock something, and takes its time.
            PasswordSource::Command(words) => interruption.in_prompt(|| command::read(words))?,
            PasswordSource::Keyring => interruption.in_prompt(|| keyring::read(owner))?,
            PasswordSource::Prompt if is_interactive() => {
                let prompt = printable(&shortened(&format!("Password of {owner}: "), WIDEST * 2));
                return interruption
                    .in_prompt(|| rpassword::prompt_password(prompt))
                    .map(Secret::from)
                    .map_err(|error| Problem::usage(format!("cannot read the password: {error}")));
            }
            PasswordSource::Prompt => {
                return Err(Problem::usage(
                    "no password: give --password-file, --password-stdin, HVR_PASSWORD_FILE or HVR_PASSWORD, or \
                     password_command in a profile (there is no terminal to ask on)",
                ));
            }
        };
        let line = text.strip_suffix("\r\n").or(text.strip_suffix('\n')).unwrap_or(&text);
        match (line.is_empty(), line.contains('\0')) {
            (true, _) => Err(Problem::usage("the password is empty")),
            // Nobody can type one, and a try with it counts towards a lock-out.
            (_, true) => Err(Problem::usage(
                "the password holds a NUL character, so what was read is no password, or its encoding is not known: \
                 save it as UTF-8",
            )),
            (false, false) => Ok(Secret::from(line)),
        }
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::User { user, host } => write!(f, "{user} on {host}"),
            Owner::Key(file) => write!(f, "the key in {}", file.display()),
        }
    }
}

/// The one source that is named. Which of two is meant is not for this program to guess: each wrong password counts
/// towards a lock-out.
fn only<'n>(
    named: impl IntoIterator<Item = (Option<PasswordSource>, &'n str)>,
    names: &str,
) -> Result<Option<(PasswordSource, String)>, Problem> {
    let mut named = named.into_iter().filter_map(|(source, name)| Some((source?, name.to_owned())));
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => Err(Problem::usage(format!("{names} exclude each other: set one"))),
        (source, _) => Ok(source),
    }
}

/// No password is longer than this; a mistaken file may be.
const LONGEST: usize = 64 * 1024;

/// Reads into pieces of memory that never move, so that no copy of a part stays behind. A byte order mark, which editors
/// and PowerShell put before a text unasked, is no part of the password.
fn bounded(from: impl Read) -> Result<Zeroizing<String>, FileError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    from.take(u64::try_from(LONGEST + 1).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    match bytes.len() > LONGEST {
        true => Err(FileError::TooLarge(LONGEST)),
        false => Ok(decoded(&bytes)?),
    }
}

/// The text of a password, in the encodings that [`text::read`] knows.
fn decoded(bytes: &[u8]) -> Result<Zeroizing<String>, TextError> {
    Ok(Zeroizing::new(text::read(bytes)?.into_owned()))
}

#[cfg(unix)]
fn warn_if_readable_by_all(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o004 != 0) {
        note(&format!("the password file {} can be read by everybody on this machine: chmod 600 it", file.display()));
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_all(_: &Path) {}
