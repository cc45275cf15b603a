//! A call of a function, by its descriptor alone.

use std::cell::Cell;
use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

use plugin_core::Fault;
use plugin_core::host::Site;
use plugin_core::host::table::Invoke;
use plugin_core::repr::{BufferRepr, SliceRepr};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserializer, Serialize as _, Serializer};

use crate::plugin::{Exported, Plugin};
use crate::untyped::de::target::build_in_place;
use crate::untyped::error::CallError;
use crate::untyped::free::Place;
use crate::untyped::layout::{Id, Kind, Layouts, Node};
use crate::untyped::outcome::{Failure, fault_of, outcome_place};
use crate::untyped::prepared::{Argument, Passing, Prepared};
use crate::untyped::ser::Value;
use crate::untyped::walk::{Form, WalkState};

/// An export of a plugin, with its plugin and its name for errors.
pub(super) struct ExportRef<'a> {
    plugin: &'a Plugin,
    name: &'a str,
    pub(super) site: &'a Site,
    /// The form of the values that are read and written.
    form: Form,
}

impl<'a> ExportRef<'a> {
    pub(super) fn new(plugin: &'a Plugin, name: &'a str, form: Form) -> Result<(Self, &'a Prepared), CallError> {
        let Exported { site, prepared, .. } = plugin.export(name)?;
        plugin.check_reach(name, site)?;
        let prepared = prepared.get_or_init(|| Prepared::new(site.descriptor));
        Ok((ExportRef { plugin, name, site, form }, prepared))
    }

    pub(super) fn label(&self) -> String {
        self.site.label.clone()
    }

    pub(super) fn declaration(&self) -> String {
        let info = self.plugin.exports().iter().find(|export| export.name == self.name);
        info.map(ToString::to_string).unwrap_or_default()
    }

    pub(super) fn argument_name(&self, index: usize) -> &'a str {
        let info = self.plugin.exports().iter().find(|export| export.name == self.name);
        info.and_then(|info| info.arguments.get(index)).map_or("_", String::as_str)
    }

    /// Converts a failure to an error. `of_fault` converts a fault.
    pub(super) fn failed(&self, failure: Failure, of_fault: impl FnOnce(Box<Fault>) -> CallError) -> CallError {
        match failure {
            Failure::Fault(mut fault) => {
                fault.export = Some(self.label());
                of_fault(Box::new(fault))
            }
            Failure::NoMemory(error) => CallError::NoMemory { export: self.label(), message: error.to_string() },
        }
    }

    /// Returns the error for an export of the wrong kind or with an unusable type.
    pub(super) fn unusable(&self, prepared: &Prepared) -> CallError {
        let (export, declaration) = (self.label(), self.declaration());
        match prepared {
            Prepared::Unknown => CallError::UnknownType { export },
            Prepared::NotData => CallError::NotData { export, declaration },
            Prepared::Function { .. } => CallError::NotAStatic { export, declaration },
            Prepared::Static { .. } => CallError::NotAFunction { export, declaration },
        }
    }

    /// Serialises the value at `at`. `what` makes the name of the value in an error, from the path to the part that
    /// failed.
    ///
    /// # Safety
    ///
    /// During the call, the `Repr` of a value of the type `id` is at `at`, and nothing changes it.
    pub(super) unsafe fn represent<S: Serializer>(
        &self,
        (layouts, id): (&Layouts, Id),
        at: *const u8,
        what: impl FnOnce(&str) -> String,
        serializer: S,
    ) -> Result<S::Ok, CallError> {
        let state = match self.form {
            Form::Serde => WalkState::default(),
            Form::Wire => WalkState::of_reply(),
        };
        // SAFETY: a value of the type is at `at` and does not change, as this function demands. `value` is used only below.
        let value = unsafe { Value::new(layouts, id, at, &state) };
        value.serialize(serializer).map_err(|error| CallError::Unrepresentable {
            export: self.label(),
            what: what(&state.take()),
            message: state.reason_of(&error),
        })
    }
}

