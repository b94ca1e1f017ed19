//! How the database is made, brought up to date, and refused.

use std::fs;

use super::*;
use crate::journal::sqlite::schema::{self, STEPS};
use crate::journal::sqlite::state_dir::Place;

/// Versions that may come: a column with what older rows get, a table, new rows in it.
const LATER: &[&str] = &[
    STEPS[0],
    STEPS[1],
    "ALTER TABLE runs ADD COLUMN operator TEXT NOT NULL DEFAULT 'unknown';",
    "CREATE TABLE plans (id TEXT PRIMARY KEY, run TEXT REFERENCES runs (id)); INSERT INTO plans SELECT id, id FROM runs;",
];

fn place() -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::create(folder.path()).unwrap();
    (folder, place)
}

fn number(connection: &rusqlite::Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// The whole schema as text.
fn described(connection: &rusqlite::Connection) -> Vec<String> {
    let sql = "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master ORDER BY 1";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_new_journal_is_durable_and_says_what_it_is() {
    let (folder, place) = place();
    let connection = schema::open(&place, STEPS).unwrap();
    for (pragma, expected) in [
        ("user_version", 2),
        ("application_id", 0x6876_7231),
        ("synchronous", 2),
        ("fullfsync", 1),
        ("foreign_keys", 1),
    ] {
        assert_eq!(number(&connection, &format!("PRAGMA {pragma}")), expected, "{pragma}");
    }
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    // Again, with what is there.
    drop(connection);
    schema::open(&place, STEPS).unwrap();
    assert_eq!(number(&raw(folder.path()), "PRAGMA user_version"), 2);
    // In memory it is the same.
    assert_eq!(described(&schema::in_memory(STEPS).unwrap()), described(&raw(folder.path())));
}

#[test]
fn every_older_version_is_brought_up_to_date() {
    let (folder, newest) = place();
    drop(schema::open(&newest, LATER).unwrap());
    let newest = described(&raw(folder.path()));
    for from in 0..=LATER.len() {
        let (folder, place) = place();
        let run = record(&vm(1));
        if from == 1 {
            drop(schema::open(&place, &LATER[..from]).unwrap());
            leave_as_version_1(folder.path(), &run);
        } else if from > 1 {
            let connection = schema::open(&place, &LATER[..from]).unwrap();
            leave(&Store::over(connection, Some(place.clone()), None), &run, None);
        }
        // Reading changes nothing, and yet sees the newest form.
        let read = schema::open_read_only(&place, LATER).unwrap();
        assert_eq!(read.is_some(), from > 0);
        if let Some(read) = read {
            assert_eq!((described(&read), number(&read, "SELECT count(*) FROM calls")), (newest.clone(), 1));
            assert_eq!(number(&raw(folder.path()), "PRAGMA user_version"), i64::try_from(from).unwrap());
        }
        let connection = schema::open(&place, LATER).unwrap();
        assert_eq!(
            (described(&connection), number(&connection, "PRAGMA user_version")),
            (newest.clone(), 4),
            "from {from}"
        );
        let store = Store::over(connection, Some(place), None);
        assert_eq!(store.runs(&Filter::all()).unwrap().runs.len(), usize::from(from > 0));
    }
}

/// A run with one call that was answered with a bare 503, as version 1 wrote it: a refusal.
fn leave_as_version_1(folder: &std::path::Path, run: &RunRecord) {
    let order = crate::journal::sqlite::order_json(&run.order).to_string();
    raw(folder)
        .execute(
            "INSERT INTO runs (id, kind, vm, vm_name, begun, machine, program, context, order_json, changed, revision)
             VALUES (?1, 'failover', ?2, 'app-db-01', '2026-11-25T10:01:34.000Z', 'box', '0.1.0', '', ?3,
                     '2026-11-25T10:01:35.000Z', 1)",
            rusqlite::params![run.id.as_str(), names::vm(&run.vm), order],
        )
        .unwrap();
    raw(folder)
        .execute(
            "INSERT INTO calls (run, number, step, site, host, vm, method, message_id, envelope, state_before, sent,
                                operation_timeout_ms, delivery, error, verdict)
             VALUES (?1, 1, 'fail-over', 'host', 'http://x', ?2, 'C.M', 'uuid:1', '', '', '2026-11-25T10:01:34.500Z', 60000,
                     'answered', 'not available (503)', 'failed')",
            rusqlite::params![run.id.as_str(), names::vm(&run.vm)],
        )
        .unwrap();
}

/// Version 1 took a bare status for a refusal. Of a run that is open, what came of the call is looked for; when it was
/// sent is not known but by the time of day.
#[test]
fn a_refusal_of_version_1_that_proved_nothing_is_unknown() {
    for (ending, delivery, verdict) in
        [(None, Delivery::Unknown, None), (Some("failed"), Delivery::Answered, Some(Verdict::Failed))]
    {
        let (folder, place) = place();
        let run = record(&vm(1));
        drop(schema::open(&place, &STEPS[..1]).unwrap());
        leave_as_version_1(folder.path(), &run);
        raw(folder.path()).execute("UPDATE runs SET ending = ?1", [ending]).unwrap();
        let store = Store::open(folder.path()).unwrap();
        let history = store.run(&run.id).unwrap().unwrap();
        let call = &history.calls[0];
        assert_eq!((call.outcome.as_ref().unwrap().delivery, call.verdict), (delivery, verdict), "{ending:?}");
        assert_eq!(call.intent.sent_uptime, None);
        assert_eq!(history.may_have_changed(), ending.is_none());
    }
}

#[test]
fn a_step_that_fails_leaves_the_version_before_it() {
    let (folder, place) = place();
    let broken = [LATER[0], LATER[1], LATER[2], "CREATE TABLE extra (a); INSERT INTO nowhere VALUES (1);"];
    let error = schema::open(&place, &broken).unwrap_err();
    assert!(chain(&error).contains("nowhere") && chain(&error).contains("journal.sqlite"), "{}", chain(&error));
    let left = raw(folder.path());
    assert_eq!(number(&left, "PRAGMA user_version"), 3);
    assert_eq!(number(&left, "SELECT count(*) FROM sqlite_master WHERE name = 'extra'"), 0);
    schema::open(&place, LATER).unwrap();
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let (folder, place) = place();
    drop(schema::open(&place, LATER).unwrap());
    let before = fs::read(place.database()).unwrap();
    let refused = [
        Store::open(folder.path()).unwrap_err().to_string(),
        Store::open_read_only(folder.path()).unwrap_err().to_string(),
    ];
    for text in refused {
        for word in ["version 4", "up to 2", "newer one", "journal.sqlite"] {
            assert!(text.contains(word), "{word} not in {text}");
        }
    }
    assert_eq!(fs::read(place.database()).unwrap(), before);
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    let database = |sql: &str| {
        let folder = tempfile::tempdir().unwrap();
        raw(folder.path()).execute_batch(sql).unwrap();
        fs::read(folder.path().join("journal.sqlite")).unwrap()
    };
    let cases = [
        (database("CREATE TABLE notes (a)"), "no journal of this program"),
        (database("PRAGMA user_version = 7"), "no journal of this program"),
        (database("CREATE TABLE runs (id); PRAGMA application_id = 1752592945"), "no journal of this program"),
        (b"not a database at all, but long enough to be taken for the header of one".repeat(20), "damaged"),
        (b"SQLite format 3\0".repeat(64), "damaged"),
        (vec![0; 8192], "damaged"),
    ];
    for (bytes, said) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.sqlite");
        fs::write(&path, &bytes).unwrap();
        for error in [Store::open(folder.path()).unwrap_err(), Store::open_read_only(folder.path()).unwrap_err()] {
            let text = chain(&error);
            assert!(text.contains(said) && text.contains(path.to_str().unwrap()), "{said} not in {text}");
        }
        assert!(fs::read(&path).unwrap() == bytes, "{said}: the file was changed");
    }
}

