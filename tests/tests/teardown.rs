//! The end of a plugin in which everything fails. Nothing unwinds out of the plugin, and its library is closed properly
//! or not at all.

#![cfg(unix)]

use std::process::{Command, Stdio};

use tests::fixture;

/// Plays one scene of `src/bin/teardown.rs` with one kind of standard error.
fn play(scene: &str, stderr: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_teardown"))
        .args([scene, stderr])
        .args([fixture("troubled"), fixture("upgrades")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scene}: {}: {said}", output.status);
    assert_eq!(printed, "done\n", "{scene}: {said}");
}

/// All scenes as tests, in a module for each kind of standard error.
macro_rules! scenes {
    ($($stderr:ident: $kind:literal,)*) => {$(
        mod $stderr {
            fn play(scene: &str) {
                super::play(scene, $kind);
            }

            #[test]
            fn a_shutdown_hook_that_fails_does_not_stop_the_teardown() {
                play("shutdown");
            }

            #[test]
            fn handlers_that_panic_do_not_stop_the_teardown() {
                play("handlers-panic");
            }

            #[test]
            fn a_fault_handler_that_panics_does_not_stop_the_thread_that_panicked() {
                play("thread-and-handler");
            }

            #[test]
            fn an_event_handler_that_panics_does_not_stop_an_upgrade() {
                play("events");
            }

            #[test]
            fn handlers_that_panic_when_dropped_do_not_stop_the_teardown() {
                play("handlers-panic-when-dropped");
            }

            #[test]
            fn a_thread_that_panics_does_not_stop_the_teardown() {
                play("thread");
            }

            #[test]
            fn a_last_handle_may_be_dropped_while_its_thread_unwinds() {
                play("unwinding");
            }

            #[test]
            fn a_thread_may_panic_after_the_shutdown_hooks() {
                play("after-shutdown");
            }

            #[test]
            fn a_last_handle_may_be_dropped_on_another_thread() {
                play("last-handle-elsewhere");
            }

            /// The error names the cause and the remedy, and nothing is half loaded.
            #[test]
            fn a_load_without_a_free_descriptor_fails_cleanly() {
                play("descriptors");
            }

            #[test]
            fn upgrades_need_no_event_handler() {
                play("events-without-handler");
            }

            /// Text that is printed meanwhile does not get into the mapped bytes.
            #[test]
            fn a_load_while_others_print() {
                play("printed-meanwhile");
            }

            #[cfg(target_os = "linux")]
            #[test]
            fn an_unload_works_without_a_free_descriptor() {
                play("unloaded-without-descriptors");
            }
        }
    )*};
}

scenes! {
    stderr_is_open: "open",
    stderr_is_closed: "closed",
    stderr_is_broken: "broken",
    stderr_is_full: "full",
}
