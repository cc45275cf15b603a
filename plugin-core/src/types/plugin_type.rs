//! [`PluginType`]: a type whose values cross.
//!
//! A value crosses as its [`Repr`](PluginType::Repr), a C-compatible form that any two compilers lay out alike. It
//! moves to the other side for good, or is lent for the length of a call:
//!
//! | | the sender | the receiver | parts on the heap |
//! | --- | --- | --- | --- |
//! | an argument `T`, or a result | *lowers* it | *lifts* it, once | become the receiver's |
//! | an argument `&T` | *lends* it | *holds* it, once | stay the sender's, and the receiver refers to them |
//!
//! The verbs of the first line are those of the WebAssembly component model.
//!
//! The trait's items are hidden, because only this crate and the code that `#[plugin_type]` emits implement the trait. Any release
//! may change the items, if the two sides still understand each other. They are not in a supertrait. A supertrait would be one more
//! implementation for the compiler in each plugin and for each type, and the compiler's errors would name it.
//!
//! # The conditions of an implementation
//!
//! - The receiver gets an equal value on any two sides whose [`NODE`](PluginType::NODE)s write the same bytes,
//!   whatever compilers built them. A value crosses by `lower` or `lend` followed by `lift` or `hold`, and by
//!   `lower_returned` followed by `lift_returned`. If the types on the two sides differ as types that grow may, the
//!   values are equal in the parts that both sides know. (A `RangeInclusive` that was iterated to its end is the one
//!   exception: std gives no access to the mark that it is exhausted, so the receiver's range has the ends but not the
//!   mark.)
//! - The bytes that `NODE` writes depend on the parameters of a generic type through their `NODE`s alone, because the
//!   definition of a type that contains it may be made once, with stand-ins for the parameters. `NODE` may be an error
//!   of the compiler's for some arguments. The compiler then shows the error where such a value crosses, also inside a
//!   type with stand-ins.
//! - `Repr` is not zero-sized, and its layout follows from `NODE` alone. So does what a call returns:
//!   [`LAST_TAG`](PluginType::LAST_TAG), and what [`lower_returned`](PluginType::lower_returned) writes, is the same
//!   for all types with one `NODE`.
//! - If [`PLAIN`](PluginType::PLAIN), `Self` and `Repr` have the same size and alignment, and a value's bytes are those
//!   of its `Repr`.
//! - Two types with one `NODE` may differ in `PLAIN`, because `NODE` does not say how a type is aligned. But if one of
//!   them is plain, none of them has drop glue. So a receiver whose type has drop glue knows that its sender's type is
//!   not plain either.
//! - The conversions unwind, given a valid value or `Repr`, only if they call the author's code and that unwinds: a
//!   key's `Hash` or `Ord`, an error's `Display`, a field's default. Then `lower` and `lift` may leak but free nothing
//!   twice, and `lend` and `hold` drop nothing but their local values. Callers that keep a value out of its place
//!   meanwhile, as behind `&mut`, make sure that such a panic ends the process.
//! - No function with a `&Self` changes the bytes that `lend` and `hold` read or refer to, because the other side reads
//!   these bytes during the loan. A counter, a hasher's cell or an atomic may change if neither of the two reads it.
//! - Safe code with a `&Self` cannot get anything from it that frees a part of its memory, or that refers to a part for
//!   longer than the borrow. An `Arc` inside is allowed if [`hold`](PluginType::hold) makes a share for the receiver.
//! - A value may be dropped, used and sent as `Self` on the side that lifted it, as if it had been made there.
//!
//! # Implementations and the compiler's errors
//!
//! The compiler lists a trait's implementations in each error about the trait, and there are many. Each implementation
//! has `#[diagnostic::do_not_recommend]`, which keeps the implementation out of the list. The compiler then blames the
//! type that was to cross, and not a type inside of it.

use std::mem::{ManuallyDrop, MaybeUninit, needs_drop};

use crate::describe::Node;
use crate::memory::Arena;
use crate::origin::Origin;

