//! Calls exports, and reads statics, of which nothing is known but their descriptors.

use std::cell::Cell;
use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering};

use plugin_core::Fault;
use plugin_core::descriptor::Tag;
use plugin_core::fault::{Context, FaultRepr, Outcome};
use plugin_core::repr::{AccessRepr, BufferRepr, LockRepr, LockedHead, SliceRepr};
use plugin_core::table::Invoke;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserializer, Serialize as _, Serializer};
use thiserror::Error;

use super::Trouble;
use super::de::Target;
use super::free::{NoMemory, Place};
use super::layout::{Id, Kind, Layouts, Node};
use super::ser::Value;
use crate::error::Error;
use crate::host::Host;
use crate::plugin::{Export, Plugin};
use crate::schema::{Schema, Type};

/// Why a call without types gave no value.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::plugin_export;
/// use plugin_host::{CallError, Host};
///
/// #[plugin_export]
/// fn double(n: u32) -> u32 {
///     n * 2
/// }
///
/// # #[cfg(feature = "json")] {
/// let host = Host::linked()?;
/// let error = host.call_json("double", &serde_json::json!([-1])).unwrap_err();
/// assert!(matches!(error, CallError::Argument { index: 1, .. }));
/// # }
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The export was not found, or the plugin panicked while it gave access to a static.
    #[error(transparent)]
    Lookup(#[from] Error),

    /// The export's type is one that this host does not know, as a later SDK's may be.
    #[error("cannot use `{export}`: this host's version of the SDK does not know its type")]
    UnknownType {
        /// The plugin and the export.
        export: String,
    },

    /// A type in the export's signature is something else than data.
    #[error("cannot use `{export}` without its types: not all of `{declaration}` is data")]
    NotData {
        /// The plugin and the export.
        export: String,
        /// What it is.
        declaration: String,
    },

    /// A static was called.
    #[error("cannot call `{export}`: it is a static, `{declaration}`")]
    NotAFunction {
        /// The plugin and the export.
        export: String,
        /// What it is.
        declaration: String,
    },

    /// A function was read as if it were a static.
    #[error("cannot read `{export}`: it is a function, `{declaration}`")]
    NotAStatic {
        /// The plugin and the export.
        export: String,
        /// What it is.
        declaration: String,
    },

    /// The function changes an argument, and the way it was called has no place for that.
    #[error("cannot call `{export}`: it changes its argument {index} (`{name}`); use `call_json_mut`")]
    Changes {
        /// The plugin and the export.
        export: String,
        /// Which argument, from 1.
        index: usize,
        /// The argument's name.
        name: String,
    },

    /// Another number of arguments was given than the function takes.
    #[error("cannot call `{export}`: {found} given, `{declaration}` takes {expected}", found = count(*found))]
    ArgumentCount {
        /// The plugin and the export.
        export: String,
        /// What it is.
        declaration: String,
        /// How many it takes.
        expected: usize,
        /// How many were given.
        found: usize,
    },

    /// What was given is no list of arguments.
    #[error("cannot call `{export}`: {message}")]
    Arguments {
        /// The plugin and the export.
        export: String,
        /// What is wrong.
        message: String,
    },

    /// An argument is not what the function takes.
    #[error("cannot call `{export}`: argument {index} (`{place}`): {message}")]
    Argument {
        /// The plugin and the export.
        export: String,
        /// Which argument, from 1.
        index: usize,
        /// The argument's name, and where in it: `points[3].x`.
        place: String,
        /// What is wrong.
        message: String,
    },

    /// The function was called, but the format has nothing for what it returned or changed; or a static could not be
    /// represented.
    #[error("{what} of `{export}` cannot be represented: {message}")]
    Unrepresentable {
        /// The plugin and the export.
        export: String,
        /// What could not be, and where in it: the result `result[3]`, an argument, the value of a static.
        what: String,
        /// What is wrong.
        message: String,
    },

    /// A lock was read that is poisoned: somebody panicked while they changed what it guards.
    #[error("cannot read `{export}`: the lock is poisoned")]
    Poisoned {
        /// The plugin and the export.
        export: String,
    },

    /// There is no memory for the result, or for the value of a static.
    #[error("cannot use `{export}`: {message}")]
    NoMemory {
        /// The plugin and the export.
        export: String,
        /// How much it would take.
        message: String,
    },

    /// The plugin panicked.
    #[error(transparent)]
    Fault(Box<Fault>),
}

