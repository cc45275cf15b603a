//! [`Plugin`]: a plugin that is loaded, and its exports.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use foldhash::fast::RandomState;
use plugin_core::host::Site;
use plugin_core::{Lookup, Origin};

use crate::backend::shared::SharedBackend;
use crate::backend::{Backend, Offer, PluginSource, check_reach};
use crate::error::names::no_nul;
use crate::error::{Error, TypeMismatch};
#[cfg(feature = "watch")]
use crate::file::stamp::Stamp;
use crate::inspect::description::Description;
use crate::inspect::info::{ExportInfo, PluginInfo};
use crate::schema::difference::Sides;
use crate::schema::signature::Signature;
use crate::services::objects::Shares;
use crate::unload::pin::PinReason;
use crate::upgrade::lineage::{Lineage, Serving};

/// Plugins are named like packages, where `-` and `_` are the same.
pub(crate) fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// A loaded plugin. It is cheap to clone and keeps its library loaded.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::plugin_export;
/// use plugin_host::Host;
///
/// /// Doubles.
/// #[plugin_export]
/// fn double(n: u32) -> u32 {
///     n * 2
/// }
///
/// let host = Host::linked()?;
/// for plugin in host.plugins() {
///     println!("{} {}", plugin.name(), plugin.version());
///     for export in plugin.exports() {
///         assert_eq!(export.to_string(), "fn double(n: u32) -> u32");
///         assert_eq!(export.docs, "Doubles.");
///     }
/// }
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Clone)]
pub struct Plugin(Arc<Loaded>);

struct Loaded {
    description: Arc<Description>,
    place: Place,
    /// The exports by name. The names are in the backend.
    exports: HashMap<&'static str, Exported, RandomState>,
    /// Keeps the plugin's code, even if the plugin exports nothing. This is the last field, because the earlier ones may have pointers
    /// into the library when they are dropped.
    backend: Arc<SharedBackend>,
}

/// An export of a plugin.
pub(crate) struct Exported {
    pub(crate) site: Arc<Site>,
    /// The modules of the types, one a line, as far as they are known.
    modules: &'static str,
    #[cfg_attr(not(feature = "serde"), expect(dead_code, reason = "calls without types need it"))]
    pub(crate) prepared: Prepared,
}

/// The numbers of a version: its place among the plugins, and in its lineage.
#[derive(Clone)]
pub(crate) struct Place {
    /// The plugin's number in the order of loading.
    number: u64,
    /// The number of the version in its lineage, from 1.
    revision: u64,
    lineage: Arc<Lineage>,
}

impl Place {
    /// Returns the place of a plugin's first version. `host` leads to the plugin's host.
    pub(crate) fn first(host: Weak<dyn Any + Send + Sync>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Place { number: NEXT.fetch_add(1, Ordering::Relaxed), revision: 1, lineage: Lineage::new(host) }
    }

    /// Returns the plugin's number in the order of loading.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the place of the next version.
    pub(crate) fn next(&self) -> Self {
        Place { revision: self.revision + 1, ..self.clone() }
    }
}

/// The data of an export's calls without types, made by the first such call.
#[cfg(feature = "serde")]
type Prepared = std::sync::OnceLock<crate::untyped::prepared::Prepared>;
#[cfg(not(feature = "serde"))]
type Prepared = ();

impl Plugin {
    /// Makes the plugin of a backend. `refuses_faults` is true if look-ups in it may not ask for faults.
    pub(crate) fn new(description: Description, refuses_faults: bool, backend: Box<dyn Backend>, place: Place) -> Self {
        let backend = SharedBackend::new(backend);
        let count = description.exports().len();
        // Exports of the same type get the same descriptor, so that it is found in the cache.
        let mut descriptors = HashSet::with_capacity_and_hasher(count, RandomState::default());
        let mut exports = HashMap::with_capacity_and_hasher(count, RandomState::default());
        exports.extend(backend.exports().map(|Offer { name, descriptor, modules, entry, context, invoke }| {
            descriptors.insert(descriptor);
            let descriptor = *descriptors.get(descriptor).expect("just inserted");
            let (origin, label) = (Origin::of(backend.clone()), [description.name(), "::", name].concat());
            let site = Arc::new(Site { descriptor, entry, context, refuses_faults, origin, invoke, label });
            (name, Exported { site, modules, prepared: Prepared::default() })
        }));
        Plugin(Arc::new(Loaded { description: Arc::new(description), place, exports, backend }))
    }

    /// Returns the backend if no other [`Plugin`], no handle and no value of this plugin exists. Then none can be made any more.
    pub(crate) fn into_backend(mut self) -> Result<Box<dyn Backend>, Plugin> {
        self.lineage().forget_gone(&self);
        if !self.is_sole() {
            return Err(self);
        }
        let loaded = Arc::into_inner(self.0).expect("the sole `Plugin`");
        drop(loaded.exports);
        let backend = Arc::into_inner(loaded.backend).expect("the only share");
        Ok(backend.into_inner())
    }