/// A type whose values cross between a plugin and its host.
///
/// The [crate's documentation](crate#table-of-types) has the table of the types that cross, with their costs. For a type of
/// yours, write [`#[plugin_type]`](macro@crate::plugin_type), which implements the trait. The trait is for bounds. Its items
/// are hidden, and semantic versioning does not cover them, so do not implement it by hand.
///
/// A reference crosses as a whole argument, by [`PluginRef`](crate::PluginRef) and [`PluginMut`](crate::PluginMut), and
/// not inside another type: a plugin could otherwise keep it.
///
/// # Safety
///
/// The source has the conditions, in `plugin-core/src/types/plugin_type.rs`. Any release may change them.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::{PluginType, plugin_export};
/// use plugin_host::{Error, Host};
///
/// /// Asks the plugin for its settings, which have another type in each program.
/// fn settings<T: PluginType>(host: &Host) -> Result<T, Error> {
///     let settings = host.get::<fn() -> T>("settings")?;
///     Ok(settings())
/// }
///
/// #[plugin_export(name = "settings")]
/// fn width_and_language() -> (u32, String) {
///     (80, "en".to_owned())
/// }
///
/// let (width, language) = settings::<(u32, String)>(&Host::linked()?)?;
/// assert_eq!((width, language.as_str()), (80, "en"));
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross between a plugin and its host",
    label = "this type, or a type inside of it, does not cross",
    note = "write `#[plugin_type]` on a struct or enum of yours; convert a type of another crate to such a type, or to text",
    note = "what crosses: numbers, text, and std's other types of data; collections, `Option`, `Result`, `Box`, arrays \
            and tuples (up to 8) of what crosses; your own types with `#[plugin_type]`; a reference only as a whole \
            argument"
)]
pub unsafe trait PluginType: Sized + 'static {
    /// The C-compatible form of a value on its way between the two sides.
    #[doc(hidden)]
    type Repr: Copy;

    /// The type's descriptor.
    #[doc(hidden)]
    const NODE: &'static Node;

    /// True if a value is its own `Repr`, bit for bit. Slices of such values cross unchanged.
    ///
    /// This holds for this side only. The other side may have a type with the same `NODE` that is not plain. A type
    /// with drop glue is plain on no side.
    #[doc(hidden)]
    const PLAIN: bool = false;

    /// True if a value may be nested more deeply than its type is written, as a list whose elements contain a box of
    /// the next. The conversions of such values watch the room on the stack.
    #[doc(hidden)]
    const DEEP: bool = true;

    /// The last tag that a call may return beside such a value, in the word that otherwise contains the fault. The
    /// first tag is 0. A tag in this word is in a register, so the call neither writes nor reads a tag in the `Repr`.
    #[doc(hidden)]
    const LAST_TAG: usize = 0;

    /// Turns the value into its `Repr`, and gives away its parts.
    #[doc(hidden)]
    fn lower(self) -> Self::Repr;

    /// Lowers the value into a place. Bytes without a meaning may stay uninitialised. The result is that of
    /// [`lower`](Self::lower), without a copy.
    #[doc(hidden)]
    #[inline(always)]
    fn lower_to(self, place: &mut MaybeUninit<Self::Repr>) {
        place.write(self.lower());
    }

    /// [Lowers](Self::lower_to) the value that a call returns, and returns its tag.
    #[doc(hidden)]
    #[inline(always)]
    fn lower_returned(self, place: &mut MaybeUninit<Self::Repr>) -> usize {
        self.lower_to(place);
        0
    }

    /// [Lifts](Self::lift) the value that a call has returned with this tag.
    ///
    /// # Safety
    ///
    /// As for [`lift`](Self::lift). [`lower_returned`](Self::lower_returned) has lowered the value and returned the
    /// tag.
    #[doc(hidden)]
    #[inline(always)]
    unsafe fn lift_returned(_tag: usize, repr: MaybeUninit<Self::Repr>, origin: &Origin) -> Self {
        // SAFETY: by `# Safety`, the `lower_returned` that belongs to this function has lowered the value: the one
        // above, which writes the whole `Repr`. The other conditions of `lift` are those of this function.
        unsafe { Self::lift(repr.assume_init(), origin) }
    }

    /// Makes a `Repr` that lets a receiver read the value without owning it.
    ///
    /// The `Repr` is valid for as long as `self` is borrowed and `arena` exists. Everything stays the sender's.
    /// Additional memory, for example for the `Repr`s of a vector's elements, comes from the arena. The receiver may
    /// write to that memory, so the `Repr` can be held only once.
    #[doc(hidden)]
    fn lend(&self, arena: &mut Arena) -> Self::Repr;

    /// Turns a `Repr` into a value that this side owns. A lowered `Repr` gives its parts away; a lent one is copied.
    ///
    /// # Panics
    ///
    /// If a tag in `repr` has no meaning, which no value lowered by this crate has.
    ///
    /// # Safety
    ///
    /// `repr` was lowered from a value of a type with the same descriptor, or one that differs from it as types that grow may,
    /// and has not been lifted yet; or it is lent by such a value, and the loan has not ended. It came from `origin`,
    /// whose library is loaded during the call.
    ///
    /// An implementation gives a clone of `origin` to each part that leads back into the sender's library, or copies
    /// the part if the origin [leaves](Origin::leaves).
    #[doc(hidden)]
    unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self;

    /// Makes a value that refers to the sender's memory.
    ///
    /// The `Repr` keeps all its parts. A lowered `Repr` may therefore be held too, any number of times, and its owner
    /// still has to lift or free it.
    ///
    /// An implementation combines the values that its parts' `hold` returns. Memory comes from the arena. If a clone of
    /// a part would share memory with it, the receiver needs a part of its own, and [`Arena::own`] drops it in the end.
    ///
    /// # Panics
    ///
    /// As for [`lift`](Self::lift).
    ///
    /// # Safety
    ///
    /// `repr` is lent by a value of a type with the same descriptor, or one that differs from it as types that grow may, and
    /// has not been held yet; or it was lowered from such a value, and has not been lifted yet. It came from `origin`,
    /// whose library is loaded during the call.
    ///
    /// The returned value is used behind `&` only, and is never dropped. During its use, the memory that `repr` refers
    /// to does not change, and `arena` exists. `repr` itself may go earlier.
    #[doc(hidden)]
    unsafe fn hold(repr: &Self::Repr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self>;
}

/// Returns true if slices of the type cross as they are.
///
/// The compiler checks here the part of the promise about [`PLAIN`](PluginType::PLAIN) that it can check.
#[inline(always)]
pub(crate) const fn is_plain<T: PluginType>() -> bool {
    const {
        let is_repr = size_of::<T>() == size_of::<T::Repr>() && align_of::<T>() == align_of::<T::Repr>();
        assert!(!T::PLAIN || is_repr, "a type of another layout than its `Repr` says that it is plain");
        assert!(!T::PLAIN || !needs_drop::<T>(), "a type that has to be dropped says that it is plain");
    }
    T::PLAIN
}

/// Ends a lift that met a tag which no lowering writes.
#[cold]
#[inline(never)]
pub(super) fn unknown_tag(type_name: &str, tag: u8) -> ! {
    panic!("a lowered `{type_name}` has the tag {tag}, which means nothing: its sender is broken or lies")
}
