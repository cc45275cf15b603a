use plugin_core::{plugin_export, plugin_type};

#[plugin_export]
fn sum(numbers: [u8; if cfg!(unix) { 4 } else { 8 }]) -> u8 {
    numbers.iter().sum()
}

#[plugin_type]
struct Block {
    bytes: [u8; match 1 {
        n => n,
    }],
}

#[plugin_export]
fn first(bytes: [u8; 3], twice: [u8; size_of::<u16>() * 2]) -> [u8; Block::SIZE as usize + 1] {
    [bytes[0], twice[0]]
}

impl Block {
    const SIZE: u8 = 1;
}