    /// Returns true if no other code has a share of the plugin.
    ///
    /// The order of the checks matters: a `Plugin` can give out new handles, and a handle can give out new values.
    fn is_sole(&mut self) -> bool {
        let Some(loaded) = Arc::get_mut(&mut self.0) else { return false };
        let Loaded { exports, backend, .. } = loaded;
        if !exports.values_mut().all(|export| Arc::get_mut(&mut export.site).is_some()) {
            return false;
        }
        // No other code has a site. Each site has a share of the backend. The sites give up their shares for a moment, to
        // see whether others exist.
        let mut give = |origin: &dyn Fn() -> Origin| {
            let sites = exports.values_mut().filter_map(|export| Arc::get_mut(&mut export.site));
            sites.for_each(|site| site.origin = origin());
        };
        give(&|| Origin::HOST);
        if SharedBackend::end_if_sole(backend) {
            return true;
        }
        give(&|| Origin::of(backend.clone()));
        false
    }

    /// Returns the other handles and values of this plugin that exist.
    pub(crate) fn in_use(&self) -> Vec<PinReason> {
        let loaded = &*self.0;
        let handles = self.handles().map(|(name, _, plain, live)| (name.to_owned(), plain + live));
        let plugins = Arc::strong_count(&self.0) - 1;
        let shares = loaded.backend.shares();
        let (kept, objects) = shares.map_or((0, None), |shares| (shares.kept(), shares.reason(true)));
        // This one, that of each site, and that of the objects. A handle may have another.
        let values = Arc::strong_count(&loaded.backend).saturating_sub(1 + loaded.exports.len() + kept);
        PinReason::in_use(handles, plugins, values, objects)
    }

    /// Returns the exports with handles in use, and their types. Handles that follow upgrades do not count.
    pub(crate) fn exports_in_use(&self) -> Vec<(&str, &'static [u8])> {
        self.lineage().forget_gone(self);
        let in_use = self.handles().filter(|(_, _, plain, _)| *plain != 0);
        in_use.map(|(name, site, ..)| (name, site.descriptor)).collect()
    }

    /// Returns the exports with handles. For each: the number of handles that stay with this version, and the number of those
    /// that follow upgrades.
    fn handles(&self) -> impl Iterator<Item = (&str, &Site, usize, usize)> {
        // One share of each site is the plugin's own.
        let shares = self.sites().map(|(name, site)| (name, &**site, Arc::strong_count(site) - 1));
        shares.filter(|(.., handles)| *handles != 0).map(|(name, site, handles)| {
            match self.lineage().live_handles(name) {
                // Those that follow have one between them.
                Some(live) => (name, site, handles.saturating_sub(1), live),
                None => (name, site, handles, 0),
            }
        })
    }

    /// Returns true if it exports that name.
    pub(crate) fn has(&self, export: &str) -> bool {
        self.0.exports.contains_key(export)
    }

    /// The names of the exports, in order.
    pub(crate) fn export_names(&self) -> &[String] {
        self.0.description.exports()
    }

    pub(crate) fn description(&self) -> &Arc<Description> {
        &self.0.description
    }

    /// Returns true if the two are the same version of one plugin.
    pub(crate) fn is_same(&self, other: &Plugin) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    pub(crate) fn lineage(&self) -> &Arc<Lineage> {
        &self.0.place.lineage
    }

    /// The exports, by name.
    pub(crate) fn sites(&self) -> impl Iterator<Item = (&'static str, &Arc<Site>)> {
        self.0.exports.iter().map(|(name, export)| (*name, &export.site))
    }

    /// The place where the plugin's code runs.
    pub(crate) fn backend(&self) -> &SharedBackend {
        &self.0.backend
    }

    /// Returns weak references to the plugin and to its backend.
    pub(crate) fn downgrade(&self) -> [Weak<dyn Any + Send + Sync>; 2] {
        let loaded: Weak<Loaded> = Arc::downgrade(&self.0);
        let backend: Weak<SharedBackend> = Arc::downgrade(&self.0.backend);
        [loaded, backend]
    }

    /// The objects of the plugin that other code has, if it has a library.
    pub(crate) fn shares(&self) -> Option<Arc<Shares>> {
        self.0.backend.shares().cloned()
    }

