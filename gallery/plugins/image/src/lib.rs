//! A plugin that decodes images.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use plugin_core::plugin_export;

plugin_core::use_host_allocator!();

/// Encodes a picture as PNG, and decodes it.
#[plugin_export]
fn png() -> Result<(), String> {
    let picture = RgbImage::from_fn(64, 64, |x, y| image::Rgb([x, y, x ^ y].map(|value| value as u8)));
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).map_err(|error| error.to_string())?;
    let decoded = image::load_from_memory(file.get_ref()).map_err(|error| error.to_string())?;
    if decoded.to_rgb8() == picture { Ok(()) } else { Err("another picture came back".to_owned()) }
}
