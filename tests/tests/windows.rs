//! What is particular to Windows.
#![cfg(windows)]
