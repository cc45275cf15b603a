//! Calls of every signature, through both kinds of handles.

use std::ffi::c_void;
use std::sync::Arc;

use super::{Version, Versions, new_live};
use crate::abi::{Context, Outcome};
use crate::call::{Callee, Function, FunctionType, ProxyHead, Site, without_mut};
use crate::entry::nth;
use crate::kinds::{all_kinds, argument_repr, argument_type};
use crate::origin::Origin;
use crate::types::{PluginMut, PluginRef, PluginType};

/// Reads an argument's `Repr`, and adds 100 to the number behind `&mut`.
macro_rules! read {
    (own $arg:ident) => {
        $arg
    };
    (ref $arg:ident) => {
        // SAFETY: the argument is the address of a number that lives during the call.
        unsafe { *$arg }
    };
    (mut $arg:ident) => {{
        // SAFETY: the argument is the address of a number that lives during the call, and that nothing else uses.
        unsafe {
            *$arg += 100;
            *$arg - 100
        }
    }};
}

macro_rules! pass {
    (own $arg:ident) => {
        $arg
    };
    (ref $arg:ident) => {
        &$arg
    };
    (mut $arg:ident) => {
        &mut $arg
    };
}

/// The argument's value after two calls.
macro_rules! after {
    (own $arg:ident $was:ident) => {
        $was
    };
    (ref $arg:ident $was:ident) => {
        $was
    };
    (mut $arg:ident $was:ident) => {
        $was + 200
    };
}

/// The data behind the context of a proxy.
#[repr(C)]
struct Proxied {
    _head: ProxyHead,
    number: usize,
}

/// Calls an entry of a signature through a `Function`, through a `Live`, and through both with a proxy. Checks that context,
/// entry and site are those with which the handle was made, and that each argument is in its place.
macro_rules! call {
    ($(($kind:ident $T:ident $arg:ident))*) => {{
        type F = fn($(argument_type!($kind u64)),*) -> u64;

        unsafe extern "C" fn entry(context: Context $(, $arg: argument_repr!($kind u64))*) -> Outcome<u64> {
            // The result has a number for the context and one for each argument. The context of a `Live` handle is
            // null.
            let digits: u64 = if context.is_null() { 9 } else { context.addr() as u64 };
            $(let digits = digits * 1000 + read!($kind $arg);)*
            Outcome { fault: std::ptr::null_mut(), value: std::mem::MaybeUninit::new(digits) }
        }

        let site = Site {
            descriptor: &[],
            entry: entry as unsafe extern "C" fn(Context $(, argument_repr!($kind u64))*) -> _ as *const c_void,
            context: std::ptr::null(),
            refuses_faults: false,
            origin: Origin::HOST,
            invoke: None,
            label: stringify!($($kind)*).to_owned(),
        };
        /// Does what a backend does: calls the entry with the arguments behind the addresses.
        #[allow(unused_mut, unused_variables, unused_assignments)] // Without arguments, nothing is read.
        unsafe extern "C" fn invoke(
            _: *const c_void,
            context: Context,
            arguments: *const *const c_void,
            outcome: *mut c_void,
        ) {
            let mut index = 0;
            // SAFETY: the proxy of `F` passes the addresses of the arguments of `F`, and room for its outcome.
            unsafe {
                $(
                    let $arg = nth::<argument_repr!($kind u64)>(arguments, index);
                    index += 1;
                )*
                let number = (*context.cast::<Proxied>()).number;
                outcome.cast::<Outcome<_>>().write(entry(std::ptr::without_provenance(number) $(, $arg)*))
            }
        }

        let proxied = Proxied { _head: ProxyHead { invoke }, number: 7 };
        let elsewhere = Arc::new(Site {
            entry: std::ptr::null(),
            context: (&raw const proxied).cast(),
            descriptor: &[],
            refuses_faults: false,
            origin: Origin::HOST,
            invoke: None,
            label: String::new(),
        });
        let site = Arc::new(site);
        let callee = Callee::of(site.clone(), F::PROXY).with_context(std::ptr::without_provenance(5));
        // SAFETY: `entry` is a function of this type.
        let function = unsafe { Function::<F>::new(callee) };
        let version = Version::new(1, [Some((&site, F::PROXY))]);
        // SAFETY: the only version has a function of this type at this place.
        let (live, _) = unsafe { new_live::<F>(Arc::new(Versions::new(version)), 0) };
        let mut next = 0_u64;
        let mut expected = 0_u64;
        $(
            next += 1;
            let mut $arg = next;
            expected = expected * 1000 + next;
        )*
        let scale = 1000_u64.pow(next as u32);
        assert_eq!(function($(pass!($kind $arg)),*), 5 * scale + expected, "{}", function.label());
        // The second call reads the changed numbers.
        let mut second = 0_u64;
        $(second = second * 1000 + $arg;)*
        assert_eq!(live($(pass!($kind $arg)),*), 9 * scale + second, "{}", function.label());
        let mut was = 0_u64;
        $(
            was += 1;
            assert_eq!($arg, after!($kind $arg was));
        )*
        assert_eq!(was, next);

        // SAFETY: `invoke` calls a function of this type. `proxied` lives longer than the handle.
        let function = unsafe { Function::<F>::new(Callee::of(elsewhere.clone(), F::PROXY)) };
        let version = Version::new(1, [Some((&elsewhere, F::PROXY))]);
        // SAFETY: the only version has a function of this type at this place. `proxied` lives longer than the handle.
        let (live, _) = unsafe { new_live::<F>(Arc::new(Versions::new(version)), 0) };
        let mut third = 0_u64;
        $(third = third * 1000 + $arg;)*
        assert_eq!(function($(pass!($kind $arg)),*), 7 * scale + third);
        let mut fourth = 0_u64;
        $(fourth = fourth * 1000 + $arg;)*
        assert_eq!(live($(pass!($kind $arg)),*), 7 * scale + fourth);
        assert_eq!(Arc::strong_count(&site), 3, "here, in the function, and in the version");
    }};
}

/// Calls handles of every signature. With `-Zrandomize-layout`, the test would fail if a closure had the fields of its
/// handle in another order.
#[test]
#[allow(unused_mut)] // Without arguments, nothing is counted.
fn handles_of_every_signature_are_called() {
    all_kinds!(call [] (A a) (B b) (C c) (D d));
    without_mut!(call [] (A a) (B b) (C c) (D d) (E e) (last G g));
}
