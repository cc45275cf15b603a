use plugin_core::plugin_type;

#[plugin_type(name = "")]
struct Empty {
    #[plugin_type(name = "one\0two")]
    a: u8,
}

#[plugin_type(name = "A", name = "B")]
enum Twice {
    #[plugin_type(name = "C")]
    #[plugin_type(name = "D")]
    A,
    #[plugin_type(name = "")]
    B,
}

#[plugin_type]
struct Same {
    #[plugin_type(name = "label")]
    text: String,
    label: String,
}

#[plugin_type]
#[non_exhaustive]
enum SameVariants {
    First,
    Second {
        a: u8,
        #[plugin_type(name = "a")]
        b: u8,
    },
    #[plugin_type(name = "First", fallback)]
    Unknown,
}

#[plugin_type]
struct Tuple(u8, #[plugin_type(name = "second")] u8);

#[plugin_type(name = Named)]
struct NotText;

#[plugin_type(default, fallback)]
struct Elsewhere {
    #[plugin_type(name = "b", fallback)]
    a: u8,
}
