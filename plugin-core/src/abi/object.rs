//! Objects on their way, and the keepers of the libraries that made them.

use std::ffi::c_void;

use super::buffer::SliceRepr;

/// The functions that keep a library loaded while other libraries have objects of it. New fields are only added at the end.
///
/// Each *share* of the library is counted with the object that the share is for. A share is a word that only the keeper
/// understands. Any thread may call the functions. The keeper exists for as long as its library is mapped.
#[repr(C)]
pub struct Keeper {
    /// The size of this struct in bytes, as the host knew it.
    pub size: usize,
    /// The host's name for the library.
    pub library: *const c_void,
    /// Returns a new share for an object with this vtable. The library does not go away during the call: the caller runs in it or
    /// in a plugin of it, or has a share or a loan already.
    pub keep: unsafe extern "C" fn(keeper: *const Keeper, vtable: *const ObjectVtable) -> *const c_void,
    /// Gives up a share. The library may be unmapped by this, so the caller does not use the keeper afterwards.
    pub release: unsafe extern "C" fn(keeper: *const Keeper, vtable: *const ObjectVtable, share: *const c_void),
    /// The keeper of the library that is the host of this library. Null if that is the program.
    pub outer: *const Keeper,
}

/// A share of a library, for one object.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct ShareRepr {
    /// The library's keeper. Null if nothing unloads the library.
    pub(crate) keeper: *const Keeper,
    /// The share. An object that is lent has none.
    pub(crate) share: *const c_void,
}

/// The maker's own wide pointer to an object. Other libraries pass it on, and do not look into it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Words([*const c_void; 2]);

impl Words {
    /// The addresses in the two words.
    pub(crate) fn addresses(self) -> [usize; 2] {
        self.0.map(|word| word.addr())
    }
}

/// The functions for one type of objects of one library.
#[repr(C)]
pub struct ObjectVtable {
    /// The size of this struct in bytes, as the maker knew it. New fields are only added at the end.
    pub(crate) size: usize,
    /// The library that made the object: the address of a static of it.
    pub(crate) home: *const c_void,
    /// Returns the `TypeId` of the object's type. The function has Rust's ABI, so only the maker calls it.
    pub(crate) id: *const c_void,
    /// The entry. Its context is the address of the object's two words.
    pub(crate) entry: *const c_void,
    /// 1 if a call consumes the object.
    pub(crate) is_once: u8,
    /// Drops the object, or one share of an `Arc` of it.
    pub(crate) drop: unsafe extern "C" fn(words: Words),
    /// Makes another share of an `Arc`. `None` for a `Box`.
    pub(crate) share: Option<unsafe extern "C" fn(words: Words)>,
    /// Calls `visit` with `context` and the descriptor of the object.
    pub(crate) describe: unsafe extern "C" fn(context: *mut c_void, visit: VisitDescriptor),
    /// The entries of an interface's methods, in their order. The context of each is that of `entry`.
    pub(crate) methods: *const *const c_void,
    /// The number of methods that the maker knows. An object that is not of an interface has none.
    pub(crate) count: usize,
}

#[cfg(feature = "host")]
impl ObjectVtable {
    /// Calls `see` with the descriptor of the object's type.
    pub fn with_descriptor<F: FnMut(&[u8])>(&self, mut see: F) {
        unsafe extern "C" fn visit<F: FnMut(&[u8])>(context: *mut c_void, descriptor: SliceRepr) {
            // SAFETY: `describe` passes the context below, which is an `F`, and bytes that live during the call.
            unsafe { (*context.cast::<F>())(descriptor.as_slice()) }
        }
        // SAFETY: a reference to the vtable shows that its library is mapped. `visit` takes this object as its context.
        unsafe { (self.describe)((&raw mut see).cast(), visit::<F>) }
    }
}

/// A function that sees a descriptor.
pub(crate) type VisitDescriptor = unsafe extern "C" fn(context: *mut c_void, descriptor: SliceRepr);

/// An object on its way.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ObjectRepr {
    /// The object.
    pub(crate) words: Words,
    /// The object's functions.
    pub(crate) vtable: *const ObjectVtable,
    /// The share of the maker's library.
    pub(crate) share: ShareRepr,
    /// 1 if the object is lent. Then it has no share, and stays the sender's.
    pub(crate) is_lent: usize,
}