/// A function and the layouts of its arguments and its result.
pub(super) struct Call<'a> {
    pub(super) export: ExportRef<'a>,
    pub(super) layouts: &'a Arc<Layouts>,
    pub(super) arguments: &'a [Argument],
    result: Id,
    invoke: Invoke,
}

/// The value that a function returned.
pub(super) struct Returned<'a> {
    place: Place<'a>,
    offset: usize,
}

impl<'a> Call<'a> {
    pub(super) fn new(plugin: &'a Plugin, name: &'a str, form: Form) -> Result<Self, CallError> {
        Self::of(ExportRef::new(plugin, name, form)?)
    }

    /// The call of an export, if the export is a function.
    pub(super) fn of((export, prepared): (ExportRef<'a>, &'a Prepared)) -> Result<Self, CallError> {
        match (prepared, export.site.invoke) {
            (Prepared::Function { layouts, arguments, result }, Some(invoke)) => {
                Ok(Call { export, layouts, arguments, result: *result, invoke })
            }
            // Every function of an SDK version that this host knows has an `invoke`.
            (Prepared::Function { .. }, None) => Err(export.unusable(&Prepared::Unknown)),
            (other, _) => Err(export.unusable(other)),
        }
    }

    /// Refuses a function that changes an argument.
    pub(super) fn changes_nothing(&self) -> Result<(), CallError> {
        match self.arguments.iter().position(Argument::is_changed) {
            None => Ok(()),
            Some(index) => Err(CallError::Changes {
                export: self.export.label(),
                index: index + 1,
                name: self.export.argument_name(index).to_owned(),
            }),
        }
    }

    pub(super) fn wrong_count(&self, found: usize) -> CallError {
        CallError::ArgumentCount {
            export: self.export.label(),
            declaration: self.export.declaration(),
            expected: self.arguments.len(),
            found,
        }
    }

