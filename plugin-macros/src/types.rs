//! Mistakes in a type that do not depend on the meaning of the names in it. The compiler finds all other mistakes.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::{Expr, GenericArgument, Lit, PathArguments, Type};

use crate::crossing::Passing;
use crate::mistakes::Mistakes;
use crate::tokens::words;

const CLOSURES: [&str; 3] = ["Fn", "FnMut", "FnOnce"];

/// A tuple of more parts does not implement `plugin_core::PluginType`.
const MOST_IN_A_TUPLE: usize = 8;

/// The type inside parentheses and invisible groups.
pub(crate) fn strip(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => strip(&inner.elem),
        Type::Group(inner) => strip(&inner.elem),
        other => other,
    }
}

/// Reports each part of a type that never crosses. With a message `on_reference`, references and lifetimes other than
/// `'static` are such parts too. Those in function pointers and trait objects are not, because they belong to a call.
pub(crate) fn check(ty: &Type, on_reference: Option<&str>, mistakes: &mut Mistakes) {
    match strip(ty) {
        Type::Reference(reference) => match on_reference {
            Some(message) => mistakes.add(ty, message),
            None => check(&reference.elem, None, mistakes),
        },
        Type::ImplTrait(of) => {
            let message = if is_closure(of) {
                "`impl Fn` does not cross: write `&dyn Fn(..) -> ..` or `&mut dyn FnMut(..) -> ..` for a closure that is called \
                 until the function returns, and `Box<dyn Fn(..) -> ..>` for one that the function keeps or returns"
            } else if words(of.to_token_stream()).iter().any(|word| word.ends_with("Iterator")) {
                "`impl Iterator` does not cross: write `Box<dyn Iterator<Item = T>>`, with `+ Send` if it may be sent"
            } else {
                "`impl Trait` does not cross: name the type, so that a host can ask for it"
            };
            mistakes.add(ty, message);
        }
        Type::Never(_) => mistakes.add(ty, "`!` does not cross: an exported function must be able to return"),
        Type::Array(array) => {
            if is_zero(&array.len) {
                mistakes.add(&array.len, "an array of no elements does not cross: C has none");
            }
            check(&array.elem, on_reference, mistakes);
        }
        Type::Slice(slice) => check(&slice.elem, on_reference, mistakes),
        Type::Tuple(tuple) => {
            if let Some(first_too_many) = tuple.elems.iter().nth(MOST_IN_A_TUPLE) {
                mistakes.add(
                    first_too_many,
                    format!(
                        "a tuple that crosses has at most {MOST_IN_A_TUPLE} parts: write a struct with `#[plugin_type]`"
                    ),
                );
            }
            tuple.elems.iter().for_each(|part| check(part, on_reference, mistakes));
        }
        Type::Path(path) => {
            if let Some(of) = borrowed_by_cow(path) {
                mistakes.add(ty, format!("a `Cow` that borrows does not cross: write `{of}`"));
            }
            for segment in &path.path.segments {
                let PathArguments::AngleBracketed(arguments) = &segment.arguments else { continue };
                for argument in &arguments.args {
                    match argument {
                        GenericArgument::Type(part) => check(part, on_reference, mistakes),
                        GenericArgument::Lifetime(lifetime) if on_reference.is_some() && lifetime.ident != "static" => {
                            mistakes.add(lifetime, "a type with a lifetime does not cross: own what it refers to, `String` for `Cow<'_, str>`")
                        }
                        _ => {}
                    }
                }
            }
        }
        _ => {}
    }
}

/// The owned type to write for a `Cow` without a lifetime, if the type inside of it has no size. The expansion cannot repeat such
/// a type, because the compiler asks for the lifetime there.
fn borrowed_by_cow(path: &syn::TypePath) -> Option<&'static str> {
    let last = path.path.segments.last().filter(|last| last.ident == "Cow")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let Some(GenericArgument::Type(of)) = arguments.args.first().filter(|_| arguments.args.len() == 1) else {
        return None;
    };
    match strip(of) {
        Type::Path(path) if path.path.is_ident("str") => Some("String"),
        Type::Path(path) if path.path.is_ident("Path") => Some("PathBuf"),
        Type::Path(path) if path.path.is_ident("OsStr") => Some("OsString"),
        Type::Slice(_) => Some("Vec<T>"),
        _ => None,
    }
}

/// The trait of `plugin_core::__private::advice` that gives advice if a type with such a name does not cross. The names
/// may mean other types, and these may cross: each type that crosses has the trait too.
pub(crate) fn advice(ty: &Type, passing: Passing) -> Option<Ident> {
    const NAMES: [(&str, &[&str]); 6] = [
        ("NotPointer", &["NonNull", "CStr", "CString"]),
        ("NotLock", &["Mutex", "RwLock", "OnceLock", "LazyLock", "Once", "Condvar"]),
        ("NotCell", &["Cell", "RefCell", "OnceCell", "LazyCell", "UnsafeCell", "LocalKey"]),
        ("NotShared", &["Rc", "Arc", "Weak"]),
        ("NotBorrowed", &["Cow"]),
        ("NotForeign", &["Uuid", "Value", "Bytes"]),
    ];
    let words = words(ty.to_token_stream());
    let any = |of: &dyn Fn(&str) -> bool| words.iter().any(|word| of(word));
    let is_error = |word: &str| word.ends_with("Error") || word == "ErrorKind";
    // `io::Result<T>`, `fmt::Result` and the like.
    let is_result_of_a_crate = matches!(strip(ty), Type::Path(path) if path.path.segments.last().is_some_and(|last| {
        let arguments = match &last.arguments {
            PathArguments::AngleBracketed(arguments) => arguments.args.len(),
            _ => 0,
        };
        last.ident == "Result" && arguments < 2
    }));
    let name = if any(&|word| word == "fn" || CLOSURES.contains(&word)) {
        "NotFunction"
    } else if any(&|word| word == "dyn") && !any(&is_error) {
        "NotObject"
    } else if any(&|word| word == "*") {
        "NotPointer"
    } else if let Some((name, _)) = NAMES.iter().find(|(_, names)| any(&|word| names.contains(&word))) {
        match (passing, *name) {
            (Passing::Static, "NotLock") if any(&|word| word.starts_with("Once") || word == "LazyLock") => "NotLazy",
            // A static may be a lock.
            (Passing::Static, "NotLock") => return None,
            (_, name) => name,
        }
    } else if any(&is_error) || is_result_of_a_crate {
        "NotError"
    } else {
        return None;
    };
    Some(Ident::new(name, Span::call_site()))
}

/// Returns true if one of these bounds is of closures.
pub(crate) fn is_closure(of: impl ToTokens) -> bool {
    words(of.to_token_stream()).iter().any(|word| CLOSURES.contains(&word.as_str()))
}

/// Returns true if the compiler itself refuses to pass a value of the type.
pub(crate) fn is_unsized(ty: &Type) -> bool {
    matches!(strip(ty), Type::Slice(_) | Type::TraitObject(_))
}

fn is_zero(length: &Expr) -> bool {
    match length {
        Expr::Lit(literal) => matches!(&literal.lit, Lit::Int(int) if int.base10_digits() == "0"),
        Expr::Group(group) => is_zero(&group.expr),
        _ => false,
    }
}
