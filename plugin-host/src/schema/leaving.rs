//! The reasons why an export can be used only in the process of its plugin.
//!
//! Everything that is data may leave its process as bytes: all arguments and results, and statics that do not change. An atomic
//! and a lock may not. They are memory that both sides change, and the owner of a lock has to unlock it.

use plugin_core::host::descriptor::Tag;

use crate::schema::signature::Signature;

impl Signature {
    /// Returns the reason why no backend passes this export to another process, and the remedy.
    pub(crate) fn reason_to_stay(&self) -> String {
        let Some(schema) = self.schema() else {
            return "this host's version of the SDK does not know its type; update plugin-host".to_owned();
        };
        match schema.root.tag {
            Tag::Atomic => {
                "an atomic is memory that both sides change; export a function that reads or changes it".to_owned()
            }
            Tag::RwLock | Tag::Mutex => {
                "a lock is memory that both sides change; export a function that reads or changes the value in it"
                    .to_owned()
            }
            _ if schema.has_objects() => {
                "a closure or iterator, or an object of an interface, is code of one process; export a function whose \
                 arguments and result are data"
                    .to_owned()
            }
            _ => "not all of its types are data; export a function whose arguments and result are".to_owned(),
        }
    }
}