    /// Returns true if the plugin has this name.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        normal(self.name()) == normal(name)
    }

    /// The number of this version: 1 for the one that [`Host::load`](crate::Host::load) loaded, and one more with each
    /// [`Host::reload`](crate::Host::reload).
    pub fn revision(&self) -> u64 {
        self.0.place.revision
    }

    /// Returns the plugin's name: that of its package, unless the plugin was loaded [under another](crate::Host::load_as).
    pub fn name(&self) -> &str {
        self.0.description.name()
    }

    /// Returns the version of the plugin's package.
    pub fn version(&self) -> &str {
        self.0.description.version()
    }

    /// Returns the file that the plugin was loaded from, or `None` if it was [loaded from memory](crate::Host::load_bytes) or is
    /// linked into the program.
    pub fn path(&self) -> Option<&Path> {
        match self.backend().source() {
            PluginSource::File(path, _) => Some(path),
            PluginSource::Memory(_) | PluginSource::Program => None,
        }
    }

    /// Returns the path of the plugin's file.
    pub(crate) fn need_file(&self) -> Result<&Path, Error> {
        match self.backend().source() {
            PluginSource::File(path, _) => Ok(path),
            PluginSource::Memory(label) => Err(Error::InMemory {
                label: label.clone(),
                reason: format!(
                    "so plugin `{}` has no file to be read again or watched; pass its next version to `Host::reload_bytes`",
                    self.name()
                ),
            }),
            PluginSource::Program => Err(Error::Linked { plugin: self.name().to_owned() }),
        }
    }

    /// Returns the path or the label for errors about the plugin. It is empty if the plugin is linked into the program.
    pub(crate) fn shown_path(&self) -> &Path {
        match self.backend().source() {
            PluginSource::File(path, _) | PluginSource::Memory(path) => path,
            PluginSource::Program => Path::new(""),
        }
    }

    /// Returns true if the plugin is linked into the program.
    pub(crate) fn is_linked(&self) -> bool {
        matches!(self.backend().source(), PluginSource::Program)
    }

    /// The stamp that tells whether the file is still the one it was loaded from.
    #[cfg(feature = "watch")]
    pub(crate) fn stamp(&self) -> Option<&Stamp> {
        match self.backend().source() {
            PluginSource::File(_, stamp) => Some(stamp),
            PluginSource::Memory(_) | PluginSource::Program => None,
        }
    }

    /// The plugin's description of itself.
    pub fn info(&self) -> &PluginInfo {
        self.0.description.info()
    }

    /// The plugin's exports, in the order of the names.
    pub fn exports(&self) -> &[ExportInfo] {
        &self.info().exports
    }

    /// Looks up an export of this plugin by name and type, as [`Host::get`](crate::Host::get) does in all.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchExport`], [`Error::TypeMismatch`], [`Error::NoFaults`], and [`Error::Access`] if the plugin panics
    /// while it gives access to a static.
    pub fn get<F: Lookup>(&self, name: &str) -> Result<F::Handle, Error> {
        Fitting::<F>(self.check_type::<F>(name)?.clone(), PhantomData).bind()
    }

    /// The site of the export with that name, if it may be used as the type that is asked for.
    pub(crate) fn check_type<F: Lookup>(&self, name: &str) -> Result<&Arc<Site>, Error> {
        let Exported { site, .. } = self.export(name)?;
        self.check_reach(name, site)?;
        if !F::FLAT.matches(site.descriptor) {
            self.check(name, site.descriptor, Signature::of::<F>(), &F::NODE.to_modules())?;
        }
        if F::TAKES_FAULT && site.refuses_faults {
            return Err(Error::NoFaults { plugin: self.name().to_owned(), name: name.to_owned() });
        }
        Ok(site)
    }

    /// Returns an error if the export cannot be used from this process.
    pub(crate) fn check_reach(&self, name: &str, site: &Site) -> Result<(), Error> {
        check_reach(self.name(), (name, site.descriptor), site.entry, site.context)
    }

    /// The export with that name.
    pub(crate) fn export(&self, name: &str) -> Result<&Exported, Error> {
        let Some(export) = self.0.exports.get(name) else {
            no_nul(name)?;
            let exports = self.0.description.exports().iter().map(String::as_str);
            return Err(Error::no_such_export(name, Some(self.name()), exports));
        };
        Ok(export)
    }

    /// The modules of an export's types, one a line, as far as they are known.
    pub(crate) fn modules(&self, name: &str) -> &'static str {
        self.0.exports.get(name).map_or("", |export| export.modules)
    }

    /// Checks that an export can be used as the type that is asked for, although the descriptors differ.
    #[cold]
    fn check(&self, name: &str, descriptor: &[u8], asked: Signature, modules: &str) -> Result<(), Error> {
        let exported = Signature::read(descriptor);
        if asked.accepts(&exported) {
            return Ok(());
        }
        let difference = asked.difference(&exported, Sides::LOOK_UP);
        let origins = asked.origins(&exported, Sides::LOOK_UP, [modules, self.modules(name)]);
        let (plugin, name) = (self.name().to_owned(), name.to_owned());
        Err(Error::TypeMismatch(Box::new(TypeMismatch { plugin, name, asked, exported, difference, origins })))
    }
}

