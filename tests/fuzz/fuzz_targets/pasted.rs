#![no_main]
#[path = "../../it/support/oracle.rs"]
mod oracle;
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::pasted(bytes));
