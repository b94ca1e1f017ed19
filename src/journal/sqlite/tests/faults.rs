//! Full disks, files that may not be written, files that go away.

use std::fs;

use super::*;
use crate::journal::sqlite::schema::{self, STEPS};
use crate::journal::sqlite::state_dir::Place;

/// A store whose file may not grow by more than so many pages.
fn narrow(directory: &Path, pages: i64) -> Store {
    let place = Place::create(directory).unwrap();
    let connection = schema::open(&place, STEPS).unwrap();
    let now: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    connection.query_row(&format!("PRAGMA max_page_count = {}", now + pages), [], |_| Ok(())).unwrap();
    Store::over(connection, Some(place), None)
}

fn counts(directory: &Path) -> (i64, i64, String) {
    let sql = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM calls)";
    let raw = raw(directory);
    let (runs, calls) = raw.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    (runs, calls, raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap())
}

#[test]
fn an_intent_without_space_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let run = record(&vm(1));
    let large = Intent { envelope: "x".repeat(20_000), ..intent(&run.vm) };
    // As the first of its run, which is not begun then.
    let store = narrow(folder.path(), 2);
    let mut journal = take(&store, &run).unwrap();
    let text = chain(&journal.intent(&large).unwrap_err());
    assert!(text.contains("no space") && text.contains(folder.path().to_str().unwrap()), "{text}");
    assert_eq!(counts(folder.path()), (0, 0, "ok".to_owned()));
    // Closing what was not begun writes nothing.
    journal.close(Some(RunEnd::NotBegun), "").unwrap();
    assert_eq!(counts(folder.path()).0, 0);
    // With space, the same run goes on.
    let small = intent(&run.vm);
    assert_eq!(journal.intent(&small).unwrap(), 1);
    // As a later one: what is there stays as it is.
    assert!(journal.intent(&large).is_err());
    assert_eq!(counts(folder.path()), (1, 1, "ok".to_owned()));
    let kept = store.run(&run.id).unwrap().unwrap();
    assert_eq!((kept.calls[0].intent.message_id.clone(), kept.end), (small.message_id, None));
}

#[test]
fn places_that_cannot_hold_a_journal_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    fs::create_dir_all(folder.path().join("state/journal.sqlite")).unwrap();
    let mut places = vec![file.clone(), file.join("below"), folder.path().join("state"), Path::new("").to_owned()];
    if cfg!(target_os = "linux") {
        places.extend(["/proc/hvr", "/dev/null"].map(Into::into));
    }
    for place in places {
        let text = chain(&Store::open(&place).unwrap_err());
        assert!(text.contains(place.to_str().unwrap()), "{text}");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "text");
}

#[test]
#[cfg(unix)]
fn what_was_deleted_or_replaced_takes_no_intent() {
    let database = |folder: &Path| folder.join("journal.sqlite");
    let spoil: [fn(&Path); 3] = [
        |folder| fs::remove_file(folder.join("journal.sqlite")).unwrap(),
        |folder| fs::rename(folder, folder.with_extension("gone")).unwrap(),
        |folder| {
            fs::rename(folder.join("journal.sqlite"), folder.join("old")).unwrap();
            fs::copy(folder.join("old"), folder.join("journal.sqlite")).unwrap();
        },
    ];
    for spoil in spoil {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("state");
        let store = Store::open(&folder).unwrap();
        let mut journal = take(&store, &record(&vm(1))).unwrap();
        journal.intent(&intent(&vm(1))).unwrap();
        spoil(&folder);
        let text = journal.intent(&intent(&vm(1))).unwrap_err().to_string();
        assert!(text.contains("deleted"), "{text}");
        let mut other = store.journal();
        let taken = other.take(&record(&vm(2)), SystemTime::now());
        let refused =
            taken.map_err(|error| error.to_string()).map(|_| other.intent(&intent(&vm(2))).unwrap_err().to_string());
        let (Ok(text) | Err(text)) = refused;
        assert!(text.contains(database(&folder).to_str().unwrap()) || text.contains("locks"), "{text}");
    }
}