/// Why there is no value of an export's.
enum Failure {
    Fault(Fault),
    NoMemory(NoMemory),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}

impl From<NoMemory> for Failure {
    fn from(error: NoMemory) -> Self {
        Failure::NoMemory(error)
    }
}

fn count(found: usize) -> String {
    if found == 1 { "1 argument".to_owned() } else { format!("{found} arguments") }
}

/// What is worked out once of an export.
pub(crate) enum Prepared {
    /// A type that this SDK does not know.
    Unknown,
    /// A type that is no data.
    NotData,
    Function {
        layouts: Arc<Layouts>,
        arguments: Vec<Argument>,
        result: Id,
    },
    Static {
        layouts: Arc<Layouts>,
        access: Access,
        value: Id,
    },
}

/// An argument of a function.
pub(crate) struct Argument {
    passing: Passing,
    /// Of what is built for it: `T` for a `&T` too, a `String` for a `&str`, a `Vec<T>` for a `&[T]`.
    built: Id,
}

/// How an argument is passed. Only the first is given away: the others are the host's to drop after the call.
#[derive(Clone, Copy, PartialEq)]
enum Passing {
    /// Itself.
    Own,
    /// By address, for the callee to hold.
    Ref,
    /// By address. The callee leaves another value there.
    Mut,
    /// As text or elements, for the callee to hold.
    Slice,
    /// As elements. The callee leaves others there.
    SliceMut,
}

/// How a static is read.
pub(crate) enum Access {
    /// The accessor returns where the value is.
    Value,
    /// The accessor returns where the elements are, of which a buffer is what is read.
    Elements,
    /// The accessor returns where an atomic is, of the type with this tag.
    Atomic(Tag),
    /// The accessor returns what operates a lock.
    Lock,
}

impl Prepared {
    fn new(descriptor: &[u8]) -> Self {
        let Some(schema) = Schema::decode(descriptor) else { return Prepared::Unknown };
        Self::of(&schema).unwrap_or(Prepared::NotData)
    }

    fn of(schema: &Schema) -> Option<Self> {
        // What is built of `&str` and the like.
        let behind = |ty: &Type| match ty.tag {
            Tag::Str => Some(ty.with_tag(Tag::String)),
            Tag::Path => Some(ty.with_tag(Tag::PathBuf)),
            Tag::OsStr => Some(ty.with_tag(Tag::OsString)),
            Tag::Slice => Some(ty.with_tag(Tag::Vec)),
            _ => None,
        };
        let root = &schema.root;
        match (root.tag, schema.parts(root)) {
            (Tag::Fn, [arguments @ .., result]) => {
                let arguments = arguments.iter().map(|argument| match (argument.tag, schema.parts(argument)) {
                    (Tag::Ref, [inner]) => match behind(inner) {
                        Some(built) => (Passing::Slice, built),
                        None => (Passing::Ref, *inner),
                    },
                    (Tag::Mut, [inner]) => match behind(inner) {
                        Some(built) => (Passing::SliceMut, built),
                        None => (Passing::Mut, *inner),
                    },
                    _ => (Passing::Own, *argument),
                });
                let (passings, types): (Vec<Passing>, Vec<Type>) = arguments.unzip();
                let types: Vec<&Type> = types.iter().chain([result]).collect();
                let (layouts, mut built) = Layouts::new(schema, &types)?;
                let result = built.pop()?;
                let arguments = passings.into_iter().zip(built).map(|(passing, built)| Argument { passing, built });
                Some(Prepared::Function { layouts: Arc::new(layouts), arguments: arguments.collect(), result })
            }
            (tag, [inner]) => {
                let (access, ty) = match tag {
                    Tag::Static if inner.tag == Tag::Ref => (Access::Elements, behind(schema.parts(inner).first()?)?),
                    Tag::Static => (Access::Value, *inner),
                    Tag::Atomic if is_atomic(inner.tag) => (Access::Atomic(inner.tag), *inner),
                    Tag::RwLock | Tag::Mutex => (Access::Lock, *inner),
                    _ => return None,
                };
                let (layouts, ids) = Layouts::new(schema, &[&ty])?;
                Some(Prepared::Static { layouts: Arc::new(layouts), access, value: *ids.first()? })
            }
            _ => None,
        }
    }
}

