//! One question with a yes or a no, to the person at the terminal.

use std::io::Write;

use super::output::{LONGEST, printable, shortened};

/// Asks; anything but yes is no. Reading blocks, and Ctrl-C must be heard meanwhile.
pub async fn confirm(question: &str) -> bool {
    let question = printable(&format!("{} [y/N] ", shortened(question, LONGEST)));
    let answer = tokio::task::spawn_blocking(move || {
        let _ = write!(std::io::stderr(), "{question}");
        let _ = std::io::stderr().flush();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let answer = answer.await.ok().and_then(Result::ok).unwrap_or_default();
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}