#[test]
fn a_damaged_journal_is_refused_with_what_to_do() {
    let sound = tempfile::tempdir().unwrap();
    let store = Store::open(sound.path()).unwrap();
    (0..40).for_each(|number| leave(&store, &record(&vm(number)), None));
    drop(store);
    let bytes = fs::read(sound.path().join("journal.sqlite")).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 20);
    let mut damaged = vec![bytes[..bytes.len() / 2].to_vec(), bytes[..bytes.len() - 4096].to_vec()];
    for page in 0..pages {
        let mut copy = bytes.clone();
        copy[page * 4096..page * 4096 + 200].fill(0x5a);
        damaged.push(copy);
    }
    let mut found = 0;
    for bytes in &damaged {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.sqlite");
        fs::write(&path, bytes).unwrap();
        // A page of text that runs over has no form that could be checked.
        let Err(error) = Store::open(folder.path()) else { continue };
        found += 1;
        let text = chain(&error);
        assert!(
            text.contains("damaged") && text.contains("by hand") && text.contains(path.to_str().unwrap()),
            "{text}"
        );
        assert!(fs::read(&path).unwrap() == *bytes, "the file was changed");
        assert!(Store::open_read_only(folder.path()).is_err());
    }
    assert!(found > damaged.len() * 3 / 4, "{found} of {}", damaged.len());
}

