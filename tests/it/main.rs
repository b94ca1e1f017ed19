//! Integration tests, one binary: a build stays quick.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the report of a test"
)]

mod check_cli;
mod cli;
mod examples;
mod failover;
mod hostile;
mod lifecycle_cli;
mod run_cli;
mod simulate_cli;
mod status_cli;
mod support;
mod tidy;
mod torture;
mod wire;
mod wsman_cli;
