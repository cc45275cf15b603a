use plugin_core::plugin_export;
use tricks::instead;

#[plugin_export]
#[instead()]
fn dropped() {}

#[plugin_export]
#[instead(fn renamed_again() {})]
fn renamed() {}

#[plugin_export]
#[instead(macro_rules! replaced { () => {}; })]
fn replaced() {}
