//! The contenders: each makes the same calls, with ordinary types on this side.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use abi_stable::library::{RootModule as _, lib_header_from_path};
use interface::for_bare::{Owned, RawMap, RawRecord, RawResult, give_map, take_map};
use interface::{Record, for_abi_stable, for_stabby, work};
use plugin_host::build::Build;
use plugin_host::{Function, Host, Plugin, Trust};
use stabby::libloading::StabbyLibrary as _;

/// The calls that each contender makes.
pub trait Contender {
    /// Adds.
    fn add(&self, a: u64, b: u64) -> u64;
    /// Makes a text.
    fn greet(&self, name: &str) -> String;
    /// Reads a slice.
    fn sum(&self, numbers: &[f64]) -> f64;
    /// Changes a vector.
    fn scale(&self, numbers: Vec<f64>, by: f64) -> Vec<f64>;
    /// Changes a record.
    fn update(&self, record: Record) -> Record;
    /// Succeeds for even numbers.
    fn halve(&self, n: u64) -> Result<u64, String>;
    /// Changes a map's values.
    fn count(&self, map: HashMap<String, u64>) -> HashMap<String, u64>;
}

/// The contenders' plugins, built in release.
pub struct Libraries {
    /// Hand-written.
    pub bare: PathBuf,
    /// Ours, with the host's allocator.
    pub ours: PathBuf,
    /// Ours, with an allocator of its own.
    pub ours_own_memory: PathBuf,
    /// abi_stable's.
    pub abi_stable: PathBuf,
    /// stabby's.
    pub stabby: PathBuf,
    /// hot-lib-reloader's.
    pub hot: PathBuf,
}

/// The directory of this crate.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The build directory of a plugin. Each plugin is built by itself, so that no features of the host get into it.
pub fn target_dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    std::path::absolute(target).expect("a directory").join("contenders")
}

/// Builds the plugin in `directory`.
pub fn build(directory: &Path) -> PathBuf {
    Build::new(directory)
        .release()
        .target_dir(target_dir())
        .arg("--quiet")
        .run()
        .unwrap_or_else(|error| panic!("{error}"))
}

impl Libraries {
    /// Builds the plugins.
    pub fn build() -> Self {
        let plugin = |name: &str| build(&root().join("plugins").join(name));
        Libraries {
            bare: plugin("bare"),
            ours: plugin("ours"),
            ours_own_memory: plugin("ours-own-memory"),
            abi_stable: plugin("abi-stable-plugin"),
            stabby: plugin("stabby-plugin"),
            hot: plugin("hot"),
        }
    }
}

/// A host that loads plugins that were built here.
pub fn host() -> Host {
    // SAFETY: this program gives its hosts only plugins that it has built, from the sources beside this one.
    Host::new(unsafe { Trust::any() })
}

/// A Rust function that is called directly.
pub struct Direct;

impl Contender for Direct {
    #[inline(never)]
    fn add(&self, a: u64, b: u64) -> u64 {
        work::add(a, b)
    }
    #[inline(never)]
    fn greet(&self, name: &str) -> String {
        work::greet(name)
    }
    #[inline(never)]
    fn sum(&self, numbers: &[f64]) -> f64 {
        work::sum(numbers)
    }
    #[inline(never)]
    fn scale(&self, numbers: Vec<f64>, by: f64) -> Vec<f64> {
        work::scale(numbers, by)
    }
    #[inline(never)]
    fn update(&self, record: Record) -> Record {
        work::update(record)
    }
    #[inline(never)]
    fn halve(&self, n: u64) -> Result<u64, String> {
        work::halve(n)
    }
    #[inline(never)]
    fn count(&self, map: HashMap<String, u64>) -> HashMap<String, u64> {
        work::count(map)
    }
}

/// The limit.
pub struct Bare {
    add: extern "C" fn(u64, u64) -> u64,
    greet: unsafe extern "C" fn(*const u8, usize) -> Owned<u8>,
    sum: unsafe extern "C" fn(*const f64, usize) -> f64,
    scale: unsafe extern "C" fn(Owned<f64>, f64) -> Owned<f64>,
    update: unsafe extern "C" fn(RawRecord) -> RawRecord,
    halve: extern "C" fn(u64) -> RawResult,
    count: unsafe extern "C" fn(RawMap) -> RawMap,
    _library: libloading::Library,
}

