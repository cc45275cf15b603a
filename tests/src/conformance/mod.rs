//! The conformance suite, which shows a plugin's work in any place. It is written once, and runs in each mode.
//!
//! A mode says where the fixtures run. A test program has a mode in one line:
//!
//! ```text
//! tests::conformance!(Mode { host: |_| Host::linked().unwrap(), upgrade: None, shares_memory: true });
//! ```
//!
//! A mode that shares no memory with its plugins refuses statics that change (`statics.rs`). It sends values of up to 128 levels. A
//! program has one version of each linked plugin, so the linked mode refuses upgrades (`upgrades.rs`). All else is the same, but for
//! the addresses of values.

#![expect(missing_docs, reason = "a test's name says what the test shows")]

pub mod errors;
pub mod faults;
pub mod growth;
pub mod live;
pub mod statics;
pub mod upgrades;
pub mod user_types;
pub mod values;

use std::path::Path;

use plugin_host::{Error, Host, Plugin};

/// A place where plugins run.
pub struct Mode {
    /// Makes a host of a fixture. The host may have other fixtures, too.
    pub host: fn(fixture: &'static str) -> Host,
    /// `None` if the mode has no upgrades.
    pub upgrade: Option<Upgrade>,
    /// Whether the plugin can read and change memory of the host, and the host that of the plugin.
    pub shares_memory: bool,
}

/// Upgrades the plugin with this name to the version in a file, which runs in the same place.
pub type Upgrade = fn(&Host, name: &str, &Path) -> Result<(), Error>;

impl Mode {
    fn host(&self, fixture: &'static str) -> Host {
        (self.host)(fixture)
    }

    fn plugin(&self, fixture: &'static str) -> Plugin {
        self.host(fixture).plugin(fixture).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Makes a test of each function of the suite, in one mode.
#[macro_export]
macro_rules! conformance {
    ($mode:expr) => {
        $crate::conformance!{ $mode =>
            values::every_basic_type_crosses,
            values::every_type_of_std_crosses,
            values::every_shape_of_type_crosses,
            values::lent_values_are_copied,
            values::what_is_lent_is_read_where_it_is,
            values::buffers_cross_with_and_without_spare_capacity,
            values::what_crossed_is_the_receivers_own,
            values::shared_references_are_arguments,
            values::plain_values_are_changed_in_place,
            values::other_values_move_there_and_back,
            values::changes_before_a_panic_are_seen,
            values::functions_of_several_shapes_are_called,
            values::a_function_is_a_value,
            values::a_text_in_the_plugin_is_copied,
            values::shared_text_stays_shared_where_it_was,
            values::paths_cross_behind_references,
            values::maps_cross_behind_references,
            user_types::statics_of_user_types_are_read,
            user_types::plain_types_are_changed_in_place,
            user_types::other_types_cross_behind_references,
            user_types::changes_before_a_panic_are_seen_whole,
            user_types::slices_of_other_types_are_changed,
            user_types::errors_of_a_plugin_are_told_from_its_failure,
            errors::errors_keep_what_they_say_and_their_causes,
            errors::errors_of_every_kind_cross,
            statics::text_and_elements_are_read,
            statics::statics_that_change_are_shared_or_refused,
            statics::statics_of_the_other_types_are_read,
            statics::statics_that_are_not_plain_are_copied,
            faults::a_panic_is_a_value_with_message_and_location,
            faults::a_panic_goes_on_in_the_caller,
            faults::a_panic_in_drop_is_returned,
            faults::a_payload_that_panics_itself_is_contained,
            faults::a_resumed_panic_is_returned,
            faults::a_panic_that_the_plugin_catches_reaches_no_caller,
            growth::an_old_host_uses_a_new_plugin,
            growth::a_new_host_uses_an_old_plugin,
            growth::equal_versions_lose_nothing,
            growth::a_variant_of_a_newer_plugin_is_the_fallback,
            growth::a_variant_of_a_newer_host_is_the_fallback,
            growth::what_grows_may_be_inside_what_does_not,
            growth::what_grows_may_be_lent,
            growth::what_grows_has_its_defaults_when_it_is_lent,
            growth::a_lock_may_hold_what_grows,
            growth::a_panic_in_a_part_that_is_left_out_reaches_no_caller,
            growth::what_does_not_say_that_it_grows_must_be_the_same,
            growth::what_grows_does_so_at_its_end,
            growth::a_new_name_in_rust_changes_nothing,
            growth::messages_have_the_names_of_descriptors,
            live::handles_that_follow_upgrades_are_called,
            upgrades::the_state_goes_with_an_upgrade,
            upgrades::after_a_failed_upgrade_the_old_version_serves_on,
        }
    };
    ($mode:expr => $($subject:ident::$test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                $crate::conformance::$subject::$test(&$mode);
            }
        )*
    };
}