/// Writes until nothing goes any more.
pub(super) fn fill(state: &Path) {
    let store = Store::open(state).unwrap();
    let run = record(&vm(1));
    let mut journal = take(&store, &run).unwrap();
    for _ in 0..1000 {
        match journal.intent(&intent(&run.vm)) {
            Ok(call) => super::processes::say(&call.to_string()),
            Err(error) => return super::processes::say(&chain(&error)),
        }
    }
}

/// A limit on the length of files is met by `write` itself, as a full disk is.
#[test]
#[cfg(unix)]
fn a_write_that_fails_half_way_leaves_no_half() {
    use super::processes::{as_child, program, said};
    let mut ends = std::collections::BTreeSet::new();
    // At other lengths, other pages are the last that fit.
    for blocks in [180, 183, 250, 301] {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let mut shell = std::process::Command::new("sh");
        // Ignored, the signal becomes an error of the write.
        shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]).arg(program());
        let output = as_child(&mut shell, "fill", folder.path()).output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        let said = said(&out);
        let (last, written) = said.split_last().unwrap();
        assert!(last.contains("journal.sqlite") && !written.is_empty(), "{said:?}");
        let (runs, calls, check) = counts(folder.path());
        assert_eq!((runs, usize::try_from(calls).unwrap(), check.as_str()), (1, written.len(), "ok"), "{said:?}");
        ends.insert(calls);
        // With space, the run is taken up.
        let store = Store::open(folder.path()).unwrap();
        let open = store.runs(&Filter::open()).unwrap().runs;
        let (mut journal, _) = store.resume(&open[0].record.id).unwrap();
        assert_eq!(usize::try_from(journal.intent(&intent(&vm(1))).unwrap()).unwrap(), written.len() + 1);
    }
    assert!(ends.len() > 1, "{ends:?}");
}

/// Tries directories in which this user may not write.
pub(super) fn closed(state: &Path) {
    for name in ["journal", "empty", "empty/below"] {
        super::processes::say(&chain(&Store::open(&state.join(name)).unwrap_err()));
    }
    match Store::open_read_only(&state.join("journal")) {
        Ok(store) => {
            let runs = store.unwrap().runs(&Filter::all()).unwrap().runs.len();
            super::processes::say(&format!("{runs} run read"));
        }
        Err(error) => super::processes::say(&chain(&error)),
    }
}

#[test]
#[cfg(unix)]
fn a_directory_without_the_right_to_write_is_refused() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    use super::processes::{as_child, program, said};
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    leave(&Store::open(&journal).unwrap(), &record(&vm(1)), None);
    fs::create_dir(folder.path().join("empty")).unwrap();
    for entry in fs::read_dir(&journal).unwrap().map(|entry| entry.unwrap().path()) {
        allow(&entry, if entry.is_dir() { 0o555 } else { 0o444 });
    }
    let is_root = fs::metadata(&journal).unwrap().uid() == 0;
    let mut child = std::process::Command::new(program());
    if is_root {
        // Nothing is forbidden to root: the child is nobody, and must be able to start the program.
        let copy = folder.path().join("program");
        fs::copy(program(), &copy).unwrap();
        child = std::process::Command::new(copy);
        child.uid(65_534).gid(65_534);
    }
    for path in [&journal, &folder.path().join("empty"), folder.path()] {
        allow(path, 0o555);
    }
    let output = as_child(&mut child, "closed", folder.path()).output().unwrap();
    allow(folder.path(), 0o755);
    allow(&journal, 0o755);
    let out = String::from_utf8(output.stdout).unwrap();
    let said = said(&out);
    assert_eq!(said.len(), 4, "{out}");
    for (text, name) in said.iter().zip(["journal", "empty", "empty/below"]) {
        assert!(text.contains(&format!("{}/{name}", folder.path().display())) && text.contains("denied"), "{text}");
    }
    assert!(said[3].contains("journal.sqlite"), "{}", said[3]);
}