impl Bare {
    /// Loads it.
    pub fn load(path: &Path) -> Self {
        // SAFETY: the library is `plugins/bare`, which was built here. Its initializers are those of Rust's std, and its source
        // gives the functions these types. `_library` keeps it open as long as the functions can be called.
        unsafe {
            let library = libloading::Library::new(path).expect("the library");
            let missing = "a function that is exported";
            Bare {
                add: *library.get("add").expect(missing),
                greet: *library.get("greet").expect(missing),
                sum: *library.get("sum").expect(missing),
                scale: *library.get("scale").expect(missing),
                update: *library.get("update").expect(missing),
                halve: *library.get("halve").expect(missing),
                count: *library.get("count").expect(missing),
                _library: library,
            }
        }
    }
}

impl Contender for Bare {
    #[inline(always)]
    fn add(&self, a: u64, b: u64) -> u64 {
        (self.add)(a, b)
    }
    #[inline(always)]
    fn greet(&self, name: &str) -> String {
        // SAFETY: `greet` expects the address and the length of a `str`. It gives a `String` away, which is taken once. Both
        // sides allocate with the C library.
        unsafe { (self.greet)(name.as_ptr(), name.len()).take_text() }
    }
    #[inline(always)]
    fn sum(&self, numbers: &[f64]) -> f64 {
        // SAFETY: `sum` expects the address and the length of a slice, which is borrowed during the call.
        unsafe { (self.sum)(numbers.as_ptr(), numbers.len()) }
    }
    #[inline(always)]
    fn scale(&self, numbers: Vec<f64>, by: f64) -> Vec<f64> {
        // SAFETY: `scale` takes the vector once, and the one that it gives back is taken once. Both sides allocate with the C
        // library.
        unsafe { (self.scale)(Owned::new(numbers), by).take() }
    }
    #[inline(always)]
    fn update(&self, record: Record) -> Record {
        // SAFETY: `update` takes the record once, and the one that it gives back is taken once. Both sides allocate with the C
        // library.
        unsafe { (self.update)(RawRecord::new(record)).take() }
    }
    #[inline(always)]
    fn halve(&self, n: u64) -> Result<u64, String> {
        // SAFETY: `halve` gives a result away, which is taken once. Both sides allocate with the C library.
        unsafe { (self.halve)(n).take() }
    }
    #[inline(always)]
    fn count(&self, map: HashMap<String, u64>) -> HashMap<String, u64> {
        // SAFETY: `count` takes the map once, and the one that it gives back is taken once. Both sides allocate with the C
        // library.
        unsafe { take_map((self.count)(give_map(map))) }
    }
}

/// Ours.
pub struct Ours {
    add: Function<fn(u64, u64) -> u64>,
    greet: Function<fn(&str) -> String>,
    sum: Function<fn(&[f64]) -> f64>,
    scale: Function<fn(Vec<f64>, f64) -> Vec<f64>>,
    update: Function<fn(Record) -> Record>,
    halve: Function<fn(u64) -> Result<u64, String>>,
    count: Function<fn(HashMap<String, u64>) -> HashMap<String, u64>>,
}

impl Ours {
    /// Looks the exports up.
    pub fn of(plugin: &Plugin) -> Result<Self, plugin_host::Error> {
        Ok(Ours {
            add: plugin.get::<fn(u64, u64) -> u64>("add")?,
            greet: plugin.get::<fn(&str) -> String>("greet")?,
            sum: plugin.get::<fn(&[f64]) -> f64>("sum")?,
            scale: plugin.get::<fn(Vec<f64>, f64) -> Vec<f64>>("scale")?,
            update: plugin.get::<fn(Record) -> Record>("update")?,
            halve: plugin.get::<fn(u64) -> Result<u64, String>>("halve")?,
            count: plugin.get::<fn(HashMap<String, u64>) -> HashMap<String, u64>>("count")?,
        })
    }

