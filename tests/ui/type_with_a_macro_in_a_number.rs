use plugin_core::plugin_type;
use tricks::turns;

#[plugin_type]
enum Turning {
    First = turns!(1; 2),
    Second = 7,
}

macro_rules! numbered {
    ($number:expr) => {
        #[plugin_type]
        enum Numbered {
            First = $number,
            Second,
        }
    };
}

numbered!(turns!(1; 2));
