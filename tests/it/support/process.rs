//! Programs that tests start: which there may be, and how each of them ends.

use std::ffi::OsString;
use std::io::Read;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, Output};

/// The programs that a test may need beside the product, and why. Every one of them is on the smallest Debian that has
/// Rust and a C compiler. Commands under test find no other: what needs one fails everywhere, not only there.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("sh", "the manual, scripts that the product writes, and limits of a process are a shell's"),
    ("setsid", "gives a process a terminal of its own; the system's call for it is unsafe in a child (util-linux)"),
    ("cat", "the shortest program that writes a password, and the shell form's here-documents (coreutils)"),
    ("true", "a program that writes no password (coreutils)"),
    ("sed", "edits an envelope on a page of the manual"),
    ("grep", "looks through a recording on a page of the manual"),
];

/// What asks a process to end in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
    HangUp,
}

/// A program that runs. It is killed and waited for when it is dropped, and so when a test panics.
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Running {
        Running(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Sends a signal. One that has ended takes none.
    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        use rustix::process::Signal as System;
        let signal = match signal {
            Signal::Interrupt => System::INT,
            Signal::Terminate => System::TERM,
            Signal::HangUp => System::HUP,
        };
        match rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => panic!("{signal:?}: {error}"),
        }
    }

    #[cfg(not(unix))]
    pub fn signal(&self, signal: Signal) {
        panic!("{signal:?}: this system has no signals");
    }

    /// Waits for its end; gives what it wrote to pipes that nobody has taken.
    pub fn output(mut self) -> Output {
        drop(self.stdin.take());
        let out = listen(self.stdout.take());
        let err = listen(self.stderr.take());
        let status = self.wait().unwrap();
        Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
    }
}

fn listen(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.map(|mut pipe| pipe.read_to_end(&mut bytes).unwrap());
        bytes
    })
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = self.wait();
    }
}

/// A `PATH` with the product and the programs that tests may need, and nothing else.
#[cfg(unix)]
pub fn path() -> OsString {
    static PATH: std::sync::OnceLock<OsString> = std::sync::OnceLock::new();
    let folder = || {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("programs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let link = |name: &str, program: &std::path::Path| {
            std::os::unix::fs::symlink(program, folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        };
        link("hvr", std::path::Path::new(env!("CARGO_BIN_EXE_hvr")));
        let all = std::env::var_os("PATH").unwrap();
        for (name, _) in PROGRAMS {
            let found = std::env::split_paths(&all).map(|folder| folder.join(name)).find(|program| program.is_file());
            // Without it, what needs it says so.
            if let Some(program) = found {
                link(name, &program);
            }
        }
        folder.into()
    };
    PATH.get_or_init(folder).clone()
}

/// What is in `PATH` is not looked at here.
#[cfg(not(unix))]
pub fn path() -> OsString {
    std::env::var_os("PATH").unwrap()
}

#[test]
fn a_program_ends_with_the_test_that_panics() {
    let mut id = 0;
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut command = crate::cli::hvr(&["simulate"]);
        let host = Running::start(command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()));
        id = host.id();
        panic!("as a failed assertion does");
    }));
    assert!(panics.is_err() && id > 0);
    #[cfg(unix)]
    {
        let id = rustix::process::Pid::from_raw(id.try_into().unwrap()).unwrap();
        assert_eq!(rustix::process::test_kill_process(id), Err(rustix::io::Errno::SRCH));
    }
}
