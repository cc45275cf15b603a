//! [`LiveAll`]: a function of all plugins that export it, now and later.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, RwLock, Weak};

use plugin_core::{FunctionType, Live};

use crate::error::Error;
use crate::error::names::no_nul;
use crate::host::Host;
use crate::plugin::Plugin;
use crate::registry::Registry;

impl Host {
    /// Looks up a function by name and type in every plugin that exports it, as [`get_all`](Self::get_all) does, and gives a
    /// handle that follows all of them. For an example see [`LiveAll`].
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`] if a plugin exports the name with another type, [`Error::NoFaults`], and [`Error::NulInName`].
    /// About plugins that are loaded later, [`LiveAll::iter`] returns these errors.
    pub fn live_all<F: FunctionType>(&self, name: &str) -> Result<LiveAll<F>, Error> {
        no_nul(name)?;
        let registry = self.read();
        registry.exporters(name).try_for_each(|plugin| plugin.check_type::<F>(name).map(drop))?;
        let registry = Arc::downgrade(&self.registry);
        Ok(LiveAll { registry, name: name.to_owned(), function: PhantomData })
    }
}

/// An exported function of every plugin that has it: of those that are loaded now, and of those that are loaded later.
///
/// Each iteration finds the plugins that export the function at that time, and gives a [`Live`] handle to each. Between two
/// iterations, nothing keeps a plugin from being unloaded, or upgraded to a version without the function. An iteration looks the
/// function up in each plugin, so keep the [`Live`] handles of plugins that do not change.
///
/// This handle does not keep the host.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::plugin_export;
/// use plugin_host::Host;
///
/// #[plugin_export]
/// fn check(text: &str) -> Vec<String> {
///     if text.ends_with('.') { vec![] } else { vec!["no full stop".to_owned()] }
/// }
///
/// let host = Host::linked()?;
/// let checks = host.live_all::<fn(&str) -> Vec<String>>("check")?;
/// // Also after other plugins are loaded, upgraded and unloaded:
/// for check in &checks {
///     let (plugin, check) = check?;
///     assert_eq!(check("some text"), ["no full stop"], "{}", plugin.name());
/// }
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub struct LiveAll<F> {
    registry: Weak<RwLock<Registry>>,
    name: String,
    function: PhantomData<fn() -> F>,
}

impl<F: FunctionType> LiveAll<F> {
    /// Returns the handles of all plugins that export the function now, in the order of loading. Plugins that are being
    /// unloaded are left out.
    ///
    /// # Errors
    ///
    /// An item is [`Error::TypeMismatch`] for a plugin that exports the name with another type, or [`Error::NoFaults`]. Items
    /// of other plugins are not affected. If the host was dropped, the only item is [`Error::HostDropped`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// let checks = host.live_all::<fn(&str) -> Vec<String>>("check")?;
    /// let fitting = checks.iter().flatten().count();
    /// println!("{fitting} plugins can check texts");
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn iter(&self) -> std::vec::IntoIter<Result<(Plugin, Live<F>), Error>> {
        let host = self.registry.upgrade().map(Host::borrowed);
        let Some(host) = host.filter(|host| !host.config.activities.is_closed()) else {
            let operation = format!("follow `{}` of all plugins", self.name);
            return vec![Err(Error::HostDropped { operation })].into_iter();
        };
        let registry = host.read();
        let follow = |plugin: &Plugin| Ok((plugin.clone(), registry.follow(plugin, &self.name)?));
        let found: Vec<_> = registry.exporters(&self.name).map(follow).collect();
        found.into_iter()
    }
}

impl<F: FunctionType> IntoIterator for &LiveAll<F> {
    type Item = Result<(Plugin, Live<F>), Error>;
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<F> Clone for LiveAll<F> {
    fn clone(&self) -> Self {
        LiveAll { registry: self.registry.clone(), name: self.name.clone(), function: PhantomData }
    }
}

impl<F> fmt::Debug for LiveAll<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveAll({}: {})", self.name, std::any::type_name::<F>())
    }
}