/// The site of an export that may be used as the type `F`.
pub(crate) struct Fitting<F>(Arc<Site>, PhantomData<F>);

impl<F: Lookup> Fitting<F> {
    /// The site, if it has an entry, its descriptor is that of `F`, and `F` asks for no fault that the site refuses.
    #[inline]
    pub(crate) fn of(site: Arc<Site>) -> Option<Self> {
        let has_entry = !site.entry.is_null();
        let fits = has_entry && F::FLAT.matches(site.descriptor) && !(F::TAKES_FAULT && site.refuses_faults);
        fits.then(|| Fitting(site, PhantomData))
    }

    /// Makes a handle to the export.
    #[inline]
    pub(crate) fn bind(self) -> Result<F::Handle, Error> {
        // SAFETY: the site's descriptor fits `F::NODE`: `of` and `Plugin::get` alone make a `Fitting<F>`, when they have compared the
        // descriptors. They have also checked that the site has an entry or a proxy, and only functions have proxies.
        // By the rules of `Backend`, the site's parts are of that descriptor, and valid while the backend exists, of which the
        // site's origin has a share.
        unsafe { F::bind(self.0) }.map_err(|fault| Error::Access(Box::new(fault)))
    }
}

impl Serving for Plugin {
    fn revision(&self) -> u64 {
        self.0.place.revision
    }

    fn site(&self, export: &str) -> Option<&Arc<Site>> {
        self.0.exports.get(export).map(|export| &export.site)
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name())
            .field("version", &self.version())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use plugin_core::host::descriptor::Tag;

    use super::*;
    use crate::backend::Detached;
    use crate::backend::state::StateHooks;
    use crate::inspect::info::PanicStrategy;
    use crate::schema::testing::*;

    /// A backend with exports of the type `fn()`, which are not called.
    struct Uncalled {
        exports: Vec<&'static str>,
        source: PluginSource,
    }

    // SAFETY: no test calls an entry, and the descriptors are leaked.
    unsafe impl Backend for Uncalled {
        fn source(&self) -> &PluginSource {
            &self.source
        }

        fn exports(&self) -> Box<dyn Iterator<Item = Offer> + '_> {
            let descriptor = <fn() as Lookup>::NODE.to_bytes().leak();
            let offer = |name| Offer {
                name,
                descriptor,
                modules: "",
                entry: std::ptr::dangling(),
                context: std::ptr::null(),
                invoke: None,
            };
            Box::new(self.exports.iter().copied().map(offer))
        }

        fn state_hooks(&self) -> StateHooks {
            StateHooks::default()
        }

        fn detach(self: Box<Self>, _: Option<Duration>) -> Arc<dyn Detached> {
            unreachable!("no test unloads it")
        }
    }

    /// Returns a plugin from a file, with exports of these names, which are not called.
    pub(crate) fn plugin(name: &str, exports: &[&'static str], place: Place) -> Plugin {
        let info = |name: &&str| ExportInfo {
            name: (*name).to_owned(),
            docs: String::new(),
            signature: Signature::of::<fn()>(),
            arguments: Vec::new(),
            module: String::new(),
            line: 1,
        };
        let info = PluginInfo {
            name: name.to_owned(),
            version: String::new(),
            sdk: String::new(),
            rustc: String::new(),
            target: String::new(),
            panic: PanicStrategy::Unwind,
            exports: exports.iter().map(info).collect(),
        };
        let backend = Uncalled { exports: exports.to_vec(), source: PluginSource::Memory(name.into()) };
        Plugin::new(info.into(), false, Box::new(backend), place)
    }

    #[test]
    fn a_look_up_allows_for_growth_and_nothing_else() {
        let plugin = plugin("newer", &[], Place::first(Weak::<()>::new()));
        let config = |more: &[Bytes]| {
            let path = field("path", leaf(Tag::PathBuf));
            takes(named("Config", growing(&[&[path], more].concat())))
        };
        let check = |exported: &[u8]| plugin.check("run", exported, signature(&config(&[])), "");
        check(&config(&[default("retries", leaf(Tag::U32))])).unwrap();

        let error = check(&config(&[field("retries", leaf(Tag::U32)), default("delay", leaf(Tag::U8))])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "export `run` of plugin `newer` has another type
  asked for: fn(Config)
  exported:  fn(Config)
  difference:
    argument 1: Config: field `retries: u32` only in the plugin, and without a default
    hint: a struct that may grow gets new fields only after all others, and each with `#[plugin_type(default)]`"
        );
        let error = check(&[0]).unwrap_err();
        assert!(error.to_string().contains("exported:  (a type of another version of the SDK)\n"), "{error}");
    }
}
