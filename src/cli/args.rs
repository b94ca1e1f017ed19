//! The command line: what can be typed, nothing of what it does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::commands;
use super::exit::Exit;
use super::settings::{Auth, Layer};
use super::span::Span;
use crate::auth::Secret;

/// Fails Hyper-V Replica virtual machines over from any operating system.
///
/// Speaks WS-Management to the replica's host: no COM, no PowerShell, no agent. Try it without a host:
/// `hvr failover app-db-01 --simulate --yes`.
#[derive(Debug, Parser)]
#[command(name = "hvr", version, propagate_version = true, disable_help_subcommand = true, after_help = Exit::table(), max_term_width = 110)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands. Text above a command would stand in place of all that its arguments say of it, so those have `about`.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "what a command does stands with its arguments")]
pub enum Command {
    #[command(about = "Fail a VM over to its replica, unplanned or planned, follow the job and prove the result")]
    Failover(commands::failover::Args),
    /// Rehearse a failover with a test VM beside the running replica
    Test(commands::test::Args),
    #[command(about = "Keep a failover for good")]
    Commit(commands::commit::CommitArgs),
    #[command(about = "Undo a failover that is not committed, or the preparation of a primary")]
    Undo(commands::commit::UndoArgs),
    #[command(about = "Turn the replication of a failed-over VM round")]
    Reverse(commands::reverse::Args),
    /// Start a VM
    Start(commands::power::StartArgs),
    /// Shut a VM down, or turn it off
    Stop(commands::power::StopArgs),
    #[command(about = "Show replicated VMs: state, health, last replication, data loss if failed over now")]
    Status(commands::status::Args),
    /// Show the recovery points of a VM, newest first
    Points(commands::points::Args),
    /// Show, follow or cancel a job
    Job(commands::job::Args),
    #[command(about = "Show what the network adapters of a VM are set to after a failover")]
    Network(commands::network::Args),
    #[command(about = "Can I reach the host, log in, and fail a VM over? Changes nothing")]
    Check(commands::check::Args),
    /// Ask any class of any WS-Management service
    Wsman(commands::wsman::Args),
    /// Show class declarations: properties, methods, names of numbers, and the source of each fact
    Schema(commands::schema::Args),
    #[command(about = "Show, play back or send again a recording made with --trace; open a packet capture")]
    Trace(commands::trace::Args),
    #[command(about = "Show the certificate of a host and its pin")]
    Pin(commands::pin::Args),
    #[command(about = "What was done before, and what is still open")]
    Run(commands::run::Args),
    #[command(about = "Run a simulated Hyper-V replica host on 127.0.0.1")]
    Simulate(commands::simulate::Args),
    /// Print completions for a shell
    Completions(commands::generate::CompletionsArgs),
    /// Print the help of a command, or a page of the manual
    Help(commands::help::Args),
    /// Print the manual page of hvr or of one of its commands
    Man(commands::generate::ManArgs),
}

