//! The shape of the source tree: imports go down only, files stay small, fixtures say where they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hyperv_replica::evidence::ASSUMPTIONS;

/// Each layer and the layers it may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("xml", &[]),
    ("cim", &["xml"]),
    ("soap", &["xml"]),
    ("wsman", &["soap", "cim", "xml"]),
    ("auth", &[]),
    ("transport", &["wsman", "auth"]),
    ("trace", &["wsman", "soap", "xml"]),
    ("capture", &["trace", "auth", "wsman"]),
    // `xml` for a class declaration of a host, which is no instance.
    ("hyperv", &["wsman", "cim", "xml"]),
    // `soap` for the code of a fault that decides whether a call was refused.
    ("failover", &["hyperv", "wsman", "cim", "soap"]),
    ("journal", &["failover", "hyperv", "wsman", "cim"]),
    ("evidence", &["hyperv", "wsman", "cim", "xml"]),
    ("simulator", &["wsman", "cim", "soap", "xml", "hyperv", "auth"]),
    ("manual", &[]),
    ("cli", ABOVE_ALL),
];

/// What the command line stands on: everything.
const ABOVE_ALL: &[&str] = &[
    "capture",
    "journal",
    "evidence",
    "failover",
    "hyperv",
    "wsman",
    "cim",
    "soap",
    "xml",
    "auth",
    "transport",
    "trace",
    "simulator",
    "manual",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(under: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![under.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The code of a file without comments, doc examples and strings would be best; lines that begin with `//` are enough.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs")
    })
}

#[test]
fn every_module_is_a_layer() {
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(LAYERS.iter().any(|(layer, _)| *layer == name), "src/{name} is in no layer");
        }
    }
}

#[test]
fn imports_go_down_only() {
    let mut seen = 0;
    for (layer, allowed) in LAYERS {
        for path in files(&root().join("src").join(layer), "rs").into_iter().filter(|path| !is_test(path)) {
            let text = code(&path);
            for (other, _) in LAYERS.iter().filter(|(other, _)| other != layer) {
                let used = text.contains(&format!("crate::{other}::")) || text.contains(&format!("crate::{other};"));
                seen += usize::from(used);
                assert!(!used || allowed.contains(other), "{} uses crate::{other}", path.display());
            }
        }
    }
    assert!(seen > 20, "the search finds too few imports ({seen}) to be believed");
}

#[test]
fn the_core_does_no_io() {
    const FORBIDDEN: &[&str] =
        &["Instant::now", "SystemTime::now", "std::fs", "std::env", "std::net", "tokio::", "getrandom"];
    for layer in ["xml", "cim", "soap", "wsman"] {
        for path in files(&root().join("src").join(layer), "rs").into_iter().filter(|path| !is_test(path)) {
            let text = code(&path);
            for word in FORBIDDEN {
                assert!(!text.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn only_one_layer_names_the_xml_parser() {
    for path in files(&root().join("src"), "rs") {
        let inside = path.starts_with(root().join("src/xml"));
        assert!(inside || !code(&path).contains("quick_xml"), "{} names quick_xml", path.display());
    }
}

/// The functions of the system's Kerberos library, opened at run time.
#[test]
fn one_module_is_unsafe() {
    let uses = |path: &PathBuf| {
        ["unsafe_code", "unsafe {", "unsafe impl", "unsafe fn"].iter().any(|word| code(path).contains(word))
    };
    let found: Vec<_> = files(&root().join("src"), "rs").into_iter().filter(uses).collect();
    let module = root().join("src/auth/kerberos");
    assert_eq!(found, ["library/raw.rs", "library/secur32.rs", "library.rs"].map(|file| module.join(file)));
}

#[test]
fn files_stay_readable() {
    for path in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!") || is_test(&path), "{} has no header that says what it does", path.display());
        // A state machine that is one concept may be long; nothing may be longer than this.
        let lines = text.lines().count();
        assert!(lines <= 700, "{} has {lines} lines", path.display());
    }
}

/// The ids of assumptions in a text: `E01`.
fn marks(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_mark = |word: &&str| {
        word.len() == 3 && word.starts_with('E') && word.chars().skip(1).all(|digit| digit.is_ascii_digit())
    };
    words.filter(is_mark).map(str::to_owned).collect()
}

/// What the code only infers is in the table of assumptions, or says that no question is asked about it; and what is in
/// the table points at places that point back.
#[test]
fn what_is_inferred_is_in_the_table_of_assumptions() {
    let evidence = root().join("src/evidence");
    let mut marked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files(&root().join("src"), "rs").into_iter().chain(files(&root().join("schemas/cim"), "mof")) {
        if path.starts_with(&evidence) || is_test(&path) {
            continue;
        }
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        let comments = text.lines().filter_map(|line| line.split_once("//").map(|(_, comment)| comment));
        for comment in comments {
            let lower = comment.to_lowercase();
            for (at, word) in lower.match_indices("inferred").filter(|_| name.ends_with(".rs")) {
                let rest = &comment[at + word.len()..];
                let rest = rest.strip_prefix(" (").or(rest.strip_prefix(", ")).unwrap_or("");
                let is_marked = rest.starts_with("not asked") || rest.get(..3).is_some_and(|id| marks(id).len() == 1);
                assert!(is_marked, "{name}: neither an id of the table nor \"not asked\" behind it: {comment}");
            }
            for id in marks(comment) {
                marked.entry(id).or_default().insert(name.clone());
            }
        }
    }
    let told: BTreeMap<String, BTreeSet<String>> = ASSUMPTIONS
        .iter()
        .map(|one| (one.id.to_owned(), one.relied_on.iter().map(|file| (*file).to_owned()).collect()))
        .collect();
    assert_eq!(marked, told, "marks in comments, and the files that the table names");
}

#[test]
fn fixtures_say_where_they_come_from() {
    let data = root().join("tests/data");
    let mut seen = 0;
    for origin in ["recorded", "published", "inferred"] {
        let folder = data.join(origin);
        if !folder.exists() {
            continue;
        }
        for path in files(&folder, "xml") {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("<!--"), "{} has no origin header", path.display());
            seen += 1;
        }
    }
    assert!(seen > 5, "only {seen} fixtures");
}
