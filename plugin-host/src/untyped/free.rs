//! Drops values by their layouts, and owns values that are not given away yet.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use plugin_core::repr::{BufferRepr, GrowsRepr};

use crate::untyped::layout::{Enum, Id, Kind, Layouts, Record, Struct};
use crate::untyped::leaves;

/// A piece of work that is left to do. The pieces are on a stack: the last one that was added is done first.
///
/// The functions below keep three rules. Each value in a piece is as [`free`] needs it. Each value is in one piece. The
/// piece that frees the memory of values is below the pieces that drop these values, so it is done after them.
enum Work {
    /// Drop this value.
    Value(Id, *mut u8),
    /// Drop this many values in a row.
    Values(Id, *mut u8, usize),
    /// Free the memory of a buffer of elements of this size and alignment.
    Buffer(BufferRepr, usize, usize),
    /// Free a box. Its maker drops the fields from this number on; the fields before it are already dropped.
    Release(GrowsRepr, u32),
}

/// Drops the value at `at`. The depth of the call stack does not grow with the depth of the value.
///
/// # Safety
///
/// `at` is the address of the `Repr` of a value of the type, which owns its parts. The value is not used afterwards. The
/// libraries that made its parts are still loaded.
pub(crate) unsafe fn free(layouts: &Layouts, id: Id, at: *mut u8) {
    // SAFETY: the one piece of work is this value, for which this function demands the same as `free_all`.
    unsafe { free_all(layouts, vec![Work::Value(id, at)]) }
}

/// Drops `count` values in a row from `at` on.
///
/// # Safety
///
/// Each of the values is as [`free`] needs it.
pub(crate) unsafe fn free_elements(layouts: &Layouts, id: Id, at: *mut u8, count: usize) {
    // SAFETY: the one piece of work is these values, for which this function demands the same as `free_all`.
    unsafe { free_all(layouts, vec![Work::Values(id, at, count)]) }
}

/// Does all pieces of work, and those that are added meanwhile.
///
/// # Safety
///
/// The pieces keep the rules of [`Work`].
unsafe fn free_all(layouts: &Layouts, mut work: Vec<Work>) {
    while let Some(next) = work.pop() {
        match next {
            Work::Value(id, at) => {
                if layouts.get(id).owns {
                    // SAFETY: the value is as `free` needs it, by the rules of `Work`. It is off the stack, so it is dropped
                    // once.
                    unsafe { free_one(layouts, id, at, &mut work) }
                }
            }
            Work::Values(id, at, count) => {
                let node = layouts.get(id);
                if count != 0 && node.owns {
                    // SAFETY: there are `count` values in a row from `at` on, and `count` is not 0. So `node.size` bytes on
                    // is the next value or the end of the values.
                    work.push(Work::Values(id, unsafe { at.add(node.size) }, count - 1));
                    work.push(Work::Value(id, at));
                }
            }
            // SAFETY: the buffer was not freed before and its maker is loaded, by the rules of `Work`. Each place that adds
            // a buffer passes the size and the alignment of its elements.
            Work::Buffer(buffer, size, align) => unsafe { buffer.free_raw(size, align) },
            // SAFETY: the box was not released before and its maker is loaded, by the rules of `Work`. `boxed` has added the
            // first `taken` fields after the box, so they are dropped already. The others are not.
            Work::Release(grown, taken) => unsafe { grown.release(taken) },
        }
    }
}

