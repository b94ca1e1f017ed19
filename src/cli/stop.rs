//! Ctrl-C, SIGTERM and a lost terminal: the first one ends the command in order, which says what may still run on the
//! host before it leaves; the second one leaves at once.
//!
//! A thread of its own listens, so that a command that blocks (a password prompt, a slow disk) is not in the way. What it
//! hears reaches the command as a value: an [`Interruption`], of which the [`Context`](super::Context) holds one.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use super::exit::Exit;
use super::output::{new_line, note};
use super::problem::{Changed, Problem};

/// The interruption of one command: whether it has come, and what the command makes of it. Clones are the same one.
#[derive(Clone)]
pub struct Interruption(Arc<State>);

struct State {
    /// True once the first signal has come.
    come: watch::Sender<bool>,
    /// What an interruption would leave behind, told by the command as it goes on.
    left_behind: Mutex<Option<LeftBehind>>,
    /// The command that shows what is on record, for whoever leaves at once.
    on_record: Mutex<String>,
    leaving: Mutex<Leaving>,
    /// Whether the main thread waits for a line that is not echoed, and hears nothing else.
    in_prompt: AtomicBool,
}

/// When the first signal ends the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    AtOnce,
    /// A short time later, in which the command ends by itself what would be left behind.
    AfterCleaningUp,
    /// At once until something is begun on a host, and then not: it is brought to its end first.
    UntilBegun,
    /// Not at all, however long it takes.
    Never,
}

struct LeftBehind {
    what: String,
    remedy: String,
    changed: Changed,
}

impl Interruption {
    /// One that nobody hears yet: it never comes.
    pub fn new() -> Self {
        Interruption(Arc::new(State {
            come: watch::Sender::new(false),
            left_behind: Mutex::new(None),
            on_record: Mutex::new("hvr run list --open".to_owned()),
            leaving: Mutex::new(Leaving::AtOnce),
            in_prompt: AtomicBool::new(false),
        }))
    }

    /// Begins to listen to the signals of the process, and is heard once this returns. Where the system lets nobody
    /// listen, a signal ends the process as it always did.
    pub fn listen(&self) {
        let heard = self.clone();
        let terminal = terminal::State::save();
        let (ready, is_ready) = mpsc::channel::<()>();
        let listener = move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let Ok(mut signals) = signals::Signals::new() else { return };
                drop(ready);
                signals.next().await;
                // Nobody waits who could end the command in order, and nothing was sent yet.
                if heard.0.in_prompt.load(Ordering::SeqCst) {
                    terminal.restore();
                    new_line();
                    note("hvr: interrupted; nothing was changed on the host");
                    std::process::exit(Exit::Interrupted.code().into());
                }
                heard.come();
                signals.next().await;
                terminal.restore();
                new_line();
                note(&format!("hvr: left at once; what was sent is on record: {}", lock(&heard.0.on_record)));
                std::process::exit(Exit::Interrupted.code().into());
            });
        };
        // Without the thread a signal ends the process, as without this module.
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(listener);
        // Nothing is ever sent: the other end is gone once signals are heard, or once they cannot be.
        let _ = is_ready.recv();
    }

    fn come(&self) {
        self.0.come.send_replace(true);
    }

    /// Remembers the command that shows what is on record.
    pub fn on_record(&self, command: String) {
        *lock(&self.0.on_record) = command;
    }

    /// Remembers what would be left behind from here on.
    pub fn leave_behind(&self, changed: Changed, what: impl Into<String>, remedy: impl Into<String>) {
        let left = LeftBehind { what: what.into(), remedy: remedy.into(), changed };
        *lock(&self.0.left_behind) = Some(left);
    }

    /// Lets the command clean up after the first signal, for a short time; it watches [`Self::first_signal`] itself.
    pub fn grant_time(&self) {
        *lock(&self.0.leaving) = Leaving::AfterCleaningUp;
    }

    /// Once the command has sent what may change a host, the first signal does not end it any more: it goes on to undo
    /// that, and ends itself. The second one still leaves at once.
    pub fn hold_once_begun(&self) {
        let mut leaving = lock(&self.0.leaving);
        if *leaving != Leaving::Never {
            *leaving = Leaving::UntilBegun;
        }
    }

    /// What may change a host is being sent.
    pub fn begun(&self) {
        let mut leaving = lock(&self.0.leaving);
        if *leaving == Leaving::UntilBegun {
            *leaving = Leaving::Never;
        }
    }

    /// Whether the first signal has come.
    pub fn has_come(&self) -> bool {
        *self.0.come.borrow()
    }

    /// Waits for the first signal that comes while the command holds on.
    pub async fn signal_held(&self) {
        self.first_signal().await;
        if self.leaving() != Leaving::Never {
            std::future::pending().await
        }
    }

    /// Waits for the moment to leave: the first signal, and where the command cleans up, a short time after it.
    pub async fn signal(&self) {
        self.first_signal().await;
        match self.leaving() {
            Leaving::AtOnce | Leaving::UntilBegun => {}
            Leaving::AfterCleaningUp => tokio::time::sleep(TIME_TO_CLEAN_UP).await,
            Leaving::Never => std::future::pending().await,
        }
    }

    /// As [`Self::signal`], but one turn later: whoever else waits for it, polled before, ends the command in its own
    /// words.
    pub async fn signal_left_to_others(&self) {
        self.signal().await;
        tokio::task::yield_now().await;
    }

    /// Waits for the first signal.
    pub async fn first_signal(&self) {
        let mut receiver = self.0.come.subscribe();
        let mut change = pin!(receiver.wait_for(|come| *come));
        // Those that wait are woken one after the other, so each asks for itself: in one turn all see the same.
        poll_fn(|context| match self.has_come() {
            true => Poll::Ready(()),
            // The sender is not dropped while this waits.
            false => change.as_mut().poll(context).map(drop),
        })
        .await;
    }

    /// Runs a prompt that blocks this thread and turns the echo off: a signal leaves at once, and the echo is on again.
    pub fn in_prompt<T>(&self, prompt: impl FnOnce() -> T) -> T {
        self.0.in_prompt.store(true, Ordering::SeqCst);
        let answer = prompt();
        self.0.in_prompt.store(false, Ordering::SeqCst);
        answer
    }

    /// The end of an interrupted command.
    pub fn problem(&self) -> Problem {
        match lock(&self.0.left_behind).take() {
            None => Problem::new(Exit::Interrupted, "interrupted", "interrupted; nothing was changed on the host"),
            Some(left) => Problem::new(Exit::Interrupted, "interrupted", format!("interrupted; {}", left.what))
                .remedy(left.remedy)
                .changed(left.changed),
        }
    }

    fn leaving(&self) -> Leaving {
        *lock(&self.0.leaving)
    }
}