/// Options that every command takes. Each has an environment variable and most a key in a profile; the order is
/// flag, environment, profile, default.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct Common {
    /// Host that holds the replica: name, address, host:port or URL [env: HVR_HOST]
    #[arg(short = 'H', long, global = true, value_name = "HOST")]
    pub host: Option<String>,
    /// DOMAIN\user, user@realm or user [env: HVR_USER]
    #[arg(short, long, global = true)]
    pub user: Option<String>,
    /// Read the password from this file [env: HVR_PASSWORD_FILE; HVR_PASSWORD holds a password itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Read the password from standard input [env: HVR_PASSWORD_STDIN]
    #[arg(long, global = true, conflicts_with = "password_file", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL", hide_possible_values = true)]
    pub password_stdin: Option<bool>,
    /// Take the password from the system's keyring: service hvr:HOST or hvr, the user as typed [env: HVR_PASSWORD_KEYRING]
    #[arg(long, global = true, conflicts_with_all = ["password_file", "password_stdin"], num_args = 0..=1,
          require_equals = true, default_missing_value = "true", value_name = "BOOL", hide_possible_values = true)]
    pub password_keyring: Option<bool>,
    /// How to log in; auto takes the best that the host offers, Basic only over verified TLS [env: HVR_AUTH]
    #[arg(long, global = true, value_enum)]
    pub auth: Option<Auth>,
    /// Take Kerberos tickets with the keys in this file [env: HVR_KEYTAB]
    #[arg(long, global = true, value_name = "FILE")]
    pub keytab: Option<PathBuf>,
    /// Name of the service in its realm, taken as it is; HTTP/HOST if not said [env: HVR_SPN]
    #[arg(long, global = true, value_name = "CLASS/HOST[@REALM]")]
    pub spn: Option<String>,
    /// Let the host act as the user elsewhere, with Kerberos tickets that it is given [env: HVR_DELEGATE]
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", hide_possible_values = true)]
    pub delegate: Option<bool>,
    /// Client certificate: PEM, or PKCS#12 with its key. The password options are then for the key [env: HVR_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// Private key of the client certificate (PEM); the file of --cert if not said [env: HVR_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Go through this proxy: http://HOST:PORT (CONNECT, for https only), socks5://… or socks5h://… [env: HVR_PROXY]
    #[arg(long, global = true, value_name = "URL")]
    pub proxy: Option<String>,
    /// Go through the proxy that HTTPS_PROXY, ALL_PROXY and NO_PROXY say [env: HVR_PROXY_FROM_ENV]
    #[arg(long, global = true, conflicts_with = "proxy", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL", hide_possible_values = true)]
    pub proxy_from_env: Option<bool>,
    /// Plain HTTP on port 5985, every message sealed; the default is HTTPS on 5986 [env: HVR_HTTP]
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", hide_possible_values = true)]
    pub http: Option<bool>,
    /// Trust the certificate authorities in this file, and no others [env: HVR_CA]
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Trust exactly the certificate with this SHA-256 fingerprint [env: HVR_PIN_SHA256]
    #[arg(long, global = true, value_name = "HEX")]
    pub pin_sha256: Option<String>,
    /// Trust any certificate: whoever sits between can read and change everything [env: HVR_INSECURE]
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", hide_possible_values = true)]
    pub insecure: Option<bool>,
    /// Profile of the configuration file to use [env: HVR_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Deadline of the whole command: 90s, 10m, 1h30m [env: HVR_TIMEOUT]
    #[arg(long, global = true, value_name = "DURATION")]
    pub timeout: Option<Span>,
    /// How long the host may work on one request; 60s if not said [env: HVR_OPERATION_TIMEOUT]
    #[arg(long, global = true, value_name = "DURATION")]
    pub operation_timeout: Option<Span>,
    /// Language of the host's texts, such as de-DE [env: HVR_LOCALE]
    #[arg(long, global = true, value_name = "LANGUAGE")]
    pub locale: Option<String>,
    /// Use a simulated host in place of the network [env: HVR_SIMULATE]
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", hide_possible_values = true)]
    pub simulate: Option<bool>,
    /// Scenario file of the simulated host [env: HVR_SCENARIO]
    #[arg(long, global = true, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Record every message in this HAR file, in clear, secrets taken out [env: HVR_TRACE]
    #[arg(long, global = true, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Replace names of hosts, VMs and users, addresses and GUIDs in what is recorded [env: HVR_ANONYMISE]
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", hide_possible_values = true)]
    pub anonymise: Option<bool>,
    /// Directory of the journal; $XDG_STATE_HOME/hvr if not said [env: HVR_STATE]
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Form of the output [env: HVR_OUTPUT]
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Say on standard error what happens; twice for more [env: HVR_VERBOSE]
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line, as it happens.
    Jsonl,
    /// Metrics for Prometheus; `status` alone has them.
    Prometheus,
}

impl Common {
    /// What the flags say, in the form in which environment and profile say it too.
    pub fn layer(&self) -> Layer {
        Layer {
            host: self.host.clone(),
            user: self.user.clone(),
            password_file: self.password_file.clone(),
            password_command: None,
            password_keyring: self.password_keyring,
            auth: self.auth,
            keytab: self.keytab.clone(),
            spn: self.spn.clone(),
            delegate: self.delegate,
            cert: self.cert.clone(),
            key: self.key.clone(),
            proxy: self.proxy.as_deref().map(Secret::from),
            proxy_from_env: self.proxy_from_env,
            http: self.http,
            ca: self.ca.clone(),
            pin_sha256: self.pin_sha256.clone(),
            insecure: self.insecure,
            timeout: self.timeout,
            operation_timeout: self.operation_timeout,
            locale: self.locale.clone(),
            state: self.state.clone(),
            output: self.output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn there_is_no_password_argument() {
        let command = Cli::command();
        let mut all = vec![&command];
        while let Some(command) = all.pop() {
            all.extend(command.get_subcommands());
            for argument in command.get_arguments() {
                let name = argument.get_long().unwrap_or("");
                assert!(
                    !name.contains("password")
                        || ["password-file", "primary-password-file", "password-stdin", "password-keyring"]
                            .contains(&name),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn switches_can_be_turned_off() {
        let cli = Cli::try_parse_from(["hvr", "status", "--http=false", "--insecure"]).unwrap();
        assert_eq!((cli.common.http, cli.common.insecure), (Some(false), Some(true)));
    }
}