/// An export that is being used.
struct Used<'a> {
    plugin: &'a Plugin,
    name: &'a str,
    export: &'a Export,
}

impl<'a> Used<'a> {
    fn new(plugin: &'a Plugin, name: &'a str) -> Result<(Self, &'a Prepared), CallError> {
        let export = plugin.export(name)?;
        let prepared = export.prepared.get_or_init(|| Prepared::new(export.descriptor));
        Ok((Used { plugin, name, export }, prepared))
    }

    fn label(&self) -> String {
        self.export.site.label.clone()
    }

    fn declaration(&self) -> String {
        let info = self.plugin.exports().iter().find(|export| export.name == self.name);
        info.map(ToString::to_string).unwrap_or_default()
    }

    fn argument_name(&self, index: usize) -> &'a str {
        let info = self.plugin.exports().iter().find(|export| export.name == self.name);
        info.and_then(|info| info.arguments.get(index)).map_or("_", String::as_str)
    }

    /// The error of a failure; `of_fault` makes that of a fault.
    fn failed(&self, failure: Failure, of_fault: impl FnOnce(Box<Fault>) -> CallError) -> CallError {
        match failure {
            Failure::Fault(mut fault) => {
                fault.export = Some(self.label());
                of_fault(Box::new(fault))
            }
            Failure::NoMemory(error) => CallError::NoMemory { export: self.label(), message: error.to_string() },
        }
    }

    fn unusable(&self, prepared: &Prepared) -> CallError {
        let (export, declaration) = (self.label(), self.declaration());
        match prepared {
            Prepared::Unknown => CallError::UnknownType { export },
            Prepared::NotData => CallError::NotData { export, declaration },
            Prepared::Function { .. } => CallError::NotAStatic { export, declaration },
            Prepared::Static { .. } => CallError::NotAFunction { export, declaration },
        }
    }

    /// Serialises the value that the place has at `offset`.
    ///
    /// # Safety
    ///
    /// There is one, of the type.
    unsafe fn represent<S: Serializer>(
        &self,
        (layouts, id): (&Layouts, Id),
        at: *const u8,
        what: impl FnOnce(&str) -> String,
        serializer: S,
    ) -> Result<S::Ok, CallError> {
        let trouble = Trouble::default();
        // SAFETY: the caller's promise.
        let value = unsafe { Value::new(layouts, id, at, &trouble) };
        value.serialize(serializer).map_err(|error| CallError::Unrepresentable {
            export: self.label(),
            what: what(&trouble.take()),
            message: error.to_string(),
        })
    }
}

/// A function that is being called.
struct Call<'a> {
    used: Used<'a>,
    layouts: &'a Arc<Layouts>,
    arguments: &'a [Argument],
    result: Id,
    invoke: Invoke,
}

/// What a function has returned.
struct Returned<'a> {
    place: Place<'a>,
    offset: usize,
}

impl<'a> Call<'a> {
    fn new(plugin: &'a Plugin, name: &'a str) -> Result<Self, CallError> {
        let (used, prepared) = Used::new(plugin, name)?;
        match (prepared, used.export.invoke) {
            (Prepared::Function { layouts, arguments, result }, Some(invoke)) => {
                Ok(Call { used, layouts, arguments, result: *result, invoke })
            }
            // A function of this SDK's has what calls it.
            (Prepared::Function { .. }, None) => Err(used.unusable(&Prepared::Unknown)),
            (other, _) => Err(used.unusable(other)),
        }
    }

    /// Refuses a function that changes an argument.
    fn changes_nothing(&self) -> Result<(), CallError> {
        let changes = |argument: &Argument| matches!(argument.passing, Passing::Mut | Passing::SliceMut);
        match self.arguments.iter().position(changes) {
            None => Ok(()),
            Some(index) => Err(CallError::Changes {
                export: self.used.label(),
                index: index + 1,
                name: self.used.argument_name(index).to_owned(),
            }),
        }
    }