/// A command that panicked has left whole values.
fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

const TIME_TO_CLEAN_UP: Duration = Duration::from_secs(10);

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

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::{Context, Waker};

    use super::*;

    /// Whether the wait is over at its first turn.
    fn is_over(wait: impl Future<Output = ()>) -> bool {
        pin!(wait).as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn each_command_has_an_interruption_of_its_own() {
        let (one, other) = (Interruption::new(), Interruption::new());
        assert!(!one.has_come() && !is_over(one.signal()));
        one.clone().come();
        assert!(one.has_come() && is_over(one.signal()) && is_over(one.first_signal()) && !is_over(one.signal_held()));
        assert!(!other.has_come() && !is_over(other.signal()));
        one.leave_behind(Changed::Perhaps, "a call was being sent", "look");
        let told = one.problem();
        assert_eq!((told.message.as_str(), told.changed), ("interrupted; a call was being sent", Changed::Perhaps));
        assert_eq!(other.problem().message, "interrupted; nothing was changed on the host");
    }

    #[test]
    fn what_holds_once_begun_is_left_before_it_begins_and_not_after() {
        let interruption = Interruption::new();
        interruption.begun();
        interruption.hold_once_begun();
        interruption.come();
        assert!(is_over(interruption.signal()) && !is_over(interruption.signal_held()));
        interruption.begun();
        assert!(!is_over(interruption.signal()) && is_over(interruption.signal_held()));
        interruption.hold_once_begun();
        assert!(!is_over(interruption.signal()), "what is begun stays begun");
    }

    #[tokio::test(start_paused = true)]
    async fn who_cleans_up_gets_a_short_time() {
        let interruption = Interruption::new();
        interruption.grant_time();
        interruption.come();
        assert!(is_over(interruption.first_signal()) && !is_over(interruption.signal()));
        let begun = tokio::time::Instant::now();
        interruption.signal().await;
        assert_eq!(begun.elapsed(), TIME_TO_CLEAN_UP);
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let interruption = Interruption::new();
        let signalled = interruption.clone();
        let waits = tokio::spawn(async move { interruption.signal_left_to_others().await });
        tokio::task::yield_now().await;
        signalled.come();
        waits.await.unwrap();
    }
}
