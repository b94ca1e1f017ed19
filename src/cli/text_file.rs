//! Every text file that a person names comes in here: bounded, and in whatever encoding an editor of Windows left it.
//!
//! Passwords alone are read apart ([`super::password`]), for what is read of them is wiped.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::text::{self, Encoding, TextError};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened or read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is larger than anything it could be.
    #[error("it has more than {0} bytes, which is more than is read")]
    TooLarge(usize),
    /// It is no text.
    #[error(transparent)]
    Text(#[from] TextError),
}

/// The text of a file, or of standard input for `-`.
pub fn read(file: &Path, most: usize) -> Result<String, FileError> {
    text::read(&bytes(file, most)?).map(Cow::into_owned).map_err(FileError::from)
}

/// The same for a file that may be older than Unicode, with the encoding it was taken to be in.
pub fn read_legacy(file: &Path, most: usize) -> Result<(String, Encoding), FileError> {
    let bytes = bytes(file, most)?;
    let (text, encoding) = text::read_legacy(&bytes)?;
    Ok((text.into_owned(), encoding))
}

/// The bytes of a file, or of standard input for `-`, for a reader that looks at the encoding itself.
pub fn bytes(file: &Path, most: usize) -> Result<Vec<u8>, FileError> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    match file == Path::new("-") {
        true => io::stdin().lock().take(limit).read_to_end(&mut bytes)?,
        false => File::open(file)?.take(limit).read_to_end(&mut bytes)?,
    };
    match bytes.len() > most {
        true => Err(FileError::TooLarge(most)),
        false => Ok(bytes),
    }
}

/// More than any scenario or configuration has.
pub const MOST_SETTINGS: usize = 16 << 20;
/// More than any certificate, chain or key has.
pub const MOST_CERTIFICATES: usize = 16 << 20;