/// Adds the memory and the parts of one value to the work.
///
/// A value with an unknown tag has no known parts, so nothing is added for it.
///
/// # Safety
///
/// There is a value of the type at `at`, as [`free`] needs it.
unsafe fn free_one(layouts: &Layouts, id: Id, at: *mut u8, work: &mut Vec<Work>) {
    // SAFETY: there is a value of the type, as this function demands. `buffer` is called only for the kinds whose `Repr` is
    // a buffer, by `layout::facts` and `layout::leaf`.
    let buffer = || unsafe { at.cast::<BufferRepr>().read() };
    let elements = |element: Id, work: &mut Vec<Work>| {
        let (node, buffer) = (layouts.get(element), buffer());
        let (first, len) = buffer.raw_parts();
        work.push(Work::Buffer(buffer, node.size, node.align));
        work.push(Work::Values(element, first, len));
    };
    match &layouts.get(id).kind {
        Kind::Text => work.push(Work::Buffer(buffer(), 1, 1)),
        // SAFETY: there is a value of the type with this tag, as this function demands. It is dropped once, by the rules of
        // `Work`.
        Kind::Leaf(tag) => unsafe { leaves::free(*tag, at) },
        Kind::NonZero(_) => {}
        Kind::Sequence(element) | Kind::Map(element) | Kind::Box(element) => elements(*element, work),
        Kind::Array(element, count) => work.push(Work::Values(*element, at, *count)),
        Kind::Option(inner, offset) => {
            // SAFETY: there is an `Option`, as this function demands. Its `Repr` begins with its tag. `layout::facts` has
            // computed `offset`, which is inside the `Repr`.
            unsafe {
                if at.read() == 1 {
                    work.push(Work::Value(*inner, at.add(*offset)));
                }
            }
        }
        Kind::Result(parts, offset) => {
            // SAFETY: there is a `Result`, as this function demands. Its `Repr` begins with its tag. `layout::facts` has
            // computed `offset`, which is inside the `Repr`.
            unsafe {
                if let Some(part) = parts.get(usize::from(at.read())) {
                    work.push(Work::Value(*part, at.add(*offset)));
                }
            }
        }
        Kind::Tuple(record) | Kind::Struct(Struct { record, grows: false, .. }) => fields(record, at, work),
        Kind::Struct(Struct { record, .. }) => {
            // SAFETY: there is a value of the type, as this function demands. The `Repr` of a type that may grow is a
            // `GrowsRepr`.
            let grown = unsafe { at.cast::<GrowsRepr>().read() };
            boxed(Some(record).filter(|record| record.fields.len() == grown.number() as usize), grown, work);
        }
        Kind::Enum(Enum { variants, grows: true, .. }) => {
            // SAFETY: there is a value of the type, as this function demands. The `Repr` of a type that may grow is a
            // `GrowsRepr`.
            let grown = unsafe { at.cast::<GrowsRepr>().read() };
            boxed(variants.get(grown.number() as usize), grown, work);
        }
        Kind::Enum(Enum { variants, payload, .. }) => {
            // SAFETY: there is such an enum, as this function demands. Its `Repr` begins with the number of its variant.
            // `layout::facts` has computed `payload`, which is inside the `Repr` or at its end.
            unsafe {
                if let Some(record) = variants.get(at.cast::<u32>().read() as usize) {
                    fields(record, at.add(*payload), work);
                }
            }
        }
    }
}

/// Adds the fields at `at` to the work. If there are no fields, `at` may be any address.
fn fields(record: &Record, at: *mut u8, work: &mut Vec<Work>) {
    for field in &record.fields {
        work.push(Work::Value(field.ty, at.wrapping_add(field.offset)));
    }
}

/// Adds a box and its fields to the work. The box's maker could drop the fields too, but by recursion, as deep as the
/// value is nested.
fn boxed(record: Option<&Record>, grown: GrowsRepr, work: &mut Vec<Work>) {
    let Some(record) = record else {
        // The host does not know this number of fields or this variant. Only the box's maker can drop the fields.
        work.push(Work::Release(grown, 0));
        return;
    };
    work.push(Work::Release(grown, record.fields.len() as u32));
    fields(record, grown.fields::<u8>().cast_mut(), work);
}

/// The error that the memory for a value cannot be allocated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoMemory {
    /// The size of the value in bytes; `None` if a `usize` cannot express it.
    bytes: Option<usize>,
}

impl NoMemory {
    /// The size does not fit in a `usize`.
    pub(crate) const UNKNOWN: NoMemory = NoMemory { bytes: None };
}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            Some(bytes) => write!(f, "there is no memory for it: {bytes} bytes"),
            None => f.write_str("it is larger than memory can be"),
        }
    }
}