#[test]
fn many_may_make_it_at_once() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("state/hvr");
        let start = std::sync::Barrier::new(6);
        std::thread::scope(|scope| {
            for number in 0..6 {
                let (start, directory) = (&start, &directory);
                scope.spawn(move || {
                    start.wait();
                    leave(&Store::open(directory).unwrap(), &record(&vm(number)), None);
                });
            }
        });
        assert_eq!(Store::open(&directory).unwrap().runs(&Filter::open()).unwrap().runs.len(), 6);
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn it_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("a/b/hvr");
        let store = Store::open(&directory).unwrap();
        let held = take(&store, &record(&vm(1))).unwrap();
        leave(&store, &record(&vm(2)), None);
        let mut seen = 0;
        for path in ["a", "a/b", "a/b/hvr", "a/b/hvr/locks"] {
            assert_eq!(mode(&folder.path().join(path)), 0o700, "{path}");
        }
        for directory in [directory.clone(), directory.join("locks")] {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
                assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
                seen += 1;
            }
        }
        // Database, log, its index, the machine; two locks and one holder.
        assert_eq!(seen, 7);
        drop(held);
    }

    #[test]
    fn nothing_in_it_may_be_a_link() {
        let sound = tempfile::tempdir().unwrap();
        leave(&Store::open(sound.path()).unwrap(), &record(&vm(1)), None);
        let victim = tempfile::NamedTempFile::new().unwrap();
        fs::write(victim.path(), "precious").unwrap();
        // The directory itself may be named by one.
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("named");
        symlink(sound.path(), &named).unwrap();
        assert_eq!(Store::open(&named).unwrap().runs(&Filter::open()).unwrap().runs.len(), 1);

        for (name, target) in [
            ("journal.sqlite", sound.path().join("journal.sqlite")),
            ("journal.sqlite", victim.path().to_owned()),
            ("locks", sound.path().join("locks")),
            ("machine.lock", victim.path().to_owned()),
        ] {
            let folder = tempfile::tempdir().unwrap();
            symlink(target, folder.path().join(name)).unwrap();
            let text = chain(&Store::open(folder.path()).unwrap_err());
            assert!(text.contains("link") && text.contains(name), "{text}");
        }
        let store = Store::open(sound.path()).unwrap();
        let beside = |ending: &str| sound.path().join(format!("locks/{}.{ending}", vm(9).as_str().to_uppercase()));
        symlink(victim.path(), beside("lock")).unwrap();
        assert!(chain(&take(&store, &record(&vm(9))).unwrap_err()).contains("link"));
        fs::remove_file(beside("lock")).unwrap();
        symlink(victim.path(), beside("holder")).unwrap();
        symlink(victim.path(), beside("holder.new")).unwrap();
        take(&store, &record(&vm(9))).unwrap();
        assert_eq!(fs::read_to_string(victim.path()).unwrap(), "precious");
    }

    #[test]
    fn a_directory_that_is_everybodys_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let text = Store::open(folder.path()).unwrap_err().to_string();
        assert!(text.contains("everybody") && text.contains("chmod o-w"), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        Store::open(&folder.path().join("below")).unwrap();
    }
}

/// A process may die before it has changed to a write-ahead log: what it wrote by then lies beside a log to take it back.
#[test]
fn what_died_while_the_journal_was_made_hides_nothing_from_a_reader() {
    let (dying, _) = place();
    let (folder, left) = place();
    let writer = raw(dying.path());
    writer.execute_batch("PRAGMA cache_size = 1; BEGIN; CREATE TABLE half (text); CREATE TABLE made (text)").unwrap();
    for table in ["half", "made"].repeat(50) {
        writer.execute(&format!("INSERT INTO {table} VALUES (?1)"), ["x".repeat(3000)]).unwrap();
    }
    for name in ["journal.sqlite", "journal.sqlite-journal"] {
        fs::copy(dying.path().join(name), folder.path().join(name)).unwrap();
    }
    assert!(fs::metadata(left.database()).unwrap().len() > 4096, "nothing was written half");
    assert!(Store::open_read_only(folder.path()).unwrap().is_none());
    assert!(Store::open(folder.path()).unwrap().runs(&Filter::all()).unwrap().runs.is_empty());
}
