//! Class declarations from files: those that come with the program, those of the user, and what these include.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::cim::mof;
use crate::cim::schema::Schema;
use crate::text::Encoding;

use super::output::note;
use super::problem::Problem;
use super::text_file::{self, FileError};

/// The declarations that come with the program, and those of files; of two with one name the later one holds. What is
/// odd about the files, or missing, is said; it keeps nobody from using what is there.
pub fn load(files: &[PathBuf]) -> Result<Schema, Problem> {
    if files.is_empty() {
        return Ok(Schema::builtin().clone());
    }
    let mut schema = Schema::builtin().clone();
    let mut collected = Collected::default();
    for file in files {
        collected.read(file, 0)?;
    }
    let texts: Vec<_> = collected.texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    schema.add_files(&texts).map_err(|error| Problem::usage(error.to_string()))?;
    collected.notes.extend(schema.incomplete().map(|(class, base)| {
        format!(
            "{}: the class {} derives from {base}, which no file here declares: what it inherits is not known; name the \
             file of {base} with --schema, too",
            class.source.as_ref().map_or("", |source| &source.file),
            class.name,
        )
    }));
    let all = collected.notes.len();
    collected.notes.iter().take(MOST_NOTES).for_each(|text| note(&format!("note: {text}")));
    if all > MOST_NOTES {
        note(&format!("note: and {} more of the kind", all - MOST_NOTES));
    }
    Ok(schema)
}

/// Files read so far, each once, what they include before them.
#[derive(Default)]
struct Collected {
    texts: Vec<(String, String)>,
    seen: HashSet<PathBuf>,
    bytes: usize,
    notes: Vec<String>,
}

impl Collected {
    fn read(&mut self, file: &Path, depth: usize) -> Result<(), Problem> {
        let name = file.display().to_string();
        let fail = |reason: String| Problem::usage(format!("cannot read {name}: {reason}"));
        let same = std::fs::canonicalize(file).map_err(|error| fail(error.to_string()))?;
        if !self.seen.insert(same) {
            return Ok(());
        }
        if depth > MOST_DEPTH || self.seen.len() > MOST_FILES {
            return Err(fail(format!("more than {MOST_FILES} files, or included more than {MOST_DEPTH} deep")));
        }
        let (text, encoding) =
            text_file::read_legacy(file, mof::MAX_INPUT).map_err(|error: FileError| fail(error.to_string()))?;
        self.bytes += text.len();
        if self.bytes > MOST_BYTES {
            return Err(fail(format!("all files together have more than {MOST_BYTES} bytes")));
        }
        if encoding == Encoding::Windows1252 {
            self.notes
                .push(format!("{name}: it is no Unicode, and read as {encoding}: letters beyond ASCII may be others"));
        }
        for included in self.includes(&name, &text) {
            // As MOF compilers look for it: beside the file that includes it.
            match beside(file.parent().unwrap_or(Path::new("")), &included) {
                Some(path) => self.read(&path, depth + 1).map_err(|problem| Problem {
                    message: format!("{} (included by {name})", problem.message),
                    ..problem
                })?,
                None => self.notes.push(format!(
                    "{name} includes {included}, which is not there: what it declares is not known; name the file with \
                     --schema, too"
                )),
            }
        }
        self.texts.push((name, text));
        Ok(())
    }

    /// What a text includes, with notes on what is odd in it; none where it cannot be read, which is said when its
    /// classes are added.
    fn includes(&mut self, name: &str, text: &str) -> Vec<String> {
        // Nearly every file has neither, and reading it twice would cost as much again.
        if !text.contains('\\') && !text.to_ascii_lowercase().contains("include") {
            return Vec::new();
        }
        let Ok(document) = mof::read(text) else { return Vec::new() };
        self.notes.extend(document.notes.iter().map(|note| format!("{name}:{note}")));
        document.includes().map(str::to_owned).collect()
    }
}

/// The file that an include names, with the separators and the indifference to case of Windows; none where there is no
/// such file.
fn beside(folder: &Path, included: &str) -> Option<PathBuf> {
    let path = included.replace('\\', "/");
    let exact = folder.join(&path);
    if exact.exists() {
        return Some(exact);
    }
    let mut found = if path.starts_with('/') { PathBuf::from("/") } else { folder.to_owned() };
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let next = found.join(part);
        found = match part == "." || part == ".." || next.exists() {
            true => next,
            false => {
                let here = if found.as_os_str().is_empty() { Path::new(".") } else { &found };
                let names =
                    std::fs::read_dir(here).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
                // The first in order, so that the choice between two is the same everywhere.
                found.join(names.filter(|name| name.to_lowercase() == part.to_lowercase()).min()?)
            }
        };
    }
    found.is_file().then_some(found)
}

/// The DMTF schema is a thousand files, included by a few.
const MOST_FILES: usize = 10_000;
const MOST_DEPTH: usize = 8;
const MOST_BYTES: usize = 256 << 20;
/// So many notes are read; the rest are like them.
const MOST_NOTES: usize = 12;
