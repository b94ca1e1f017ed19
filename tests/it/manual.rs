//! The manual does what it says: its commands are run, in order, in one folder.

use std::path::Path;
use std::process::Command;

use hyperv_replica::manual::PAGES;

/// The text of every `sh` block of a page.
fn blocks(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match (&mut open, line.trim()) {
            (None, "```sh") => open = Some(String::new()),
            (Some(_), "```") => found.extend(open.take()),
            (Some(block), _) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    found
}

/// Runs every block of a page, in order, in one folder.
#[cfg(unix)]
fn walk_through(page: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_hvr")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    for block in blocks(page) {
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &block]).current_dir(folder.path()).stdin(std::process::Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HVR_")) {
            shell.env_remove(name);
        }
        shell.env("PATH", &path).env("XDG_CONFIG_HOME", "/nonexistent").env_remove("HOME");
        let ran = shell.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{block}\n{said}");
    }
    folder
}

#[cfg(unix)]
#[test]
fn every_command_of_the_workbench_runs() {
    let page = include_str!("../../src/manual/workbench.md");
    assert!(blocks(page).len() > 8);
    let folder = walk_through(page);
    let answer = std::fs::read_to_string(folder.path().join("answer.json")).unwrap();
    assert!(answer.contains("\"value\": 4096"), "{answer}");
}

#[cfg(unix)]
#[test]
fn every_command_of_the_evidence_page_runs() {
    let page = include_str!("../../src/manual/evidence.md");
    assert!(blocks(page).len() > 5);
    let folder = walk_through(page);
    let text = std::fs::read_to_string(folder.path().join("evidence.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((document["kind"].as_str(), document["simulated"].as_bool()), (Some("evidence"), Some(true)));
}

#[cfg(unix)]
#[test]
fn every_command_of_the_other_pages_runs() {
    for page in PAGES.iter().filter(|page| !["workbench", "evidence"].contains(&page.topic)) {
        walk_through(page.text);
    }
}

#[test]
fn the_readme_lists_every_page() {
    let readme = include_str!("../../README.md");
    for page in PAGES {
        assert!(readme.contains(&format!("| [{}](src/manual/", page.topic)), "the README leaves {} out", page.topic);
    }
}

#[test]
fn help_prints_commands_and_pages() {
    let help = |words: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_hvr")).arg("help").args(words).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap())
    };
    for page in PAGES {
        assert_eq!(help(&[page.topic]).1, page.text);
        assert!(help(&[]).1.contains(page.about), "hvr help leaves {} out", page.topic);
    }
    assert!(help(&["test", "start"]).1.contains("Usage: hvr test start"));
    let (code, out, err) = help(&["nonsense"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("runs, login"), "{err}");
}
