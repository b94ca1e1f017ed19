//! A password that a program of the user's choice writes: a password manager, a vault's client.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::LONGEST;
use crate::cli::output::printable;
use crate::cli::problem::Problem;

/// Runs the program, without a shell and without standard input, and gives the first line it writes.
pub(super) fn read(words: &[String]) -> Result<Zeroizing<String>, Problem> {
    run(words, PATIENCE)
}

fn run(words: &[String], patience: Duration) -> Result<Zeroizing<String>, Problem> {
    let (program, arguments) =
        words.split_first().ok_or_else(|| Problem::usage("password_command is empty: it takes a program"))?;
    let fail = |what: String| Problem::usage(format!("the password command {program:?} {what}"));
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| fail(format!("cannot be started: {error}")))?;
    let deadline = Instant::now() + patience;
    let written = listen(child.stdout.take(), u64::try_from(LONGEST).unwrap_or(u64::MAX));
    let said = listen(child.stderr.take(), LONGEST_COMPLAINT);
    let late = |mut child: Child| {
        // It may have ended in between.
        let _ = child.kill();
        let _ = child.wait();
        let seconds = patience.as_secs_f32();
        fail(format!("took longer than {seconds} s, and was ended"))
    };
    let Some(status) = end_of(&mut child, deadline).map_err(|error| fail(format!("cannot be waited for: {error}")))?
    else {
        return Err(late(child));
    };
    // One that left a process of its own behind may hold the pipe open for ever.
    let Ok(written) = written.recv_timeout(deadline.saturating_duration_since(Instant::now()).max(GRACE)) else {
        return Err(fail("ended, and left a process behind that still writes".to_owned()));
    };
    if !status.success() {
        let said = said.recv_timeout(GRACE).unwrap_or_default();
        let complaint = complaint(&said, &written);
        let how = match status.code() {
            Some(code) => format!("ended with status {code}"),
            None => format!("was ended ({status})"),
        };
        return Err(fail(format!("{how}{complaint}")));
    }
    if written.len() == LONGEST {
        return Err(fail(format!("writes more than {LONGEST} bytes: that is no password")));
    }
    let text = super::decoded(&written).map_err(|error| fail(format!("writes no text: {error}")))?;
    let line = text.split('\n').next().unwrap_or_default();
    Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

/// The end of the process; none at the deadline.
fn end_of(child: &mut Child, deadline: Instant) -> std::io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Reads a pipe to its end in a thread of its own; what is beyond the limit is thrown away.
fn listen(pipe: Option<impl Read + Send + 'static>, limit: u64) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or_default()));
        if let Some(mut pipe) = pipe {
            // A pipe that breaks has ended.
            let _ = pipe.by_ref().take(limit).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        let _ = sender.send(bytes);
    });
    receiver
}

/// What a program that failed said on standard error; nothing of it where a line of what it wrote beside stands in it.
fn complaint(said: &[u8], written: &[u8]) -> String {
    let said = Zeroizing::new(String::from_utf8_lossy(said).trim().to_owned());
    let written = Zeroizing::new(String::from_utf8_lossy(written).into_owned());
    let repeats = written.split_whitespace().any(|word| said.contains(word));
    match (said.is_empty(), repeats) {
        (true, _) => String::new(),
        (false, true) => "; what it said repeats what it wrote, and is not shown".to_owned(),
        (false, false) => format!(": {}", printable(&said)),
    }
}

/// Long enough to unlock a vault by hand.
const PATIENCE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_millis(500);
const LONGEST_COMPLAINT: u64 = 2 * 1024;

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Result<Zeroizing<String>, String> {
        let words = ["sh", "-c", script].map(str::to_owned);
        run(&words, Duration::from_millis(1500)).map_err(|problem| problem.message)
    }

    #[test]
    fn the_first_line_is_the_password() {
        for (script, password) in [
            ("echo secret", "secret"),
            ("printf secret", "secret"),
            ("printf 'secret\\r\\nuser: admin\\n'", "secret"),
            ("echo; echo second", ""),
            ("printf ' with blanks \\n'", " with blanks "),
            ("echo warning >&2; echo secret", "secret"),
            // More than a pipe holds, on the other side of what is read.
            ("head -c 300000 /dev/zero | tr '\\0' x >&2; echo secret", "secret"),
        ] {
            assert_eq!(sh(script).as_deref().map(String::as_str), Ok(password), "{script}");
        }
        // No shell: an argument is an argument.
        let words = ["printf", "%s", "$HOME `id` ;"].map(str::to_owned);
        assert_eq!(run(&words, PATIENCE).unwrap().as_str(), "$HOME `id` ;");
    }

    #[test]
    fn what_fails_says_how_and_not_what_was_written() {
        for (script, says) in [
            ("echo canary-41; echo locked >&2; exit 3", "ended with status 3: locked"),
            ("echo canary-41; echo 'no canary-41 for you' >&2; exit 3", "is not shown"),
            ("echo canary-41; exit 1", "ended with status 1"),
            ("echo canary-41; kill -9 $$", "was ended (signal: 9"),
            ("echo canary-41; exec sleep 30", "took longer than 1.5 s"),
            ("head -c 100000 /dev/zero", "more than 65536 bytes"),
            ("printf '\\377canary-41'", "neither UTF-8 nor UTF-16"),
        ] {
            let error = sh(script).unwrap_err();
            assert!(error.contains(says) && !error.contains("canary"), "{script}: {error}");
        }
        // The one that is left behind ends when the pipe that it reads is closed.
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let script = format!("mkfifo '{0}'; cat '{0}' & echo canary-41", pipe.display());
        let error = sh(&script).unwrap_err();
        drop(std::fs::File::create(&pipe).unwrap());
        assert!(error.contains("left a process behind") && !error.contains("canary"), "{error}");
        let absent = run(&["/nonexistent/vault".to_owned()], PATIENCE).unwrap_err().message;
        assert!(absent.contains("/nonexistent/vault") && absent.contains("cannot be started"), "{absent}");
        assert!(run(&[], PATIENCE).unwrap_err().message.contains("empty"));
    }
}
