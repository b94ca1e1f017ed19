//! Class declarations from files: those that come with the program, those of the user, and what these include.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::cim::mof::{self, Item};
use crate::cim::schema::Schema;

use super::problem::Problem;

/// The declarations that come with the program, and those of files; of two with one name the later one holds.
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
    Ok(schema)
}

/// Files read so far, each once, what they include before them.
#[derive(Default)]
struct Collected {
    texts: Vec<(String, String)>,
    seen: HashSet<PathBuf>,
    bytes: usize,
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
        let mut bytes = Vec::new();
        let limit = u64::try_from(mof::MAX_INPUT).unwrap_or(u64::MAX).saturating_add(1);
        let opened = File::open(file).map_err(|error| fail(error.to_string()))?;
        opened.take(limit).read_to_end(&mut bytes).map_err(|error| fail(error.to_string()))?;
        self.bytes += bytes.len();
        if self.bytes > MOST_BYTES {
            return Err(fail(format!("all files together have more than {MOST_BYTES} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|_| fail("it is not UTF-8".to_owned()))?;
        for included in includes(&text) {
            // As MOF compilers look for it: beside the file that includes it.
            let path = file.parent().unwrap_or(Path::new("")).join(included.replace('\\', "/"));
            self.read(&path, depth + 1).map_err(|problem| Problem {
                message: format!("{} (included by {name})", problem.message),
                ..problem
            })?;
        }
        self.texts.push((name, text));
        Ok(())
    }
}

/// What a text includes; none where it cannot be read, which is said when its classes are added.
fn includes(text: &str) -> Vec<String> {
    // Nearly every file includes nothing, and reading it twice would cost as much again.
    if !text.to_ascii_lowercase().contains("include") {
        return Vec::new();
    }
    let Ok(document) = mof::read(text) else { return Vec::new() };
    let pragmas = document.items.iter().filter_map(|item| match item {
        Item::Pragma(pragma) if pragma.name.eq_ignore_ascii_case("include") => pragma.arguments.first(),
        _ => None,
    });
    pragmas.filter_map(|file| file.as_text().map(str::to_owned)).collect()
}

/// The DMTF schema is a thousand files, included by a few.
const MOST_FILES: usize = 10_000;
const MOST_DEPTH: usize = 8;
const MOST_BYTES: usize = 256 << 20;
