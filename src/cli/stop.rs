//! Ctrl-C and SIGTERM: a command says what may still run on the host before it leaves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::exit::Exit;
use super::problem::{Changed, Problem};

/// What an interruption would leave behind, told by the command as it goes on.
static LEFT_BEHIND: Mutex<Option<LeftBehind>> = Mutex::new(None);

struct LeftBehind {
    what: String,
    remedy: String,
    changed: Changed,
}

/// Remembers what would be left behind from here on.
pub fn leave_behind(changed: Changed, what: impl Into<String>, remedy: impl Into<String>) {
    let left = LeftBehind { what: what.into(), remedy: remedy.into(), changed };
    *LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
}

/// Whether the command cleans up itself when it is interrupted.
static CLEANS_UP: AtomicBool = AtomicBool::new(false);

/// Lets the command clean up after Ctrl-C, for a short time; it watches [`wait`] itself.
pub fn grant_time() {
    CLEANS_UP.store(true, Ordering::Relaxed);
}

/// Waits for the moment to leave: Ctrl-C or SIGTERM, and where the command cleans up, a second one or a short time.
pub async fn signal() {
    wait().await;
    if CLEANS_UP.load(Ordering::Relaxed) {
        tokio::select! {
            () = wait() => {}
            () = tokio::time::sleep(TIME_TO_CLEAN_UP) => {}
        }
    }
}

const TIME_TO_CLEAN_UP: Duration = Duration::from_secs(10);

/// Waits for Ctrl-C or SIGTERM.
pub async fn wait() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// The end of an interrupted command.
pub fn interrupted() -> Problem {
    match LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner).take() {
        None => Problem::new(Exit::Interrupted, "interrupted", "interrupted; nothing was changed on the host"),
        Some(left) => Problem::new(Exit::Interrupted, "interrupted", format!("interrupted; {}", left.what))
            .remedy(left.remedy)
            .changed(left.changed),
    }
}