    fn wrong_count(&self, found: usize) -> CallError {
        CallError::ArgumentCount {
            export: self.used.label(),
            declaration: self.used.declaration(),
            expected: self.arguments.len(),
            found,
        }
    }

    /// Builds the arguments.
    fn build<'de, D: Deserializer<'de>>(&self, arguments: D) -> Result<Vec<Place<'a>>, CallError> {
        let (trouble, at) = (Trouble::default(), Cell::new(At::Before));
        let visitor = ArgumentsVisitor { call: self, trouble: &trouble, at: &at };
        arguments.deserialize_tuple(self.arguments.len(), visitor).map_err(|error| match at.get() {
            At::Argument(index) => CallError::Argument {
                export: self.used.label(),
                index: index + 1,
                place: format!("{}{}", self.used.argument_name(index), trouble.take()),
                message: error.to_string(),
            },
            At::End(found) => self.wrong_count(found),
            At::Before => CallError::Arguments { export: self.used.label(), message: error.to_string() },
        })
    }

    /// The type of an argument's elements, if it is a sequence of some that own anything.
    fn owning_element(&self, index: usize) -> Option<&'a Node> {
        let Kind::Sequence(element) = self.layouts.get(self.arguments[index].built).kind else { return None };
        Some(self.layouts.get(element)).filter(|element| element.owns)
    }

    /// Calls the function. Afterwards the arguments have all but what was given away.
    fn invoke(&self, arguments: &mut [Place<'a>]) -> Result<Returned<'a>, CallError> {
        self.try_invoke(arguments).map_err(|failure| self.used.failed(failure, CallError::Fault))
    }

    fn try_invoke(&self, arguments: &mut [Place<'a>]) -> Result<Returned<'a>, Failure> {
        let addresses: Vec<*mut u8> = arguments.iter().map(Place::at).collect();
        // SAFETY: of such an argument a buffer was built.
        let buffer = |index: usize| unsafe { addresses[index].cast::<BufferRepr>().read() };
        let passings = || self.arguments.iter().map(|argument| argument.passing).enumerate();
        // The callee may hold elements where their `Repr`s are. Those that own something are to be dropped after the call, so
        // it gets a copy of them.
        let mut copies = Vec::new();
        let mut lent = Vec::with_capacity(arguments.len());
        for (index, passing) in passings() {
            lent.push(match passing {
                Passing::Own | Passing::Ref | Passing::Mut => None,
                Passing::Slice | Passing::SliceMut => {
                    let (mut ptr, len) = buffer(index).raw_parts();
                    if let (Passing::Slice, Some(element)) = (passing, self.owning_element(index)) {
                        let copy = Place::new(self.layouts, element.size * len, element.align)?;
                        // SAFETY: as many elements are there, and nobody drops what is in a place that holds nothing.
                        unsafe { copy.at().copy_from_nonoverlapping(ptr, element.size * len) };
                        ptr = copy.at();
                        copies.push(copy);
                    }
                    Some(SliceRepr::from_raw_parts(ptr, len))
                }
            });
        }
        let passed: Vec<*const c_void> = passings()
            .map(|(index, passing)| match (passing, &lent[index]) {
                (Passing::Own, _) => addresses[index].cast_const().cast(),
                (_, Some(lent)) => std::ptr::from_ref(lent).cast(),
                (_, None) => (&raw const addresses[index]).cast(),
            })
            .collect();

        let node = self.layouts.get(self.result);
        let (mut place, offset) = outcome_place(self.layouts, node.align, 0, node.size)?;
        // SAFETY: each address is of what the descriptor says of the argument, and the place is laid out as the outcome.
        unsafe { (self.invoke)(std::ptr::null(), passed.as_ptr(), place.at().cast()) };

        for (index, passing) in passings() {
            if passing == Passing::Own {
                arguments[index].emptied();
            }
        }
        // SAFETY: an outcome begins so.
        let word = unsafe { place.at().cast::<usize>().read() };
        if word <= 1 && matches!(node.kind, Kind::Option(..) | Kind::Result(..)) {
            // SAFETY: such a value begins with its tag, which is returned beside it.
            unsafe { place.at().add(offset).write(word as u8) }
        } else {
            // SAFETY: of this call, in a plugin that is loaded.
            unsafe { fault_of(&place) }?;
        }
        // SAFETY: no fault, so the value is there; the plugin stays loaded, for `self` has borrowed it.
        unsafe { place.holds(self.result, offset) };
        Ok(Returned { place, offset })
    }

    fn represent_result<S: Serializer>(&self, returned: &Returned<'_>, serializer: S) -> Result<S::Ok, CallError> {
        let at = returned.place.at().wrapping_add(returned.offset);
        let what = |path: &str| format!("the result (`result{path}`)");
        // SAFETY: the result is there.
        unsafe { self.used.represent((self.layouts, self.result), at, what, serializer) }
    }
}

/// How far the arguments have been read.
#[derive(Clone, Copy)]
enum At {
    Before,
    Argument(usize),
    End(usize),
}

struct ArgumentsVisitor<'a, 'b> {
    call: &'b Call<'a>,
    trouble: &'b Trouble,
    at: &'b Cell<At>,
}

impl<'de, 'a> Visitor<'de> for ArgumentsVisitor<'a, '_> {
    type Value = Vec<Place<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a sequence of {} arguments", self.call.arguments.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<Place<'a>>, A::Error> {
        let Call { layouts, arguments, .. } = self.call;
        let mut places = Vec::with_capacity(arguments.len());
        for (index, Argument { built, .. }) in arguments.iter().enumerate() {
            self.at.set(At::Argument(index));
            let node = layouts.get(*built);
            let mut place = Place::new(layouts, node.size, node.align).map_err(A::Error::custom)?;
            // SAFETY: there is room for such a value.
            let target = unsafe { Target::new(layouts, *built, place.at(), self.trouble) };
            let Some(done) = sequence.next_element_seed(target)? else {
                self.at.set(At::End(index));
                return Err(A::Error::invalid_length(index, &self));
            };
            done.keep();
            // SAFETY: just built, by the host.
            unsafe { place.holds(*built, 0) };
            places.push(place);
        }
        self.at.set(At::Before);
        Ok(places)
    }
}

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

type Accessor<A> = unsafe extern "C" fn(Context) -> Outcome<A>;

/// The value of a static.
struct StaticValue<'a> {
    /// Where the value is.
    at: *const u8,
    /// Where it is if it is not the plugin's.
    _place: Place<'a>,
    /// What ends the loan.
    lent: Lent,
}

