//! Integration tests, one binary: a build stays quick.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the report of a test"
)]

mod bases_cli;
mod bounds_cli;
mod broken_cli;
mod check_cli;
mod cli;
mod commands_cli;
mod evidence_cli;
mod examples;
mod failover;
mod files_cli;
mod foreign_cli;
mod hostile;
mod lifecycle_cli;
mod login_cli;
mod manual;
mod pool;
mod records;
mod run_cli;
mod schema_cli;
mod secrets_cli;
mod simulate_cli;
mod status_cli;
mod storm;
mod support;
mod tickets;
mod tidy;
mod torture;
mod trace;
mod trace_cli;
mod wire;
mod workflow_cli;
mod wsman_cli;
