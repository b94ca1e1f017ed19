//! The command `hvr`.

use std::process::ExitCode;

fn main() -> ExitCode {
    hyperv_replica::cli::main()
}
