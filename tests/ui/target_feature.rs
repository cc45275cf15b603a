use plugin_core::plugin_export;

#[plugin_export]
#[cfg_attr(all(), target_feature(enable = "avx2"))]
fn fast() {}
