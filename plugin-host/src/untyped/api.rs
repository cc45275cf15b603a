//! The calls without types that a host offers, in any of serde's formats.

use serde::{Deserializer, Serializer};

use crate::error::Error;
use crate::host::Host;
use crate::plugin::Plugin;
use crate::untyped::call::{Call, Used};
use crate::untyped::error::CallError;
use crate::untyped::prepared::Prepared;
use crate::untyped::statics::{Lent, StaticValue};

impl Plugin {
    /// Calls a function of this plugin's with arguments in any format that serde knows, and gives its result in any. No
    /// type has to be known: the export's descriptor says how everything is read and written, which is as serde's own
    /// implementations and derives do it.
    ///
    /// The arguments are a tuple. Of a function that returns `Result`, the result is that, `{"Ok": ..}` in JSON.
    ///
    /// # Errors
    ///
    /// Each of [`CallError`]'s. A function that changes an argument is refused.
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
        let call = Call::new(self, name)?;
        call.changes_nothing()?;
        let mut places = call.build(arguments)?;
        let returned = call.invoke(&mut places)?;
        drop(places);
        call.represent_result(&returned, result)
    }

    /// Reads a static of this plugin's, in any format that serde knows. An atomic is loaded, a lock is held while its
    /// value is read.
    ///
    /// # Errors
    ///
    /// Each of [`CallError`]'s that can be without a call.
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
        let (used, prepared) = Used::new(self, name)?;
        let Prepared::Static { layouts, access, value } = prepared else { return Err(used.unusable(prepared)) };
        // SAFETY: the export's descriptor says what its accessor returns.
        let read = unsafe { StaticValue::read(used.export, layouts, access, *value) };
        let read = read.map_err(|failure| used.failed(failure, |fault| Error::Access(fault).into()))?;
        if matches!(&read.lent, Lent::Lock(locked) if locked.head.poisoned != 0) {
            return Err(CallError::Poisoned { export: used.label() });
        }
        let what = |path: &str| if path.is_empty() { "the value".to_owned() } else { format!("the value at `{path}`") };
        // SAFETY: just read, and lent for as long as `read` is there.
        unsafe { used.represent((layouts, *value), read.at, what, result) }
    }
}

impl Host {
    /// Calls a function of whichever loaded plugin exports that name, as [`Plugin::call_serde`] does.
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

    /// Reads a static of whichever loaded plugin exports that name, as [`Plugin::get_serde`] does.
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