/// Zeroed memory for one `Repr`. If [`mark_filled`](Self::mark_filled) was called, the value is dropped together with
/// the memory.
pub(crate) struct Place<'a> {
    layouts: &'a Layouts,
    at: NonNull<u8>,
    memory: Layout,
    /// The type of the value in this place and the value's offset; `None` if there is nothing to drop.
    value: Option<(Id, usize)>,
}

impl<'a> Place<'a> {
    /// Allocates a place with this size and alignment. It has no value yet.
    pub(crate) fn new(layouts: &'a Layouts, size: usize, align: usize) -> Result<Self, NoMemory> {
        let memory = Layout::from_size_align(size.max(1), align).map_err(|_| NoMemory { bytes: Some(size) })?;
        // SAFETY: the size of `memory` is not 0, because it is `size.max(1)`.
        let at = NonNull::new(unsafe { alloc_zeroed(memory) }).ok_or(NoMemory { bytes: Some(size) })?;
        Ok(Place { layouts, at, memory, value: None })
    }

    pub(crate) fn at(&self) -> *mut u8 {
        self.at.as_ptr()
    }

    /// Gives the value at `offset` to this place, which drops the value at the end.
    ///
    /// # Safety
    ///
    /// There is a value of the type at `offset`, as [`free`] needs it. The libraries that made its parts stay loaded
    /// until the place is dropped.
    pub(crate) unsafe fn mark_filled(&mut self, id: Id, offset: usize) {
        self.value = Some((id, offset));
    }

    /// Notes that the value was moved out, so that the place does not drop it.
    pub(crate) fn mark_empty(&mut self) {
        self.value = None;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // SAFETY: if `value` is set, `mark_filled` demanded a value at this offset, as `free` needs it, and `mark_empty` was
        // not called since. `new` has allocated the memory with this layout, and it is freed once, here.
        unsafe {
            if let Some((id, offset)) = self.value {
                free(self.layouts, id, self.at().add(offset));
            }
            dealloc(self.at(), self.memory);
        }
    }
}

/// A growing list of elements. Its memory is like that of a `Vec`: `capacity` times the size of an element, with the
/// alignment of an element.
pub(crate) struct Elements<'a> {
    layouts: &'a Layouts,
    id: Id,
    size: usize,
    align: usize,
    ptr: *mut u8,
    len: usize,
    capacity: usize,
}

