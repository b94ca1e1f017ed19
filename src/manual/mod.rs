//! The manual: pages for people who use the program, who embed the library, and who change either.
//!
//! The same pages are printed by `hvr help TOPIC`, so that they are there where the binary is. Each command in a block of
//! `sh` is run by a test.

macro_rules! pages {
    ($($module:ident = $topic:literal, $file:literal, $about:literal;)*) => {
        $(
            #[doc = include_str!($file)]
            pub mod $module {}
        )*

        /// Every page, in the order in which they are best read.
        pub const PAGES: &[Page] = &[
            $(Page { topic: $topic, about: $about, text: include_str!($file) },)*
        ];
    };
}

pages! {
    failover = "runs", "failover.md", "The life of a run: preflight, the one call, exit 5, resume, undo, rehearsal";
    login = "login", "login.md", "Connection, profiles, passwords, Kerberos, NTLM, certificates, CredSSP, proxies";
    monitoring = "monitoring", "monitoring.md", "Status as a check and as metrics";
    workbench = "workbench", "workbench.md", "SOAP by hand: see it, edit it, send it, compare it";
    recordings = "recordings", "recordings.md", "Recording conversations, playing them back, opening packet captures";
    evidence = "evidence", "evidence.md", "Asking a real host what nobody has published";
    architecture = "architecture", "architecture.md", "The layers and their invariants";
    testing = "testing", "testing.md", "Which test proves which promise; what was run and what was not; measured figures";
    changes = "changes", "changes.md", "The change log";
}

/// One page.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Page {
    /// The word after `hvr help`.
    pub topic: &'static str,
    /// What it is about, in a line.
    pub about: &'static str,
    /// The page, in Markdown.
    pub text: &'static str,
}