/// A loan of a plugin's, on this thread.
enum Lent {
    Static(AccessRepr),
    Lock(Locked),
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Lent::Static(access) = self {
            // SAFETY: ended once, in a plugin that is loaded.
            unsafe { access.end() }
        }
    }
}

/// A lock that is held. How it is operated does not depend on the type.
struct Locked {
    lock: LockRepr<u8>,
    head: LockedHead,
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: taken on this thread, which this cannot leave, and given back once.
        unsafe { self.lock.end_read(self.head.guard) }
    }
}

impl<'a> StaticValue<'a> {
    /// Reads the value of a static.
    ///
    /// # Safety
    ///
    /// It is of the type, and the export's accessor gives this access to it.
    unsafe fn read(export: &Export, layouts: &'a Layouts, access: &Access, value: Id) -> Result<Self, Failure> {
        match access {
            // SAFETY: the caller's promise.
            Access::Lock => unsafe { Self::read_lock(export, layouts, value) },
            // SAFETY: as above.
            _ => unsafe { Self::read_access(export, layouts, access, value) },
        }
    }

    /// # Safety
    ///
    /// As above, and it is no lock.
    unsafe fn read_access(export: &Export, layouts: &'a Layouts, access: &Access, value: Id) -> Result<Self, Failure> {
        let node = layouts.get(value);
        let place = Place::new(layouts, node.size, node.align)?;
        // SAFETY: what the accessor of such a static is.
        let entry = unsafe { std::mem::transmute::<*const c_void, Accessor<AccessRepr>>(export.site.entry) };
        // SAFETY: the site keeps the library loaded; the outcome is taken apart once.
        let lent = unsafe { entry(std::ptr::null()).into_result()? };
        let (first, _) = lent.elements().raw_parts();
        let at = match access {
            Access::Atomic(tag) => {
                // SAFETY: the address of the static; an atomic is laid out as what it holds.
                unsafe { load(*tag, first, place.at()) };
                place.at()
            }
            Access::Elements => {
                // SAFETY: the place is for a buffer.
                unsafe { place.at().cast::<BufferRepr>().write(BufferRepr::of_slice(lent.elements())) };
                place.at()
            }
            Access::Value | Access::Lock => first,
        };
        Ok(StaticValue { at, _place: place, lent: Lent::Static(lent) })
    }

