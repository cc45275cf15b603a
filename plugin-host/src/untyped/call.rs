//! A call of a function of which nothing is known but its descriptor.

use std::cell::Cell;
use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

use plugin_core::Fault;
use plugin_core::repr::{BufferRepr, SliceRepr};
use plugin_core::table::Invoke;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserializer, Serialize as _, Serializer};

use crate::plugin::{Export, Plugin};
use crate::untyped::de::target::Target;
use crate::untyped::error::CallError;
use crate::untyped::free::Place;
use crate::untyped::layout::{Id, Kind, Layouts, Node};
use crate::untyped::outcome::{Failure, fault_of, outcome_place};
use crate::untyped::prepared::{Argument, Passing, Prepared};
use crate::untyped::ser::Value;
use crate::untyped::walk::Trouble;

/// An export that is being used.
pub(super) struct Used<'a> {
    plugin: &'a Plugin,
    name: &'a str,
    pub(super) export: &'a Export,
}

impl<'a> Used<'a> {
    pub(super) fn new(plugin: &'a Plugin, name: &'a str) -> Result<(Self, &'a Prepared), CallError> {
        let export = plugin.export(name)?;
        let prepared = export.prepared.get_or_init(|| Prepared::new(export.descriptor));
        Ok((Used { plugin, name, export }, prepared))
    }

    pub(super) fn label(&self) -> String {
        self.export.site.label.clone()
    }

    pub(super) fn declaration(&self) -> String {
        let info = self.plugin.exports().iter().find(|export| export.name == self.name);
        info.map(ToString::to_string).unwrap_or_default()
    }

    pub(super) fn argument_name(&self, index: usize) -> &'a str {
        let info = self.plugin.exports().iter().find(|export| export.name == self.name);
        info.and_then(|info| info.arguments.get(index)).map_or("_", String::as_str)
    }

    /// The error of a failure; `of_fault` makes that of a fault.
    pub(super) fn failed(&self, failure: Failure, of_fault: impl FnOnce(Box<Fault>) -> CallError) -> CallError {
        match failure {
            Failure::Fault(mut fault) => {
                fault.export = Some(self.label());
                of_fault(Box::new(fault))
            }
            Failure::NoMemory(error) => CallError::NoMemory { export: self.label(), message: error.to_string() },
        }
    }

    pub(super) fn unusable(&self, prepared: &Prepared) -> CallError {
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
    pub(super) unsafe fn represent<S: Serializer>(
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
pub(super) struct Call<'a> {
    pub(super) used: Used<'a>,
    pub(super) layouts: &'a Arc<Layouts>,
    pub(super) arguments: &'a [Argument],
    result: Id,
    invoke: Invoke,
}

/// What a function has returned.
pub(super) struct Returned<'a> {
    place: Place<'a>,
    offset: usize,
}

impl<'a> Call<'a> {
    pub(super) fn new(plugin: &'a Plugin, name: &'a str) -> Result<Self, CallError> {
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
    pub(super) fn changes_nothing(&self) -> Result<(), CallError> {
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

    pub(super) fn wrong_count(&self, found: usize) -> CallError {
        CallError::ArgumentCount {
            export: self.used.label(),
            declaration: self.used.declaration(),
            expected: self.arguments.len(),
            found,
        }
    }

    /// Builds the arguments.
    pub(super) fn build<'de, D: Deserializer<'de>>(&self, arguments: D) -> Result<Vec<Place<'a>>, CallError> {
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
    pub(super) fn owning_element(&self, index: usize) -> Option<&'a Node> {
        let Kind::Sequence(element) = self.layouts.get(self.arguments[index].built).kind else { return None };
        Some(self.layouts.get(element)).filter(|element| element.owns)
    }

    /// Calls the function. Afterwards the arguments have all but what was given away.
    pub(super) fn invoke(&self, arguments: &mut [Place<'a>]) -> Result<Returned<'a>, CallError> {
        self.try_invoke(arguments).map_err(|failure| self.used.failed(failure, CallError::Fault))
    }

    pub(super) fn try_invoke(&self, arguments: &mut [Place<'a>]) -> Result<Returned<'a>, Failure> {
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

    pub(super) fn represent_result<S: Serializer>(
        &self,
        returned: &Returned<'_>,
        serializer: S,
    ) -> Result<S::Ok, CallError> {
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
