//! The outcome of a call by address: the result, or a fault.

use plugin_core::Fault;
use plugin_core::host::FaultRepr;

use crate::untyped::free::{NoMemory, Place};
use crate::untyped::layout::Layouts;

/// The reason why an export gave no value.
pub(super) enum Failure {
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

/// Makes a place for an outcome, and returns the offset of the returned value in it.
///
/// The value has a head of `before` bytes, and then a part with this `size` and `align`.
pub(super) fn outcome_place(
    layouts: &Layouts,
    align: usize,
    before: usize,
    size: usize,
) -> Result<(Place<'_>, usize), NoMemory> {
    let all_align = align.max(align_of::<*mut FaultRepr>());
    let offset = size_of::<*mut FaultRepr>().next_multiple_of(if before == 0 { align } else { all_align });
    let all = (offset + before).checked_add(size).and_then(|end| end.checked_next_multiple_of(all_align));
    let place = Place::new(layouts, all.ok_or(NoMemory::UNKNOWN)?, all_align)?;
    Ok((place, offset))
}

/// Takes the fault out of an outcome, if the outcome has one.
///
/// # Safety
///
/// The place contains an outcome of a plugin that is still loaded. Its first word is a fault or null, and not another tag.
/// This function is called once for each outcome.
pub(super) unsafe fn fault_of(outcome: &Place<'_>) -> Result<(), Fault> {
    // SAFETY: the place has an outcome, as this function demands, and an `Outcome` begins with a pointer to its fault or null.
    let fault = unsafe { outcome.at().cast::<*mut FaultRepr>().read() };
    // SAFETY: the fault is of a plugin that is still loaded. It is taken once, because this function is called once for each
    // outcome. Both are demanded by this function.
    if fault.is_null() { Ok(()) } else { Err(unsafe { FaultRepr::take(fault) }) }
}
