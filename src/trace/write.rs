//! Writing a HAR file that is whole after every step.
//!
//! The file always ends in what closes it. A new entry is written over that end, together with a new end, in one
//! write: whoever kills the program finds a file that any HAR reader takes. A message that is still under way stands
//! in it as pending and is written over when its answer comes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::TraceError;
use super::har::Entry;

/// A HAR file under construction.
#[derive(Debug)]
pub(super) struct HarFile {
    store: Store,
    /// Where the part that may change begins: behind the last finished entry; 0 before the first is written.
    tail: u64,
    finished: u64,
}

#[derive(Debug)]
enum Store {
    File(File, PathBuf),
    /// In place of what has this name, once there is something to write.
    Later(PathBuf),
    Memory(Vec<u8>),
}

impl HarFile {
    /// Begins a file, for its owner only. An existing recording stays until there is something to put in its place, and
    /// then a new file takes its name: neither its mode, nor its owner, nor who has it open, nor where a link leads, decides
    /// who reads what is recorded. Any other file stays for good.
    pub(super) fn create(path: &Path) -> Result<Self, TraceError> {
        let is_link = match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::begin(Store::File(private_file(path)?, path.to_owned()))?);
            }
            there => {
                let there = there?;
                // A pipe would be waited for, and a device keeps nothing.
                if !there.is_file() && !there.is_symlink() {
                    return Err(TraceError::NotOurs);
                }
                there.is_symlink()
            }
        };
        let mut start = Vec::new();
        if !is_link {
            File::open(path)?.take(256).read_to_end(&mut start)?;
        }
        let is_har = start.trim_ascii_start().starts_with(b"{") && start.windows(5).any(|word| word == b"\"log\"");
        if !start.trim_ascii().is_empty() && !is_har {
            return Err(TraceError::NotOurs);
        }
        // Whether one can be made beside it is to be known before anything is sent.
        let (_, probe) = beside(path)?;
        std::fs::remove_file(probe)?;
        Ok(HarFile { store: Store::Later(path.to_owned()), tail: 0, finished: 0 })
    }

    /// Begins one in memory.
    pub(super) fn in_memory() -> Self {
        // Nothing can fail in memory; were it so, the next write would say it.
        Self::begin(Store::Memory(Vec::new())).unwrap_or(HarFile {
            store: Store::Memory(Vec::new()),
            tail: 0,
            finished: 0,
        })
    }

    fn begin(store: Store) -> io::Result<Self> {
        let head = head();
        let mut file = HarFile { store, tail: 0, finished: 0 };
        file.put(0, head.as_bytes())?;
        file.tail = u64::try_from(head.len()).unwrap_or(u64::MAX);
        Ok(file)
    }

    /// Makes room for the first entry.
    fn prepare(&mut self) -> io::Result<()> {
        let Store::Later(path) = &self.store else { return Ok(()) };
        let path = path.clone();
        let (file, new) = beside(&path)?;
        let begun = Self::begin(Store::File(file, path.clone()));
        match begun.and_then(|begun| std::fs::rename(&new, &path).map(|()| begun)) {
            Ok(begun) => *self = begun,
            Err(error) => {
                let _ = std::fs::remove_file(&new);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Adds finished entries, and puts the pending ones behind them.
    pub(super) fn write(&mut self, finished: &[Entry], pending: &[&Entry]) -> io::Result<()> {
        self.prepare()?;
        let mut text = Vec::new();
        for entry in finished {
            self.entry(&mut text, entry)?;
            self.finished += 1;
        }
        let solid = text.len();
        for (before, entry) in (self.finished..).zip(pending) {
            text.extend_from_slice(separator(before));
            serde_json::to_writer(&mut text, entry)?;
        }
        let at = self.tail;
        self.put(at, &text)?;
        self.tail = at.saturating_add(u64::try_from(solid).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Writes all entries anew, through `change`; a file is replaced as a whole.
    pub(super) fn rewrite(&mut self, change: impl FnMut(&mut Entry), pending: &[&Entry]) -> Result<(), TraceError> {
        self.prepare()?;
        let bytes = self.finished_bytes()?;
        let (store, new) = match &self.store {
            Store::Memory(_) | Store::Later(_) => (Store::Memory(Vec::new()), None),
            Store::File(_, path) => {
                let (file, new) = beside(path)?;
                (Store::File(file, path.clone()), Some(new))
            }
        };
        let rewritten = self.rewritten(store, bytes, change, pending);
        let anew = match (rewritten, new) {
            (Ok(anew), Some(new)) => {
                let path = match &anew.store {
                    Store::File(_, path) => path.clone(),
                    _ => PathBuf::new(),
                };
                // Not every Windows replaces a file that is open.
                self.store = Store::Memory(Vec::new());
                if let Err(error) = std::fs::rename(&new, &path) {
                    let _ = std::fs::remove_file(&new);
                    let old = OpenOptions::new().read(true).write(true).open(&path)?;
                    self.store = Store::File(old, path);
                    return Err(error.into());
                }
                anew
            }
            (rewritten, new) => {
                if let (Err(_), Some(new)) = (&rewritten, new) {
                    let _ = std::fs::remove_file(new);
                }
                rewritten?
            }
        };
        *self = anew;
        Ok(())
    }

    fn rewritten(
        &self,
        store: Store,
        bytes: Vec<u8>,
        mut change: impl FnMut(&mut Entry),
        pending: &[&Entry],
    ) -> Result<Self, TraceError> {
        let mut anew = Self::begin(store)?;
        let mut failed = None;
        super::read::for_each_entry(bytes.as_slice(), |mut entry| {
            change(&mut entry);
            failed = anew.write(&[entry], &[]).err();
            if failed.is_some() { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        anew.write(&[], pending)?;
        Ok(anew)
    }

    /// How many entries are finished.
    pub(super) fn finished(&self) -> u64 {
        self.finished
    }

    /// The file as it is, pending entries left out.
    pub(super) fn finished_bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = match &mut self.store {
            // What is in the file is of another recording.
            Store::Later(_) => return Ok([head().as_bytes(), END].concat()),
            Store::Memory(bytes) => bytes.clone(),
            Store::File(file, _) => {
                file.seek(SeekFrom::Start(0))?;
                let mut bytes = Vec::new();
                file.take(self.tail).read_to_end(&mut bytes)?;
                bytes
            }
        };
        bytes.truncate(usize::try_from(self.tail).unwrap_or(usize::MAX));
        bytes.extend_from_slice(END);
        Ok(bytes)
    }

    fn entry(&self, to: &mut Vec<u8>, entry: &Entry) -> io::Result<()> {
        to.extend_from_slice(separator(self.finished));
        Ok(serde_json::to_writer(to, entry)?)
    }

    /// Writes text and end from here on, in one write, and cuts off what is left of the old end.
    fn put(&mut self, at: u64, text: &[u8]) -> io::Result<()> {
        let whole = [text, END].concat();
        match &mut self.store {
            Store::Later(path) => return Err(io::Error::other(format!("{} is not begun", path.display()))),
            Store::Memory(bytes) => {
                bytes.truncate(usize::try_from(at).unwrap_or(usize::MAX));
                bytes.extend_from_slice(&whole);
            }
            Store::File(file, _) => {
                let length = at.saturating_add(u64::try_from(whole.len()).unwrap_or(u64::MAX));
                let old = file.metadata()?.len();
                // A shorter end must not leave a piece of the longer one behind it: blanks do no harm to JSON.
                let padding = usize::try_from(old.saturating_sub(length)).unwrap_or(0);
                let padded = [whole.as_slice(), &vec![b' '; padding]].concat();
                file.seek(SeekFrom::Start(at))?;
                file.write_all(&padded)?;
                if padding > 0 {
                    file.set_len(length)?;
                }
            }
        }
        Ok(())
    }
}

fn head() -> String {
    let creator = json!({ "name": "hyperv-replica", "version": env!("CARGO_PKG_VERSION") });
    format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[")
}

fn separator(entries_before: u64) -> &'static [u8] {
    if entries_before == 0 { b"\n" } else { b",\n" }
}

/// A new file in the same directory, where a rename is one step, and its path.
fn beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    let mut number = 0;
    loop {
        let new = path.with_file_name(format!(".{name}.{}-{number}.new", std::process::id()));
        match private_file(&new) {
            // Left behind by a process of the same number, or laid there by somebody: neither is written to.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 100 => number += 1,
            made => return Ok((made?, new)),
        }
    }
}

/// A file that did not exist before, for its owner only; no link is followed.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

const END: &[u8] = b"\n]}}\n";

#[cfg(test)]
mod tests {
    use super::super::read::Trace;
    use super::*;

    fn entry(url: &str) -> Entry {
        let mut entry = Entry::default();
        entry.request.url = url.to_owned();
        entry
    }

    fn urls(path: &Path) -> Vec<String> {
        Trace::open(path).unwrap().entries.into_iter().map(|entry| entry.request.url).collect()
    }

    #[test]
    fn whole_after_every_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.har");
        let mut file = HarFile::create(&path).unwrap();
        assert!(urls(&path).is_empty());
        file.write(&[], &[&entry("pending, and longer than the finished one")]).unwrap();
        assert_eq!(urls(&path).len(), 1);
        file.write(&[entry("1")], &[]).unwrap();
        assert_eq!(urls(&path), ["1"]);
        file.write(&[entry("2"), entry("3")], &[&entry("p"), &entry("q")]).unwrap();
        assert_eq!(urls(&path), ["1", "2", "3", "p", "q"]);
        file.rewrite(|entry| entry.request.url.push('!'), &[&entry("p")]).unwrap();
        assert_eq!(urls(&path), ["1!", "2!", "3!", "p"]);
        file.write(&[entry("4")], &[]).unwrap();
        assert_eq!(urls(&path), ["1!", "2!", "3!", "4"]);
        assert!(std::fs::read_dir(folder.path()).unwrap().count() == 1);
    }

    #[test]
    fn another_file_is_not_overwritten_and_a_recording_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "dear diary").unwrap();
        assert!(matches!(HarFile::create(&path), Err(TraceError::NotOurs)));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear diary");
        let path = folder.path().join("a.har");
        HarFile::create(&path).unwrap().write(&[entry("old")], &[]).unwrap();
        // Only for another recording, not for none.
        let mut file = HarFile::create(&path).unwrap();
        assert_eq!(urls(&path), ["old"]);
        file.write(&[], &[&entry("new")]).unwrap();
        assert_eq!(urls(&path), ["new"]);
    }

    /// Whoever may read the old file, or has it open, or made the link, sees nothing of the new recording.
    #[cfg(unix)]
    #[test]
    fn a_recording_takes_nothing_over_from_what_had_its_name() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
        let path = folder.path().join("old.har");
        HarFile::create(&path).unwrap().write(&[entry("old")], &[]).unwrap();
        assert_eq!(mode(&path), 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        let mut open = File::open(&path).unwrap();
        let hard = folder.path().join("hard.har");
        std::fs::hard_link(&path, &hard).unwrap();
        HarFile::create(&path).unwrap().write(&[entry("new")], &[]).unwrap();
        assert_eq!((urls(&path), mode(&path)), (vec!["new".to_owned()], 0o600));
        let mut seen = String::new();
        open.read_to_string(&mut seen).unwrap();
        assert!(seen.contains("old") && !seen.contains("new"), "{seen}");
        assert_eq!(urls(&hard), ["old"]);

        // An empty file that waits with the rights of everybody, too.
        let path = folder.path().join("empty.har");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        let before = std::fs::metadata(&path).unwrap().ino();
        HarFile::create(&path).unwrap().write(&[entry("new")], &[]).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_ne!(std::fs::metadata(&path).unwrap().ino(), before);

        // A link is replaced, wherever it leads: to a recording, or to nothing yet.
        for (name, target) in [("to.har", "old.har"), ("nowhere.har", "made.har")] {
            let (path, target) = (folder.path().join(name), folder.path().join(target));
            symlink(&target, &path).unwrap();
            let before = std::fs::read(&target).ok();
            let mut file = HarFile::create(&path).unwrap();
            file.write(&[entry("new")], &[]).unwrap();
            file.rewrite(|entry| entry.request.url.push('!'), &[]).unwrap();
            assert_eq!((urls(&path), mode(&path)), (vec!["new!".to_owned()], 0o600));
            assert!(!std::fs::symlink_metadata(&path).unwrap().is_symlink());
            assert_eq!(std::fs::read(&target).ok(), before);
        }
        // And nothing is left beside.
        let names = || std::fs::read_dir(folder.path()).unwrap().map(|found| found.unwrap().file_name());
        assert!(names().all(|name| !name.to_string_lossy().contains(".new")), "{:?}", names().collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_file_is_not_recorded_in() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(HarFile::create(folder.path()), Err(TraceError::NotOurs)));
        #[cfg(unix)]
        assert!(matches!(HarFile::create(Path::new("/dev/null")), Err(TraceError::NotOurs)));
    }
}