impl<'a> Elements<'a> {
    pub(crate) fn new(layouts: &'a Layouts, id: Id) -> Self {
        let node = layouts.get(id);
        let ptr = std::ptr::without_provenance_mut(node.align);
        Elements { layouts, id, size: node.size, align: node.align, ptr, len: 0, capacity: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn at(&self, index: usize) -> *mut u8 {
        self.ptr.wrapping_add(index * self.size)
    }

    /// Makes room for one more element, and returns its address.
    pub(crate) fn next(&mut self) -> Result<*mut u8, NoMemory> {
        if self.len == self.capacity {
            self.grow(self.capacity.saturating_mul(2).max(4))?;
        }
        Ok(self.at(self.len))
    }

    /// Adds the element that was built at the address from [`next`](Self::next).
    ///
    /// # Safety
    ///
    /// There is an element of the type at that address, as [`free`] needs it.
    pub(crate) unsafe fn mark_added(&mut self) {
        self.len += 1;
    }

    fn memory(&self, capacity: usize) -> Result<Layout, NoMemory> {
        let bytes = capacity.checked_mul(self.size);
        let memory = bytes.and_then(|bytes| Layout::from_size_align(bytes, self.align).ok());
        memory.ok_or(NoMemory { bytes })
    }

    /// Makes room for `capacity` elements, which must be more than the capacity so far.
    pub(crate) fn grow(&mut self, capacity: usize) -> Result<(), NoMemory> {
        let (new, old) = (self.memory(capacity)?, self.memory(self.capacity)?);
        // SAFETY: the new size is not 0: each caller passes more than the present capacity, and `Node::size` is at least 1.
        // If the old size is not 0, an earlier call has allocated `ptr` with the old layout.
        let ptr = unsafe { if old.size() == 0 { alloc(new) } else { realloc(self.ptr, old, new.size()) } };
        if ptr.is_null() {
            return Err(NoMemory { bytes: Some(new.size()) });
        }
        (self.ptr, self.capacity) = (ptr, capacity);
        Ok(())
    }

    /// Gives the elements away as a buffer.
    pub(crate) fn into_buffer(self) -> BufferRepr {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: these are the parts of a `Vec` of elements with this size and alignment. `grow` has allocated the memory
        // for `capacity` of them with the global allocator, or `new` has made an aligned address for none. `mark_added`
        // demanded each of the `len` elements. `this` is not dropped, so the buffer is the only owner.
        unsafe { BufferRepr::from_raw_parts(this.ptr, this.len, this.capacity, this.size, this.align) }
    }
}

impl Drop for Elements<'_> {
    fn drop(&mut self) {
        // SAFETY: `mark_added` demanded each of the `len` elements, as `free` needs it. `into_buffer` would have forgotten
        // `self`, so they still belong to it and are dropped once.
        unsafe { free_elements(self.layouts, self.id, self.ptr, self.len) };
        if let Some(memory) = self.memory(self.capacity).ok().filter(|memory| memory.size() != 0) {
            // SAFETY: the size is not 0, so `grow` has allocated the memory, with this layout. It is freed once, here.
            unsafe { dealloc(self.ptr, memory) }
        }
    }
}

/// A record whose fields are being built one by one. It drops the built fields unless it is finished.
pub(crate) struct PartialRecord<'a> {
    layouts: &'a Layouts,
    record: &'a Record,
    at: *mut u8,
    /// For each field, whether it is built.
    built: Vec<bool>,
}

impl<'a> PartialRecord<'a> {
    /// Begins a record at `at`, without any field.
    pub(crate) fn new(layouts: &'a Layouts, record: &'a Record, at: *mut u8) -> Self {
        PartialRecord { layouts, record, at, built: vec![false; record.fields.len()] }
    }

    pub(crate) fn is_built(&self, index: usize) -> bool {
        self.built[index]
    }

    /// The address of a field.
    pub(crate) fn at(&self, index: usize) -> *mut u8 {
        self.at.wrapping_add(self.record.fields[index].offset)
    }

    /// Notes that a field was built at the address from [`at`](Self::at).
    ///
    /// # Safety
    ///
    /// There is a value of the field's type at that address, as [`free`] needs it.
    pub(crate) unsafe fn mark_built(&mut self, index: usize) {
        self.built[index] = true;
    }

    /// Gives the fields to the record: they are not dropped here.
    pub(crate) fn finish(mut self) {
        self.built.clear();
    }
}

impl Drop for PartialRecord<'_> {
    fn drop(&mut self) {
        for index in (0..self.built.len()).filter(|&index| self.built[index]) {
            // SAFETY: `mark_built` demanded a value of the field's type there, as `free` needs it. `finish` would have cleared
            // `built`, so the field still belongs to `self` and is dropped once.
            unsafe { free(self.layouts, self.record.fields[index].ty, self.at(index)) }
        }
    }
}

/// The header in front of the fields, in a box that the host makes.
struct Header {
    layouts: Arc<Layouts>,
    /// The type of the value in the box.
    id: Id,
    /// The layout of all the box's memory.
    memory: Layout,
    /// The offset of the fields in that memory.
    fields_offset: usize,
}

/// A box that the host makes for a type that may grow.
pub(crate) struct NewBox {
    at: *mut u8,
}