    /// Loads it.
    pub fn load(path: &Path) -> Self {
        let plugin = host().load(path);
        plugin.and_then(|plugin| Ours::of(&plugin)).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Contender for Ours {
    #[inline(always)]
    fn add(&self, a: u64, b: u64) -> u64 {
        (self.add)(a, b)
    }
    #[inline(always)]
    fn greet(&self, name: &str) -> String {
        (self.greet)(name)
    }
    #[inline(always)]
    fn sum(&self, numbers: &[f64]) -> f64 {
        (self.sum)(numbers)
    }
    #[inline(always)]
    fn scale(&self, numbers: Vec<f64>, by: f64) -> Vec<f64> {
        (self.scale)(numbers, by)
    }
    #[inline(always)]
    fn update(&self, record: Record) -> Record {
        (self.update)(record)
    }
    #[inline(always)]
    fn halve(&self, n: u64) -> Result<u64, String> {
        (self.halve)(n)
    }
    #[inline(always)]
    fn count(&self, map: HashMap<String, u64>) -> HashMap<String, u64> {
        (self.count)(map)
    }
}

/// abi_stable's. The functions are taken out of the module once, as the other contenders' handles are.
pub struct AbiStable {
    add: extern "C" fn(u64, u64) -> u64,
    greet: extern "C" fn(abi_stable::std_types::RStr<'_>) -> abi_stable::std_types::RString,
    sum: extern "C" fn(abi_stable::std_types::RSlice<'_, f64>) -> f64,
    scale: extern "C" fn(abi_stable::std_types::RVec<f64>, f64) -> abi_stable::std_types::RVec<f64>,
    update: extern "C" fn(for_abi_stable::StableRecord) -> for_abi_stable::StableRecord,
    halve: extern "C" fn(u64) -> abi_stable::std_types::RResult<u64, abi_stable::std_types::RString>,
    count: extern "C" fn(for_abi_stable::StableMap) -> for_abi_stable::StableMap,
}

impl AbiStable {
    /// Loads it.
    pub fn load(path: &Path) -> Self {
        let module = for_abi_stable::ModuleRef::load_from_file(path).expect("the module");
        AbiStable {
            add: module.add(),
            greet: module.greet(),
            sum: module.sum(),
            scale: module.scale(),
            update: module.update(),
            halve: module.halve(),
            count: module.count(),
        }
    }

    /// Loads a library without abi_stable's cache of loaded libraries. The library is never unloaded.
    pub fn load_another(path: &Path) -> for_abi_stable::ModuleRef {
        lib_header_from_path(path).and_then(|header| header.init_root_module()).expect("the module")
    }
}

impl Contender for AbiStable {
    #[inline(always)]
    fn add(&self, a: u64, b: u64) -> u64 {
        (self.add)(a, b)
    }
    #[inline(always)]
    fn greet(&self, name: &str) -> String {
        (self.greet)(name.into()).into()
    }
    #[inline(always)]
    fn sum(&self, numbers: &[f64]) -> f64 {
        (self.sum)(numbers.into())
    }
    #[inline(always)]
    fn scale(&self, numbers: Vec<f64>, by: f64) -> Vec<f64> {
        (self.scale)(numbers.into(), by).into()
    }
    #[inline(always)]
    fn update(&self, record: Record) -> Record {
        (self.update)(record.into()).into()
    }
    #[inline(always)]
    fn halve(&self, n: u64) -> Result<u64, String> {
        (self.halve)(n).into_result().map_err(String::from)
    }
    #[inline(always)]
    fn count(&self, map: HashMap<String, u64>) -> HashMap<String, u64> {
        for_abi_stable::from_stable_map((self.count)(for_abi_stable::to_stable_map(map)))
    }
}

type StableString = stabby::string::String;

/// stabby's.
pub struct Stabby {
    add: extern "C" fn(u64, u64) -> u64,
    greet: extern "C" fn(stabby::str::Str<'static>) -> StableString,
    sum: extern "C" fn(stabby::slice::Slice<'static, f64>) -> f64,
    scale: extern "C" fn(stabby::vec::Vec<f64>, f64) -> stabby::vec::Vec<f64>,
    update: extern "C" fn(for_stabby::StableRecord) -> for_stabby::StableRecord,
    halve: extern "C" fn(u64) -> stabby::result::Result<u64, StableString>,
    count: extern "C" fn(for_stabby::StableMap) -> for_stabby::StableMap,
    _library: libloading::Library,
}

impl Stabby {
    /// Loads it.
    pub fn load(path: &Path) -> Self {
        // SAFETY: the library is `plugins/stabby-plugin`, which was built here. Its initializers are those of Rust's std.
        // `get_stabbied` compares each type. `_library` keeps it open as long as the functions can be called.
        unsafe {
            let library = libloading::Library::new(path).expect("the library");
            let missing = "a function that is exported";
            Stabby {
                add: *library.get_stabbied(b"add").expect(missing),
                greet: *library.get_stabbied(b"greet").expect(missing),
                sum: *library.get_stabbied(b"sum").expect(missing),
                scale: *library.get_stabbied(b"scale").expect(missing),
                update: *library.get_stabbied(b"update").expect(missing),
                halve: *library.get_stabbied(b"halve").expect(missing),
                count: *library.get_stabbied(b"count").expect(missing),
                _library: library,
            }
        }
    }
}

impl Contender for Stabby {
    #[inline(always)]
    fn add(&self, a: u64, b: u64) -> u64 {
        (self.add)(a, b)
    }
    #[inline(always)]
    fn greet(&self, name: &str) -> String {
        // SAFETY: `greet` reads the text only during the call, for which it is borrowed. Its type asks for `'static` because
        // stabby cannot check a function with another lifetime.
        let name: &'static str = unsafe { &*std::ptr::from_ref(name) };
        (self.greet)(name.into()).as_str().to_owned()
    }
    #[inline(always)]
    fn sum(&self, numbers: &[f64]) -> f64 {
        // SAFETY: `sum` reads the numbers only during the call, for which they are borrowed. Its type asks for `'static`, as
        // that of `greet` does.
        let numbers: &'static [f64] = unsafe { &*std::ptr::from_ref(numbers) };
        (self.sum)(numbers.into())
    }
    #[inline(always)]
    fn scale(&self, numbers: Vec<f64>, by: f64) -> Vec<f64> {
        (self.scale)(numbers.as_slice().into(), by).as_slice().to_vec()
    }
    #[inline(always)]
    fn update(&self, record: Record) -> Record {
        (self.update)(record.into()).into()
    }
    #[inline(always)]
    fn halve(&self, n: u64) -> Result<u64, String> {
        let result: Result<u64, StableString> = (self.halve)(n).into();
        result.map_err(|error| error.as_str().to_owned())
    }
    #[inline(always)]
    fn count(&self, map: HashMap<String, u64>) -> HashMap<String, u64> {
        for_stabby::from_stable_map((self.count)(for_stabby::to_stable_map(map)))
    }
}

/// hot-lib-reloader's, which looks each function up when it is called.
pub struct Hot;

impl Hot {
    /// Loads it.
    pub fn load(path: &Path) -> Self {
        let directory = path.parent().expect("a directory").to_owned();
        HOT_DIRECTORY.set(directory).expect("it is loaded once");
        Hot
    }
}

static HOT_DIRECTORY: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();

#[allow(missing_docs, clippy::pedantic, clippy::all, clippy::undocumented_unsafe_blocks)]
#[hot_lib_reloader::hot_module(dylib = "hot", lib_dir = super::HOT_DIRECTORY.get().expect("it is loaded"))]
mod hot {
    use std::collections::HashMap;

    use interface::Record;

    #[hot_functions]
    unsafe extern "Rust" {
        pub fn add(a: u64, b: u64) -> u64;
        pub fn greet(name: &str) -> String;
        pub fn sum(numbers: &[f64]) -> f64;
        pub fn scale(numbers: Vec<f64>, by: f64) -> Vec<f64>;
        pub fn update(record: Record) -> Record;
        pub fn halve(n: u64) -> Result<u64, String>;
        pub fn count(map: HashMap<String, u64>) -> HashMap<String, u64>;
    }
}

impl Contender for Hot {
    #[inline(always)]
    fn add(&self, a: u64, b: u64) -> u64 {
        hot::add(a, b)
    }
    #[inline(always)]
    fn greet(&self, name: &str) -> String {
        hot::greet(name)
    }
    #[inline(always)]
    fn sum(&self, numbers: &[f64]) -> f64 {
        hot::sum(numbers)
    }
    #[inline(always)]
    fn scale(&self, numbers: Vec<f64>, by: f64) -> Vec<f64> {
        hot::scale(numbers, by)
    }
    #[inline(always)]
    fn update(&self, record: Record) -> Record {
        hot::update(record)
    }
    #[inline(always)]
    fn halve(&self, n: u64) -> Result<u64, String> {
        hot::halve(n)
    }
    #[inline(always)]
    fn count(&self, map: HashMap<String, u64>) -> HashMap<String, u64> {
        hot::count(map)
    }
}
