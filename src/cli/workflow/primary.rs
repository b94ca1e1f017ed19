//! The primary's host, where a command has two.

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::problem::Problem;
use crate::cli::settings::{Layer, Settings};

/// How the primary's host is reached. What is not said here is as for the host of -H.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connection of the primary")]
pub struct PrimaryArgs {
    /// Host that holds the primary: name, address, host:port or URL
    #[arg(long, value_name = "HOST")]
    pub primary: Option<String>,
    /// Its user, if another than -u
    #[arg(long, value_name = "USER", requires = "primary")]
    pub primary_user: Option<String>,
    /// Its password file, if another
    #[arg(long, value_name = "FILE", requires = "primary")]
    pub primary_password_file: Option<PathBuf>,
    /// Its certificate's SHA-256 fingerprint
    #[arg(long, value_name = "HEX", requires = "primary")]
    pub primary_pin_sha256: Option<String>,
    /// The certificate authorities for it, if others
    #[arg(long, value_name = "FILE", requires = "primary", conflicts_with = "primary_pin_sha256")]
    pub primary_ca: Option<PathBuf>,
    /// Profile of the configuration file for it, if another
    #[arg(long, value_name = "NAME")]
    pub primary_profile: Option<String>,
}

impl PrimaryArgs {
    /// Whether a primary is named.
    pub fn is_named(&self) -> bool {
        self.primary.is_some() || self.primary_profile.is_some()
    }

    /// The settings of its connection. A simulated pair needs none.
    pub fn required(&self, context: &Context) -> Result<Option<Settings>, Problem> {
        if context.settings.simulate {
            return Ok(None);
        }
        let nearer = Layer {
            host: self.primary.clone(),
            user: self.primary_user.clone(),
            password_file: self.primary_password_file.clone(),
            ca: self.primary_ca.clone(),
            pin_sha256: self.primary_pin_sha256.clone(),
            ..Layer::default()
        };
        Settings::of_primary(&context.common, nearer, self.primary_profile.clone()).map(Some)
    }
}
