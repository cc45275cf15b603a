//! The outcome of a call by address.

use plugin_core::Fault;
use plugin_core::fault::FaultRepr;

use crate::untyped::free::{NoMemory, Place};
use crate::untyped::layout::Layouts;

/// Why there is no value of an export's.
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

/// A place for an outcome of something whose last part, at `before`, has this size and alignment. And where in it that
/// something is.
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

/// Takes the fault that an outcome has, if it has one.
///
/// # Safety
///
/// An outcome is there, of a plugin that is still loaded.
pub(super) unsafe fn fault_of(outcome: &Place<'_>) -> Result<(), Fault> {
    // SAFETY: an outcome begins so.
    let fault = unsafe { outcome.at().cast::<*mut FaultRepr>().read() };
    // SAFETY: the outcome's own, which is looked at once.
    if fault.is_null() { Ok(()) } else { Err(unsafe { FaultRepr::take(fault) }) }
}