    /// Builds the arguments.
    pub(super) fn build<'de, D: Deserializer<'de>>(&self, arguments: D) -> Result<Vec<Place<'a>>, CallError> {
        let (state, progress) = (WalkState::of(self.export.form), Cell::new(Progress::Before));
        let visitor = ArgumentsVisitor { call: self, state: &state, progress: &progress };
        arguments.deserialize_tuple(self.arguments.len(), visitor).map_err(|error| match progress.get() {
            Progress::Argument(index) => CallError::Argument {
                export: self.export.label(),
                index: index + 1,
                place: format!("{}{}", self.export.argument_name(index), state.take()),
                message: state.reason_of(&error),
            },
            Progress::End(found) => self.wrong_count(found),
            Progress::Before => CallError::Arguments { export: self.export.label(), message: error.to_string() },
        })
    }

    /// The type of an argument's elements, if the argument is a sequence and its elements may own memory.
    pub(super) fn owning_element(&self, index: usize) -> Option<&'a Node> {
        let Kind::Sequence(element) = self.layouts.get(self.arguments[index].built).kind else { return None };
        Some(self.layouts.get(element)).filter(|element| element.owns)
    }

    /// Calls the function. Arguments that are passed by value are given away; the other values stay in `arguments`.
    pub(super) fn invoke(&self, arguments: &mut [Place<'a>]) -> Result<Returned<'a>, CallError> {
        self.try_invoke(arguments).map_err(|failure| self.export.failed(failure, CallError::Fault))
    }

    pub(super) fn try_invoke(&self, arguments: &mut [Place<'a>]) -> Result<Returned<'a>, Failure> {
        let addresses: Vec<*mut u8> = arguments.iter().map(Place::at).collect();
        // SAFETY: this is called only for `Passing::Slice` and `SliceMut`. `Prepared::of` has the host build an owned text or
        // sequence for them, whose `Repr` is a buffer, and `build` has built one at each address.
        let buffer = |index: usize| unsafe { addresses[index].cast::<BufferRepr>().read() };
        let passings = || self.arguments.iter().map(|argument| argument.passing).enumerate();
        // The callee may turn the elements into values of its own, in the memory of their `Repr`s. The host drops the
        // elements after the call, which needs the `Repr`s if the elements own memory. So the callee gets a copy of
        // them.
        let mut copies = Vec::new();
        let mut lent = Vec::with_capacity(arguments.len());
        for (index, passing) in passings() {
            lent.push(match passing {
                Passing::Own | Passing::Ref | Passing::Mut => None,
                Passing::Slice | Passing::SliceMut => {
                    let (mut ptr, len) = buffer(index).raw_parts();
                    if let (Passing::Slice, Some(element)) = (passing, self.owning_element(index)) {
                        let copy = Place::new(self.layouts, element.size * len, element.align)?;
                        // SAFETY: `ptr` has `len` elements, and `copy`, which is new, has room for as many. Each element is
                        // dropped once, in its first place: `mark_filled` is not called for `copy`, so only its memory is
                        // freed.
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
        let site = &self.export.site;
        // SAFETY: `invoke` expects the site's entry and context, the address of each argument's `Repr`, and room for the outcome. `passed` has these, in the
        // form that `Prepared::of` has found in the descriptor, and `outcome_place` has made the place for this result. The
        // plugin is loaded: `self` borrows it.
        unsafe { (self.invoke)(site.entry, site.context, passed.as_ptr(), place.at().cast()) };

        for (index, passing) in passings() {
            if passing == Passing::Own {
                arguments[index].mark_empty();
            }
        }
        // SAFETY: `invoke` has written an `Outcome`, which begins with a pointer: a fault, null, or a tag.
        let word = unsafe { place.at().cast::<usize>().read() };
        if word <= 1 && matches!(node.kind, Kind::Option(..) | Kind::Result(..)) {
            // SAFETY: the place has the `Repr` of an `Option` or `Result` at `offset`, which begins with its tag. The callee
            // returns the tag in the word and leaves this byte unset.
            unsafe { place.at().add(offset).write(word as u8) }
        } else {
            // SAFETY: the place has the outcome of this call. The word of the outcome is a fault or null, and not a tag. The plugin is
            // loaded, because `self` borrows it. The fault is taken once, here.
            unsafe { fault_of(&place) }?;
        }
        // SAFETY: without a fault, the callee has written a value of the result's type at `offset`, and has given it away. The
        // plugin stays loaded for `'a`, because `self.export` borrows it.
        unsafe { place.mark_filled(self.result, offset) };
        Ok(Returned { place, offset })
    }

    pub(super) fn represent_result<S: Serializer>(
        &self,
        returned: &Returned<'_>,
        serializer: S,
    ) -> Result<S::Ok, CallError> {
        let at = returned.place.at().wrapping_add(returned.offset);
        let what = |path: &str| format!("the result (`result{path}`)");
        // SAFETY: `try_invoke` returns a `Returned` only with a value of the result's type at `offset`. `returned` owns the
        // value, so nothing changes it meanwhile.
        unsafe { self.export.represent((self.layouts, self.result), at, what, serializer) }
    }
}

/// The progress of reading the arguments.
#[derive(Clone, Copy)]
enum Progress {
    Before,
    Argument(usize),
    End(usize),
}

struct ArgumentsVisitor<'a, 'b> {
    call: &'b Call<'a>,
    state: &'b WalkState,
    progress: &'b Cell<Progress>,
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
            self.progress.set(Progress::Argument(index));
            places.push(build_in_place(layouts, *built, self.state, A::Error::custom, |target| {
                sequence.next_element_seed(target)?.ok_or_else(|| {
                    self.progress.set(Progress::End(index));
                    A::Error::invalid_length(index, &self)
                })
            })?);
        }
        self.progress.set(Progress::Before);
        Ok(places)
    }
}