    /// # Safety
    ///
    /// As above, and it is a lock.
    unsafe fn read_lock(export: &Export, layouts: &'a Layouts, value: Id) -> Result<Self, Failure> {
        // SAFETY: what the accessor of such a static is; what it returns is laid out alike for each type.
        let entry = unsafe { std::mem::transmute::<*const c_void, Accessor<LockRepr<u8>>>(export.site.entry) };
        // SAFETY: the site keeps the library loaded; the outcome is taken apart once.
        let lock = unsafe { entry(std::ptr::null()).into_result()? };
        let node = layouts.get(value);
        let (place, head_offset) = outcome_place(layouts, node.align, LockedHead::value_offset(node.align), node.size)?;
        // SAFETY: there is room.
        unsafe { lock.read_to(place.at().cast()) };
        // SAFETY: an outcome, of a plugin that is loaded.
        unsafe { fault_of(&place)? };
        // SAFETY: no fault, so what was locked is there.
        let head = unsafe { place.at().add(head_offset).cast::<LockedHead>().read() };
        let at = place.at().wrapping_add(head_offset + LockedHead::value_offset(node.align));
        Ok(StaticValue { at, _place: place, lent: Lent::Lock(Locked { lock, head }) })
    }
}

/// A place for an outcome of something whose last part, at `before`, has this size and alignment. And where in it that
/// something is.
fn outcome_place(layouts: &Layouts, align: usize, before: usize, size: usize) -> Result<(Place<'_>, usize), NoMemory> {
    let all_align = align.max(align_of::<*mut FaultRepr>());
    let offset = size_of::<*mut FaultRepr>().next_multiple_of(if before == 0 { align } else { all_align });
    let all = (offset + before).checked_add(size).and_then(|end| end.checked_next_multiple_of(all_align));
    let place = Place::new(layouts, all.ok_or(NoMemory::UNKNOWN)?, all_align)?;
    Ok((place, offset))
}

/// Takes the fault that an outcome has, if it has one.
///
/// # Safety
///
/// An outcome is there, of a plugin that is still loaded.
unsafe fn fault_of(outcome: &Place<'_>) -> Result<(), Fault> {
    // SAFETY: an outcome begins so.
    let fault = unsafe { outcome.at().cast::<*mut FaultRepr>().read() };
    // SAFETY: the outcome's own, which is looked at once.
    if fault.is_null() { Ok(()) } else { Err(unsafe { FaultRepr::take(fault) }) }
}

/// Whether there is an atomic of that type.
fn is_atomic(tag: Tag) -> bool {
    use Tag::*;
    matches!(tag, Bool | U8 | I8 | U16 | I16 | U32 | I32 | Usize | Isize)
        || (cfg!(target_has_atomic = "64") && matches!(tag, U64 | I64))
}

