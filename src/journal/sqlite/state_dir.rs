//! The state directory: made for its owner only, never reached through a link that somebody else can place.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::failure;
use crate::failover::journal::JournalError;

/// Name of the database in the state directory.
const DATABASE: &str = "journal.sqlite";

/// Where a journal is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// With links resolved, so that every file below it is named without one.
    directory: PathBuf,
}

impl Place {
    /// Makes the directory where it is missing, for this user only.
    ///
    /// The directory may be named through symbolic links: that is its owner's choice. What lies in it may not be one,
    /// and a directory in which everybody may write is refused, as everybody could put a journal or a lock of his own there.
    pub fn create(directory: &Path) -> Result<Place, JournalError> {
        create_private(directory).map_err(|error| failure::file("make the state directory", directory, error))?;
        let place = Place::resolve(directory)?;
        let locks = place.locks();
        create_private(&locks).map_err(|error| failure::file("make the directory for locks", &locks, error))?;
        refuse_link(&locks)?;
        create_file(&place.database())?;
        Ok(place)
    }

    /// The place of a journal that is there already.
    pub fn existing(directory: &Path) -> Result<Option<Place>, JournalError> {
        let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        match fs::metadata(directory) {
            Err(error) if missing(&error) => return Ok(None),
            Err(error) => return Err(failure::file("read the state directory", directory, error)),
            Ok(_) => {}
        }
        let place = Place::resolve(directory)?;
        match fs::symlink_metadata(place.database()) {
            Err(error) if missing(&error) => Ok(None),
            Err(error) => Err(failure::file("read the journal", &place.database(), error)),
            Ok(_) => refuse_link(&place.database()).map(|()| Some(place)),
        }
    }

    fn resolve(directory: &Path) -> Result<Place, JournalError> {
        let fail = |error| failure::file("use the state directory", directory, error);
        // On Windows a resolved path has a form that few programs show or take.
        let resolved = match cfg!(windows) {
            true => std::path::absolute(directory).map_err(fail)?,
            false => fs::canonicalize(directory).map_err(fail)?,
        };
        let data = fs::metadata(&resolved).map_err(fail)?;
        if !data.is_dir() {
            return Err(fail(io::Error::from(io::ErrorKind::NotADirectory)));
        }
        if is_writable_by_all(&data) {
            return Err(JournalError::new(format!(
                "everybody may write in the state directory {}, and so replace the journal: take that right away \
                 (chmod o-w), or name a directory below it",
                resolved.display()
            )));
        }
        Ok(Place { directory: resolved })
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    /// The directory of the locks.
    pub fn locks(&self) -> PathBuf {
        self.directory.join("locks")
    }

    /// A file in the state directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Which file a path names, to notice when it names another one later. Nothing where the system does not tell; on Windows
/// nobody can delete or replace a file that was opened as `private` does.
#[cfg(unix)]
pub(super) fn identity(data: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((data.dev(), data.ino()))
}

#[cfg(not(unix))]
pub(super) fn identity(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// Opens a small file of ours for reading and writing, and makes it where it is missing. What the path names afterwards
/// is that very file and no link.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let file = private().create(true).truncate(false).open(path)?;
    match is_named(&file, path) {
        true => Ok(file),
        false => Err(io::Error::other("the path is a link, or was replaced meanwhile")),
    }
}

/// Whether a path still names the file that was opened by it.
pub(super) fn is_named(file: &File, path: &Path) -> bool {
    let named = fs::symlink_metadata(path).and_then(|named| Ok((named, file.metadata()?)));
    named.is_ok_and(|(named, open)| !named.is_symlink() && identity(&named) == identity(&open))
}

/// Replaces a small file in one step: whoever reads it sees the old or the new text, and a link is replaced, not followed.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let _ = fs::remove_file(&new);
    io::Write::write_all(&mut private().create_new(true).open(&new)?, text.as_bytes())?;
    fs::rename(&new, path)
}

/// An empty file is an empty database. It is made here, as SQLite would let the whole group read it.
///
/// INVARIANT: a database that exists is never opened but by SQLite. On Unix, closing any descriptor of a file drops the
/// locks that this process holds on it through others, those of SQLite too.
fn create_file(database: &Path) -> Result<(), JournalError> {
    refuse_link(database)?;
    match private().create_new(true).open(database) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failure::file("make the journal", database, error)),
    }
}

fn refuse_link(path: &Path) -> Result<(), JournalError> {
    match fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink()) {
        true => Err(JournalError::new(format!(
            "{} is a symbolic link, and the journal follows none: name the directory where the file really is",
            path.display()
        ))),
        false => Ok(()),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // FILE_SHARE_READ and FILE_SHARE_WRITE, and no FILE_SHARE_DELETE.
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 1 | 2);
    options
}

/// Makes a directory and those above it, each for this user only and durable: a journal is of no use if the name of its
/// directory is lost in a power cut.
fn create_private(directory: &Path) -> io::Result<()> {
    if fs::metadata(directory).is_ok_and(|data| data.is_dir()) {
        return Ok(());
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_private(parent)?;
    }
    match builder().create(directory) {
        Ok(()) => {}
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
        Err(error) => return Err(error),
    }
    // Windows keeps names of directories by itself and opens none as a file.
    match cfg!(unix) {
        true => File::open(parent.unwrap_or(Path::new(".")))?.sync_all(),
        false => Ok(()),
    }
}

fn builder() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is no mode to set"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(unix)]
fn is_writable_by_all(data: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    data.permissions().mode() & 0o002 != 0
}

#[cfg(not(unix))]
fn is_writable_by_all(_: &fs::Metadata) -> bool {
    false
}