impl NewBox {
    /// Allocates a box for the fields of `record`, which is that of the type `id` or of one of its variants. The fields
    /// are not in the box yet.
    pub(crate) fn new(layouts: &Arc<Layouts>, id: Id, record: &Record) -> Result<Self, NoMemory> {
        let align = record.align.max(align_of::<Header>());
        let fields_offset = size_of::<Header>().next_multiple_of(align);
        let bytes = fields_offset.checked_add(record.size);
        let memory = bytes.and_then(|bytes| Layout::from_size_align(bytes, align).ok()).ok_or(NoMemory { bytes })?;
        // SAFETY: the size is not 0, because it is at least that of a `Header`.
        let start = unsafe { alloc_zeroed(memory) };
        if start.is_null() {
            return Err(NoMemory { bytes });
        }
        let header = Header { layouts: layouts.clone(), id, memory, fields_offset };
        // SAFETY: `memory` has `fields_offset` bytes in front of the fields, at least the size of a header. The header is
        // aligned: `align` is a multiple of its alignment, and both `fields_offset` and its size are multiples of that.
        unsafe {
            let at = start.add(fields_offset);
            at.sub(size_of::<Header>()).cast::<Header>().write(header);
            Ok(NewBox { at })
        }
    }

    pub(crate) fn at(&self) -> *mut u8 {
        self.at
    }

    /// Gives the box away.
    ///
    /// # Safety
    ///
    /// The box contains the fields for `number`: so many fields of a struct, or all fields of that variant.
    pub(crate) unsafe fn finish(self, number: u32) -> GrowsRepr {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: the fields for `number` are at this address, as this function demands. `release_own` drops them as a
        // `Release` does, and frees the memory that `new` allocated. `this` is not dropped, so that happens once.
        unsafe { GrowsRepr::from_raw(this.at, number, release_own) }
    }
}

impl Drop for NewBox {
    fn drop(&mut self) {
        // SAFETY: `new` has made the box. `finish` would have forgotten `self`, so nothing else frees the box. A field that is
        // built already belongs to a `PartialRecord` or a `Built`, which has dropped the field before.
        drop(unsafe { unbox(self.at) });
    }
}

/// Frees a box without its fields, and returns its header.
///
/// # Safety
///
/// `at` is the address of a [`NewBox`], which is not used afterwards.
unsafe fn unbox(at: *mut u8) -> (Arc<Layouts>, Id) {
    // SAFETY: `at` is the address of a `NewBox`, as this function demands, and `NewBox::new` has written a header in front
    // of it. The memory is freed below, so the header is moved out once.
    let header = unsafe { at.sub(size_of::<Header>()).cast::<Header>().read() };
    // SAFETY: `NewBox::new` has allocated the memory, which begins `fields_offset` bytes in front of the fields, with this
    // layout. The box is not used afterwards, as this function demands.
    unsafe { dealloc(at.sub(header.fields_offset), header.memory) };
    (header.layouts, header.id)
}

/// The [`Release`](plugin_core::__private::Release) of a [`NewBox`].
///
/// # Safety
///
/// `at` and `number` are those of a box that [`NewBox::finish`] gave away. The first `taken` fields were moved out of it,
/// and the others were not. The box is not used afterwards.
unsafe extern "C" fn release_own(at: *mut u8, number: u32, taken: u32) {
    // SAFETY: `at` is the address of a `NewBox`, as this function demands, and `NewBox::new` has written a header in front
    // of it. The box is freed only below.
    let header = unsafe { &*at.sub(size_of::<Header>()).cast::<Header>() };
    let record = match &header.layouts.get(header.id).kind {
        Kind::Struct(Struct { record, .. }) => Some((record, number as usize)),
        Kind::Enum(Enum { variants, .. }) => variants.get(number as usize).map(|record| (record, record.fields.len())),
        _ => None,
    };
    if let Some((record, count)) = record {
        for field in record.fields[..count].iter().skip(taken as usize) {
            // SAFETY: `NewBox::finish` demanded all fields for `number`, and `taken` of them, the first, were moved out. So
            // the field is there. The host has made its parts, and the box is freed below, so the field is dropped once.
            unsafe { free(&header.layouts, field.ty, at.add(field.offset)) }
        }
    }
    // SAFETY: `at` is the address of a `NewBox`, which is not used afterwards, as this function demands. Its fields were
    // moved out or dropped above.
    drop(unsafe { unbox(at) });
}
