//! The public methods for calls without types, in JSON.

use serde_json::Value as Json;
use serde_json::value::Serializer;

use crate::host::Host;
use crate::plugin::Plugin;
use crate::untyped::call::Call;
use crate::untyped::error::CallError;
use crate::untyped::free::Place;
use crate::untyped::walk::Form;

impl Call<'_> {
    fn build_json(&self, arguments: &Json) -> Result<Vec<Place<'_>>, CallError> {
        match arguments {
            Json::Array(list) if list.len() == self.arguments.len() => self.build(arguments),
            Json::Array(list) => Err(self.wrong_count(list.len())),
            _ => Err(CallError::Arguments {
                export: self.export.label(),
                message: "the arguments are not in an array".to_owned(),
            }),
        }
    }
}

impl Plugin {
    /// Calls a function of this plugin with a JSON array of arguments, and returns its result as JSON.
    ///
    /// # Errors
    ///
    /// Any [`CallError`]. A function that changes an argument is refused: call it with
    /// [`call_json_mut`](Self::call_json_mut).
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::Host;
    /// use serde_json::json;
    ///
    /// #[plugin_export]
    /// fn longest(names: Vec<String>) -> Option<String> {
    ///     names.into_iter().max_by_key(String::len)
    /// }
    ///
    /// let host = Host::linked()?;
    /// let plugin = &host.plugins()[0];
    /// assert_eq!(plugin.call_json("longest", &json!([["ann", "cleo"]])).unwrap(), "cleo");
    /// assert_eq!(plugin.call_json("longest", &json!([[]])).unwrap(), json!(null));
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn call_json(&self, name: &str, arguments: &Json) -> Result<Json, CallError> {
        let call = Call::new(self, name, Form::Serde)?;
        call.changes_nothing()?;
        let mut places = call.build_json(arguments)?;
        let returned = call.invoke(&mut places)?;
        drop(places);
        call.represent_result(&returned, Serializer)
    }

    /// Does the same as [`call_json`](Self::call_json), and also writes the new values of `&mut` arguments back to
    /// `arguments`. The new values are written back even if the function panicked.
    ///
    /// # Errors
    ///
    /// Any [`CallError`].
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::Host;
    /// use serde_json::json;
    ///
    /// #[plugin_export]
    /// fn sort(numbers: &mut [i64]) {
    ///     numbers.sort();
    /// }
    ///
    /// let host = Host::linked()?;
    /// let mut arguments = json!([[3, 1, 2]]);
    /// host.plugins()[0].call_json_mut("sort", &mut arguments).unwrap();
    /// assert_eq!(arguments, json!([[1, 2, 3]]));
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn call_json_mut(&self, name: &str, arguments: &mut Json) -> Result<Json, CallError> {
        let call = Call::new(self, name, Form::Serde)?;
        let mut places = call.build_json(arguments)?;
        let returned = call.invoke(&mut places);
        let mut represented = Ok(());
        for (index, (place, argument)) in places.iter().zip(call.arguments).enumerate() {
            if argument.is_changed() {
                let name = call.export.argument_name(index);
                let what = |path: &str| format!("argument {} (`{name}{path}`)", index + 1);
                // SAFETY: `build` has built a value of this type there. A callee leaves a whole value behind `&mut`, also if it
                // panics. The call has ended, so nothing changes the value.
                let changed =
                    unsafe { call.export.represent((call.layouts, argument.built), place.at(), what, Serializer) };
                match changed {
                    Ok(changed) => arguments[index] = changed,
                    Err(error) => represented = represented.and(Err(error)),
                }
            }
        }
        drop(places);
        let returned = returned?;
        represented?;
        call.represent_result(&returned, Serializer)
    }

    /// Reads a static of this plugin as JSON. An atomic is loaded. A lock is held while its value is read.
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
    /// static GREETER: &str = "Hello, World!";
    ///
    /// let host = Host::linked()?;
    /// assert_eq!(host.plugins()[0].get_json("GREETER").unwrap(), "Hello, World!");
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn get_json(&self, name: &str) -> Result<Json, CallError> {
        self.get_serde(name, Serializer)
    }
}

impl Host {
    /// Finds the loaded plugin that exports `name` and calls the function with a JSON array of arguments, as
    /// [`Plugin::call_json`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Plugin::call_json`], and [`Error::Ambiguous`](crate::Error::Ambiguous) if several plugins export the
    /// name.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # use serde_json::json;
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// let greeting = host.call_json("greet", &json!(["World"]))?;
    /// println!("{}", greeting.as_str().unwrap_or_default());
    /// # Ok::<(), plugin_host::CallError>(())
    /// ```
    pub fn call_json(&self, name: &str, arguments: &Json) -> Result<Json, CallError> {
        self.exporter(name)?.call_json(name, arguments)
    }

    /// Finds the loaded plugin that exports `name` and calls the function, as [`Plugin::call_json_mut`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Plugin::call_json_mut`], and [`Error::Ambiguous`](crate::Error::Ambiguous) if several plugins export
    /// the name.
    ///
    /// For an example see [`Plugin::call_json_mut`].
    pub fn call_json_mut(&self, name: &str, arguments: &mut Json) -> Result<Json, CallError> {
        self.exporter(name)?.call_json_mut(name, arguments)
    }

    /// Finds the loaded plugin that exports `name` and reads the static, as [`Plugin::get_json`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Plugin::get_json`], and [`Error::Ambiguous`](crate::Error::Ambiguous) if several plugins export the
    /// name.
    ///
    /// For an example see [`Plugin::get_json`].
    pub fn get_json(&self, name: &str) -> Result<Json, CallError> {
        self.exporter(name)?.get_json(name)
    }
}