/// Loads an atomic.
///
/// # Safety
///
/// `from` is the address of an atomic of that type, and `to` of a place for its value.
unsafe fn load(tag: Tag, from: *mut u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        match tag {
            Tag::Bool | Tag::U8 | Tag::I8 => to.write((*from.cast::<AtomicU8>()).load(Ordering::SeqCst)),
            Tag::U16 | Tag::I16 => to.cast::<u16>().write((*from.cast::<AtomicU16>()).load(Ordering::SeqCst)),
            Tag::U32 | Tag::I32 => to.cast::<u32>().write((*from.cast::<AtomicU32>()).load(Ordering::SeqCst)),
            #[cfg(target_has_atomic = "64")]
            Tag::U64 | Tag::I64 => {
                use std::sync::atomic::AtomicU64;
                to.cast::<u64>().write((*from.cast::<AtomicU64>()).load(Ordering::SeqCst));
            }
            Tag::Usize | Tag::Isize => to.cast::<usize>().write((*from.cast::<AtomicUsize>()).load(Ordering::SeqCst)),
            _ => unreachable!("there is no such atomic"),
        }
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

#[cfg(feature = "json")]
mod json {
    use serde_json::Value as Json;
    use serde_json::value::Serializer;

    use super::*;

    impl Call<'_> {
        fn build_json(&self, arguments: &Json) -> Result<Vec<Place<'_>>, CallError> {
            match arguments {
                Json::Array(list) if list.len() == self.arguments.len() => self.build(arguments),
                Json::Array(list) => Err(self.wrong_count(list.len())),
                _ => Err(CallError::Arguments {
                    export: self.used.label(),
                    message: "the arguments are not in an array".to_owned(),
                }),
            }
        }
    }

    impl Plugin {
        /// Calls a function of this plugin's with an array of arguments as JSON, and gives its result as JSON.
        ///
        /// # Errors
        ///
        /// Each of [`CallError`]'s. A function that changes an argument is refused:
        /// [`call_json_mut`](Self::call_json_mut) is for those.
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
            let call = Call::new(self, name)?;
            call.changes_nothing()?;
            let mut places = call.build_json(arguments)?;
            let returned = call.invoke(&mut places)?;
            drop(places);
            call.represent_result(&returned, Serializer)
        }

        /// As [`call_json`](Self::call_json), and puts what the function made of its `&mut` arguments in their places,
        /// also if it panicked.
        ///
        /// # Errors
        ///
        /// Each of [`CallError`]'s.
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
            let call = Call::new(self, name)?;
            let mut places = call.build_json(arguments)?;
            let returned = call.invoke(&mut places);
            let mut written = Ok(());
            for (index, (place, argument)) in places.iter().zip(call.arguments).enumerate() {
                if matches!(argument.passing, Passing::Mut | Passing::SliceMut) {
                    let name = call.used.argument_name(index);
                    let what = |path: &str| format!("argument {} (`{name}{path}`)", index + 1);
                    // SAFETY: what the callee has left there.
                    let changed =
                        unsafe { call.used.represent((call.layouts, argument.built), place.at(), what, Serializer) };
                    match changed {
                        Ok(changed) => arguments[index] = changed,
                        Err(error) => written = written.and(Err(error)),
                    }
                }
            }
            drop(places);
            let returned = returned?;
            written?;
            call.represent_result(&returned, Serializer)
        }

        /// Reads a static of this plugin's as JSON. An atomic is loaded, a lock is held while its value is read.
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
        /// Calls a function of whichever loaded plugin exports that name, with an array of arguments as JSON, as
        /// [`Plugin::call_json`] does.
        ///
        /// # Errors
        ///
        /// Those of [`Plugin::call_json`], and [`Error::Ambiguous`] if several plugins export the name.
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

        /// Calls a function of whichever loaded plugin exports that name, as [`Plugin::call_json_mut`] does.
        ///
        /// # Errors
        ///
        /// Those of [`Plugin::call_json_mut`], and [`Error::Ambiguous`] if several plugins export the name.
        ///
        /// For an example see [`Plugin::call_json_mut`].
        pub fn call_json_mut(&self, name: &str, arguments: &mut Json) -> Result<Json, CallError> {
            self.exporter(name)?.call_json_mut(name, arguments)
        }

        /// Reads a static of whichever loaded plugin exports that name, as [`Plugin::get_json`] does.
        ///
        /// # Errors
        ///
        /// Those of [`Plugin::get_json`], and [`Error::Ambiguous`] if several plugins export the name.
        ///
        /// For an example see [`Plugin::get_json`].
        pub fn get_json(&self, name: &str) -> Result<Json, CallError> {
            self.exporter(name)?.get_json(name)
        }
    }
}
