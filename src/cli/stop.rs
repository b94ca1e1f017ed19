//! Ctrl-C, SIGTERM and a lost terminal: the first one ends the command in order, which says what may still run on the
//! host before it leaves; the second one leaves at once.
//!
//! A thread of its own listens, so that a command that blocks (a password prompt, a slow disk) is not in the way.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use super::exit::Exit;
use super::output::{new_line, note};
use super::problem::{Changed, Problem};

/// What an interruption would leave behind, told by the command as it goes on.
static LEFT_BEHIND: Mutex<Option<LeftBehind>> = Mutex::new(None);
/// True once the first signal has come.
static STOPPED: OnceLock<watch::Sender<bool>> = OnceLock::new();
/// Whether the main thread waits for a line that is not echoed, and hears nothing else.
static IN_PROMPT: AtomicBool = AtomicBool::new(false);
/// Whether the command ends by itself what an interruption would leave behind.
static CLEANS_UP: AtomicBool = AtomicBool::new(false);
/// Whether what is begun on a host is brought to its end first, however long that takes.
static ARMED: AtomicBool = AtomicBool::new(false);
/// Whether it is begun.
static HOLDS: AtomicBool = AtomicBool::new(false);
const TIME_TO_CLEAN_UP: Duration = Duration::from_secs(10);

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

/// Begins to listen, and is heard once this returns. Where the system lets nobody listen, a signal ends the process as
/// it always did.
pub fn listen() {
    let sender = STOPPED.get_or_init(|| watch::channel(false).0);
    let terminal = terminal::State::save();
    let (ready, is_ready) = mpsc::channel::<()>();
    let listener = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let Ok(mut signals) = signals::Signals::new() else { return };
            drop(ready);
            signals.next().await;
            // Nobody waits who could end the command in order, and nothing was sent yet.
            if IN_PROMPT.load(Ordering::SeqCst) {
                terminal.restore();
                new_line();
                note("hvr: interrupted; nothing was changed on the host");
                std::process::exit(Exit::Interrupted.code().into());
            }
            sender.send_replace(true);
            signals.next().await;
            terminal.restore();
            new_line();
            note("hvr: left at once; what was sent is on record: hvr run list --open");
            std::process::exit(Exit::Interrupted.code().into());
        });
    };
    // Without the thread a signal ends the process, as without this module.
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(listener);
    // Nothing is ever sent: the other end is gone once signals are heard, or once they cannot be.
    let _ = is_ready.recv();
}

/// Lets the command clean up after the first signal, for a short time; it watches [`first_signal`] itself.
pub fn grant_time() {
    CLEANS_UP.store(true, Ordering::Relaxed);
}

/// Once the command has sent what may change a host, the first signal does not end it any more: it goes on to undo that,
/// and ends itself. The second one still leaves at once.
pub fn hold_once_begun() {
    ARMED.store(true, Ordering::Relaxed);
}

/// What may change a host is being sent.
pub fn begun() {
    HOLDS.fetch_or(ARMED.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Whether the first signal has come.
pub fn has_come() -> bool {
    STOPPED.get().is_some_and(|sender| *sender.borrow())
}

/// Waits for the first signal that comes while the command holds on.
pub async fn signal_held() {
    first_signal().await;
    if !HOLDS.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

/// Waits for the moment to leave: the first signal, and where the command cleans up, a short time after it.
pub async fn signal() {
    first_signal().await;
    if HOLDS.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    if CLEANS_UP.load(Ordering::Relaxed) {
        tokio::time::sleep(TIME_TO_CLEAN_UP).await;
    }
}

/// As [`signal`], but one turn later: whoever else waits for it, polled before, ends the command in its own words.
pub async fn signal_left_to_others() {
    signal().await;
    tokio::task::yield_now().await;
}

/// Waits for the first signal.
pub async fn first_signal() {
    let Some(sender) = STOPPED.get() else { return std::future::pending().await };
    let mut receiver = sender.subscribe();
    let mut change = pin!(receiver.wait_for(|stopped| *stopped));
    // Those that wait are woken one after the other, so each asks for itself: in one turn all see the same.
    poll_fn(|context| match *sender.borrow() {
        true => Poll::Ready(()),
        // The sender is never dropped.
        false => change.as_mut().poll(context).map(drop),
    })
    .await;
}

/// Runs a prompt that blocks this thread and turns the echo off: a signal leaves at once, and the echo is on again.
pub fn in_prompt<T>(prompt: impl FnOnce() -> T) -> T {
    IN_PROMPT.store(true, Ordering::SeqCst);
    let answer = prompt();
    IN_PROMPT.store(false, Ordering::SeqCst);
    answer
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

#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub struct Signals(Signal, Signal, Signal);

    impl Signals {
        pub fn new() -> std::io::Result<Signals> {
            let [interrupt, terminate, hang_up] =
                [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
            Ok(Signals(interrupt?, terminate?, hang_up?))
        }

        pub async fn next(&mut self) {
            tokio::select! {
                _ = self.0.recv() => {}
                _ = self.1.recv() => {}
                _ = self.2.recv() => {}
            }
        }
    }
}

#[cfg(windows)]
mod signals {
    use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

    /// The last is the window being closed, which leaves a few seconds.
    pub struct Signals(CtrlC, CtrlBreak, CtrlClose);

    impl Signals {
        pub fn new() -> std::io::Result<Signals> {
            Ok(Signals(ctrl_c()?, ctrl_break()?, ctrl_close()?))
        }

        pub async fn next(&mut self) {
            tokio::select! {
                _ = self.0.recv() => {}
                _ = self.1.recv() => {}
                _ = self.2.recv() => {}
            }
        }
    }
}

#[cfg(unix)]
mod terminal {
    use std::io::{IsTerminal, Write};

    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

    /// The terminal as it was before a prompt or a progress bar.
    pub struct State(Option<Termios>);

    impl State {
        pub fn save() -> State {
            State(tcgetattr(std::io::stdin()).ok())
        }

        pub fn restore(&self) {
            if let Some(state) = &self.0 {
                let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, state);
            }
            let mut stderr = std::io::stderr();
            if stderr.is_terminal() {
                // A half-drawn bar goes.
                let _ = write!(stderr, "\r\x1b[K");
            }
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    /// Windows gives a console its echo back by itself.
    pub struct State;

    impl State {
        pub fn save() -> State {
            State
        }

        pub fn restore(&self) {}
    }
}
