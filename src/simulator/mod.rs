//! Layer simulator.
