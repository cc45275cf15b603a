//! The public methods for calls without types, in any of serde's formats.

use serde::{Deserializer, Serializer};

use crate::error::Error;
use crate::host::Host;
use crate::plugin::Plugin;
use crate::untyped::call::{Call, ExportRef};
use crate::untyped::error::CallError;
use crate::untyped::prepared::Prepared;
use crate::untyped::statics::{Lent, StaticValue};
use crate::untyped::walk::Form;

impl Plugin {
    /// Calls a function of this plugin with arguments in any serde format, and writes its result in any serde format.
    ///
    /// The caller needs no types. The export's descriptor says how values are read and written: in the same form as
    /// serde's own implementations and derives use.
    ///
    /// The arguments are a tuple. If the function returns a `Result`, that `Result` is written: `{"Ok": ..}` in JSON.
    ///
    /// # Errors
    ///
    /// Any [`CallError`]. A function that changes an argument is refused.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::Host;
    ///
    /// #[plugin_export]
    /// fn repeat(text: &str, times: usize) -> String {
    ///     text.repeat(times)
    /// }
    ///
    /// let host = Host::linked()?;
    /// let plugin = &host.plugins()[0];
    /// # #[cfg(feature = "json")] {
    /// let mut arguments = serde_json::Deserializer::from_str(r#"["ab", 3]"#);
    /// let mut output = Vec::new();
    /// plugin.call_serde("repeat", &mut arguments, &mut serde_json::Serializer::new(&mut output)).unwrap();
    /// assert_eq!(output, br#""ababab""#);
    /// # }
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn call_serde<'de, D, S>(&self, name: &str, arguments: D, result: S) -> Result<S::Ok, CallError>
    where
        D: Deserializer<'de>,
        S: Serializer,
    {
        let call = Call::new(self, name, Form::Serde)?;
        call.changes_nothing()?;
        let mut places = call.build(arguments)?;
        let returned = call.invoke(&mut places)?;
        drop(places);
        call.represent_result(&returned, result)
    }

    /// Reads a static of this plugin and writes its value in any serde format. An atomic is loaded. A lock is held
    /// while its value is read.
    ///
    /// # Errors
    ///
    /// Any [`CallError`] that does not need a call.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::Host;
    ///
    /// #[plugin_export]
    /// static SIZES: &[u32] = &[16, 24, 32];
    ///
    /// let host = Host::linked()?;
    /// let plugin = &host.plugins()[0];
    /// # #[cfg(feature = "json")] {
    /// let mut output = Vec::new();
    /// plugin.get_serde("SIZES", &mut serde_json::Serializer::new(&mut output)).unwrap();
    /// assert_eq!(output, b"[16,24,32]");
    /// # }
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn get_serde<S: Serializer>(&self, name: &str, result: S) -> Result<S::Ok, CallError> {
        let (export, prepared) = ExportRef::new(self, name, Form::Serde)?;
        export.read_static(prepared, result)
    }
}

impl ExportRef<'_> {
    /// Reads a static, and writes its value.
    pub(super) fn read_static<S: Serializer>(&self, prepared: &Prepared, result: S) -> Result<S::Ok, CallError> {
        let export = self;
        let Prepared::Static { layouts, access, value } = prepared else { return Err(export.unusable(prepared)) };
        // SAFETY: `Prepared::new` has computed `access` and `value` from this export's descriptor, which describes the static
        // and so its accessor. `self` keeps the plugin loaded, and is borrowed for longer than `read` lives.
        let read = unsafe { StaticValue::read(export.site, layouts, access, *value) };
        let read = read.map_err(|failure| export.failed(failure, |fault| Error::Access(fault).into()))?;
        if matches!(&read.lent, Some(Lent::Lock(locked)) if locked.head.poisoned != 0) {
            return Err(CallError::Poisoned { export: export.label() });
        }
        let what = |path: &str| if path.is_empty() { "the value".to_owned() } else { format!("the value at `{path}`") };
        // SAFETY: `StaticValue::read` has found a value of the type at `read.at`. Nothing changes it until `read` is dropped: it
        // is a copy, a static that never changes, or behind a lock that `read` holds.
        unsafe { export.represent((layouts, *value), read.at, what, result) }
    }
}

impl Host {
    /// Finds the loaded plugin that exports `name` and calls the function, as [`Plugin::call_serde`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Plugin::call_serde`], and [`Error::Ambiguous`] if several plugins export the name.
    ///
    /// For an example see [`Plugin::call_serde`].
    pub fn call_serde<'de, D, S>(&self, name: &str, arguments: D, result: S) -> Result<S::Ok, CallError>
    where
        D: Deserializer<'de>,
        S: Serializer,
    {
        self.exporter(name)?.call_serde(name, arguments, result)
    }

    /// Finds the loaded plugin that exports `name` and reads the static, as [`Plugin::get_serde`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Plugin::get_serde`], and [`Error::Ambiguous`] if several plugins export the name.
    ///
    /// For an example see [`Plugin::get_serde`].
    pub fn get_serde<S: Serializer>(&self, name: &str, result: S) -> Result<S::Ok, CallError> {
        self.exporter(name)?.get_serde(name, result)
    }
}
