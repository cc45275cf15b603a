//! Handles that follow upgrades.

use plugin_host::Fault;

use super::Mode;

pub fn handles_that_follow_upgrades_are_called(mode: &Mode) {
    let host = mode.host("zoo");
    let plugin = host.plugin("zoo").unwrap();
    let repeat = plugin.live::<fn(u32, String) -> Result<String, Fault>>("repeat").unwrap();
    assert_eq!(repeat(2, "é".to_owned()).unwrap(), "éé");
    assert_eq!(repeat.pin()(1, "é".to_owned()).unwrap(), "é");
    let divide = plugin.live::<fn(i32, i32) -> Result<i32, Fault>>("divide").unwrap();
    assert_eq!(divide(1, 0).unwrap_err().message, "attempt to divide by zero");
    assert_eq!(divide(7, 2), Ok(3));
}
