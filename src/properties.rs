//! How tests over random inputs run.

use proptest::test_runner::{Config, FileFailurePersistence};

/// As many inputs as proptest takes by itself.
pub(crate) fn config() -> Config {
    // Beside the seeds of `tests/it`, which proptest finds by itself.
    let seeds = FileFailurePersistence::SourceParallel("tests/proptest-regressions");
    Config { failure_persistence: Some(Box::new(seeds)), ..Config::default() }
}

/// Fewer, where each takes long.
pub(crate) fn cases(cases: u32) -> Config {
    Config { cases, ..config() }
}
