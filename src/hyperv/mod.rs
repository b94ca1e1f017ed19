//! Layer hyperv.
