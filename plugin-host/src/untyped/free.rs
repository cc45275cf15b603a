//! Drops values by walking them, and keeps those that are not given away yet.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use plugin_core::descriptor::Tag;
use plugin_core::repr::{BufferRepr, GrowsRepr};

use crate::untyped::layout::{Enum, Id, Kind, Layouts, Record, Struct};
use crate::untyped::reprs::{BytesRepr, JsonField, JsonRepr, json};

/// What is still to be done. What is done first was added last.
enum Work {
    /// Drop this value.
    Value(Id, *mut u8),
    /// Drop this many values in a row.
    Values(Id, *mut u8, usize),
    /// As above, of JSON.
    Json(*mut JsonRepr, usize),
    /// As above, of fields of JSON objects.
    JsonFields(*mut JsonField, usize),
    /// Free the memory of a buffer of elements of this size and alignment.
    Buffer(BufferRepr, usize, usize),
    /// Free a box, whose fields are dropped but for those from this on.
    Release(GrowsRepr, u32),
}

/// Drops the value at `at`. However deeply it is nested, this takes no more of the stack.
///
/// # Safety
///
/// At `at` is the `Repr` of a value of the type, which is not used after, and what made it is still loaded.
pub(crate) unsafe fn free(layouts: &Layouts, id: Id, at: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { free_all(layouts, vec![Work::Value(id, at)]) }
}

/// Drops `count` values in a row from `at` on, as [`free`] does each.
///
/// # Safety
///
/// As for [`free`].
pub(crate) unsafe fn free_elements(layouts: &Layouts, id: Id, at: *mut u8, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { free_all(layouts, vec![Work::Values(id, at, count)]) }
}

/// # Safety
///
/// Each piece of work is on values as [`free`] wants them.
unsafe fn free_all(layouts: &Layouts, mut work: Vec<Work>) {
    while let Some(next) = work.pop() {
        match next {
            Work::Value(id, at) => {
                if layouts.get(id).owns {
                    // SAFETY: the caller's promise, or the value is a part of one that it is true of.
                    unsafe { free_one(layouts, id, at, &mut work) }
                }
            }
            Work::Values(id, at, count) => {
                let node = layouts.get(id);
                if count != 0 && node.owns {
                    // SAFETY: there are `count` values in a row, so the next is there or where they end.
                    work.push(Work::Values(id, unsafe { at.add(node.size) }, count - 1));
                    work.push(Work::Value(id, at));
                }
            }
            Work::Json(at, count) => {
                if count != 0 {
                    // SAFETY: as above.
                    work.push(Work::Json(unsafe { at.add(1) }, count - 1));
                    // SAFETY: a value, as the caller promises.
                    unsafe { free_json(at, &mut work) };
                }
            }
            Work::JsonFields(at, count) => {
                if count != 0 {
                    // SAFETY: as above.
                    work.push(Work::JsonFields(unsafe { at.add(1) }, count - 1));
                    // SAFETY: a field, as the caller promises, whose key owns only its buffer.
                    unsafe {
                        free_json(&raw mut (*at).value, &mut work);
                        (*at).key.free_raw(1, 1);
                    }
                }
            }
            // SAFETY: its elements are dropped: they were added after it.
            Work::Buffer(buffer, size, align) => unsafe { buffer.free_raw(size, align) },
            // SAFETY: the first `taken` fields are dropped: they were added after it.
            Work::Release(grown, taken) => unsafe { grown.release(taken) },
        }
    }
}

/// # Safety
///
/// As for [`free`].
unsafe fn free_json(at: *mut JsonRepr, work: &mut Vec<Work>) {
    // SAFETY: the caller's promise; a tag that says that the buffer is there.
    let buffer = || unsafe { (*at).payload.buffer };
    // SAFETY: the caller's promise.
    match unsafe { (*at).tag } {
        json::STRING | json::NUMBER => work.push(Work::Buffer(buffer(), 1, 1)),
        json::ARRAY => {
            let (elements, len) = buffer().raw_parts();
            work.push(Work::Buffer(buffer(), size_of::<JsonRepr>(), align_of::<JsonRepr>()));
            work.push(Work::Json(elements.cast(), len));
        }
        json::OBJECT => {
            let (fields, len) = buffer().raw_parts();
            work.push(Work::Buffer(buffer(), size_of::<JsonField>(), align_of::<JsonField>()));
            work.push(Work::JsonFields(fields.cast(), len));
        }
        _ => {}
    }
}

/// Drops what the value has of its own and adds what it refers to to the work.
///
/// A tag that means nothing says of nothing that it is there.
///
/// # Safety
///
/// As for [`free`].
unsafe fn free_one(layouts: &Layouts, id: Id, at: *mut u8, work: &mut Vec<Work>) {
    // SAFETY: only used for types whose `Repr` is a buffer.
    let buffer = || unsafe { at.cast::<BufferRepr>().read() };
    let elements = |element: Id, work: &mut Vec<Work>| {
        let (node, buffer) = (layouts.get(element), buffer());
        let (first, len) = buffer.raw_parts();
        work.push(Work::Buffer(buffer, node.size, node.align));
        work.push(Work::Values(element, first, len));
    };
    match &layouts.get(id).kind {
        Kind::Text => work.push(Work::Buffer(buffer(), 1, 1)),
        Kind::Leaf(Tag::PathBuf | Tag::OsString) => elements(Layouts::OS_UNIT, work),
        Kind::Leaf(Tag::Error) => {
            let (messages, len) = buffer().raw_parts();
            work.push(Work::Buffer(buffer(), size_of::<BufferRepr>(), align_of::<BufferRepr>()));
            for index in 0..len {
                // SAFETY: there are `len` of them.
                let message = unsafe { messages.cast::<BufferRepr>().add(index).read() };
                work.push(Work::Buffer(message, 1, 1));
            }
        }
        Kind::Leaf(Tag::Bytes) => {
            // SAFETY: the caller promises such a value.
            let bytes = unsafe { at.cast::<BytesRepr>().read() };
            if let Some(free) = bytes.free {
                // SAFETY: its own function, called once.
                unsafe { free(bytes.owner) }
            }
        }
        // SAFETY: the caller promises such a value.
        Kind::Leaf(Tag::Json) => unsafe { free_json(at.cast(), work) },
        Kind::Leaf(_) | Kind::NonZero(_) => {}
        Kind::Sequence(element) | Kind::Map(element) | Kind::Box(element) => elements(*element, work),
        Kind::Array(element, count) => work.push(Work::Values(*element, at, *count)),
        Kind::Option(inner, offset) => {
            // SAFETY: the caller promises such a value: it begins with its tag, and the value is inside.
            unsafe {
                if at.read() == 1 {
                    work.push(Work::Value(*inner, at.add(*offset)));
                }
            }
        }
        Kind::Result(parts, offset) => {
            // SAFETY: as above.
            unsafe {
                if let Some(part) = parts.get(usize::from(at.read())) {
                    work.push(Work::Value(*part, at.add(*offset)));
                }
            }
        }
        Kind::Tuple(record) | Kind::Struct(Struct { record, grows: false, .. }) => fields(record, at, work),
        Kind::Struct(Struct { record, .. }) => {
            // SAFETY: the caller promises such a value.
            let grown = unsafe { at.cast::<GrowsRepr>().read() };
            boxed(Some(record).filter(|record| record.fields.len() == grown.number() as usize), grown, work);
        }
        Kind::Enum(Enum { variants, grows: true, .. }) => {
            // SAFETY: as above.
            let grown = unsafe { at.cast::<GrowsRepr>().read() };
            boxed(variants.get(grown.number() as usize), grown, work);
        }
        Kind::Enum(Enum { variants, payload, .. }) => {
            // SAFETY: such a value begins with the number of its variant, and the fields of that are inside.
            unsafe {
                if let Some(record) = variants.get(at.cast::<u32>().read() as usize) {
                    fields(record, at.add(*payload), work);
                }
            }
        }
    }
}

/// Adds the fields at `at` to the work. Those of a variant without fields are nowhere, and none.
fn fields(record: &Record, at: *mut u8, work: &mut Vec<Work>) {
    for field in &record.fields {
        work.push(Work::Value(field.ty, at.wrapping_add(field.offset)));
    }
}

/// Adds a box to the work, with its fields: had its maker to drop those, it would go as deep as the value does.
fn boxed(record: Option<&Record>, grown: GrowsRepr, work: &mut Vec<Work>) {
    let Some(record) = record else {
        // What this may be only its maker knows.
        work.push(Work::Release(grown, 0));
        return;
    };
    work.push(Work::Release(grown, record.fields.len() as u32));
    fields(record, grown.fields::<u8>().cast_mut(), work);
}

/// There is no memory for a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoMemory {
    /// How many bytes it would take; `None` if more than an address can tell.
    bytes: Option<usize>,
}

impl NoMemory {
    /// It would take more bytes than an address can tell.
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

/// A place for one `Repr`, zeroed. It is freed with the value that is said to be in it.
pub(crate) struct Place<'a> {
    layouts: &'a Layouts,
    at: NonNull<u8>,
    memory: Layout,
    /// The value that is there, and its offset.
    value: Option<(Id, usize)>,
}

impl<'a> Place<'a> {
    /// A place of that size for whatever will be in it.
    pub(crate) fn new(layouts: &'a Layouts, size: usize, align: usize) -> Result<Self, NoMemory> {
        let memory = Layout::from_size_align(size.max(1), align).map_err(|_| NoMemory { bytes: Some(size) })?;
        // SAFETY: the size is not 0.
        let at = NonNull::new(unsafe { alloc_zeroed(memory) }).ok_or(NoMemory { bytes: Some(size) })?;
        Ok(Place { layouts, at, memory, value: None })
    }

    pub(crate) fn at(&self) -> *mut u8 {
        self.at.as_ptr()
    }

    /// From now on the value at `offset` is this place's to drop.
    ///
    /// # Safety
    ///
    /// There is one, as [`free`] wants it, and what made it is loaded for as long as the place is there.
    pub(crate) unsafe fn holds(&mut self, id: Id, offset: usize) {
        self.value = Some((id, offset));
    }

    /// The value was given away.
    pub(crate) fn emptied(&mut self) {
        self.value = None;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // SAFETY: the value is there, by `holds`' promise; the memory is from `new`.
        unsafe {
            if let Some((id, offset)) = self.value {
                free(self.layouts, id, self.at().add(offset));
            }
            dealloc(self.at(), self.memory);
        }
    }
}

/// Elements in a row in memory such as a `Vec` has: `capacity` times the size, with the element's alignment.
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

    /// Has room for one more, and says where that goes.
    pub(crate) fn next(&mut self) -> Result<*mut u8, NoMemory> {
        if self.len == self.capacity {
            self.grow(self.capacity.saturating_mul(2).max(4))?;
        }
        Ok(self.at(self.len))
    }

    /// Where [`next`](Self::next) said, there is an element now.
    ///
    /// # Safety
    ///
    /// There is.
    pub(crate) unsafe fn added(&mut self) {
        self.len += 1;
    }

    fn memory(&self, capacity: usize) -> Result<Layout, NoMemory> {
        let bytes = capacity.checked_mul(self.size);
        let memory = bytes.and_then(|bytes| Layout::from_size_align(bytes, self.align).ok());
        memory.ok_or(NoMemory { bytes })
    }

    /// Has room for `capacity` elements, which is more than there are.
    pub(crate) fn grow(&mut self, capacity: usize) -> Result<(), NoMemory> {
        let (new, old) = (self.memory(capacity)?, self.memory(self.capacity)?);
        // SAFETY: the sizes are not 0; memory that is grown was made here, with the old layout.
        let ptr = unsafe { if old.size() == 0 { alloc(new) } else { realloc(self.ptr, old, new.size()) } };
        if ptr.is_null() {
            return Err(NoMemory { bytes: Some(new.size()) });
        }
        (self.ptr, self.capacity) = (ptr, capacity);
        Ok(())
    }

    /// Gives the elements away.
    pub(crate) fn into_buffer(self) -> BufferRepr {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: made as a `Vec` makes it.
        unsafe { BufferRepr::from_raw_parts(this.ptr, this.len, this.capacity, this.size, this.align) }
    }
}

impl Drop for Elements<'_> {
    fn drop(&mut self) {
        // SAFETY: as many elements are there, which are this one's.
        unsafe { free_elements(self.layouts, self.id, self.ptr, self.len) };
        if let Some(memory) = self.memory(self.capacity).ok().filter(|memory| memory.size() != 0) {
            // SAFETY: made here, with this layout.
            unsafe { dealloc(self.ptr, memory) }
        }
    }
}

/// Fields that are being written one by one.
pub(crate) struct Filling<'a> {
    layouts: &'a Layouts,
    record: &'a Record,
    at: *mut u8,
    /// The fields that are there.
    done: Vec<bool>,
}

impl<'a> Filling<'a> {
    /// None is there yet.
    pub(crate) fn new(layouts: &'a Layouts, record: &'a Record, at: *mut u8) -> Self {
        Filling { layouts, record, at, done: vec![false; record.fields.len()] }
    }

    pub(crate) fn is_done(&self, index: usize) -> bool {
        self.done[index]
    }

    /// Where the field goes.
    pub(crate) fn at(&self, index: usize) -> *mut u8 {
        self.at.wrapping_add(self.record.fields[index].offset)
    }

    /// Where [`at`](Self::at) said, the field is now.
    ///
    /// # Safety
    ///
    /// It is.
    pub(crate) unsafe fn did(&mut self, index: usize) {
        self.done[index] = true;
    }

    /// The fields are the record's now.
    pub(crate) fn finish(mut self) {
        self.done.clear();
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        for index in (0..self.done.len()).filter(|&index| self.done[index]) {
            // SAFETY: the field is there, and is nobody else's.
            unsafe { free(self.layouts, self.record.fields[index].ty, self.at(index)) }
        }
    }
}

/// What stands before the fields in a box that the host makes.
struct Header {
    layouts: Arc<Layouts>,
    /// The type that is in a box of its own.
    id: Id,
    /// All of the memory.
    memory: Layout,
    /// From its start to the fields.
    before: usize,
}

/// A box that the host makes for a type that may grow.
pub(crate) struct NewBox {
    at: *mut u8,
}

impl NewBox {
    /// A box for these fields of `id`; they are not in it yet.
    pub(crate) fn new(layouts: &Arc<Layouts>, id: Id, record: &Record) -> Result<Self, NoMemory> {
        let align = record.align.max(align_of::<Header>());
        let before = size_of::<Header>().next_multiple_of(align);
        let bytes = before.checked_add(record.size);
        let memory = bytes.and_then(|bytes| Layout::from_size_align(bytes, align).ok()).ok_or(NoMemory { bytes })?;
        // SAFETY: the size is not 0.
        let start = unsafe { alloc_zeroed(memory) };
        if start.is_null() {
            return Err(NoMemory { bytes });
        }
        let header = Header { layouts: layouts.clone(), id, memory, before };
        // SAFETY: there is room for the header before the fields, where it is aligned because they are.
        unsafe {
            let at = start.add(before);
            at.sub(size_of::<Header>()).cast::<Header>().write(header);
            Ok(NewBox { at })
        }
    }

    pub(crate) fn at(&self) -> *mut u8 {
        self.at
    }

    /// Gives it away.
    ///
    /// # Safety
    ///
    /// The fields that `number` says are in it.
    pub(crate) unsafe fn finish(self, number: u32) -> GrowsRepr {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `release_own` drops the fields that `number` says, and frees what `new` made.
        unsafe { GrowsRepr::from_raw(this.at, number, release_own) }
    }
}

impl Drop for NewBox {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and not given away; what is in it is somebody else's.
        drop(unsafe { unbox(self.at) });
    }
}

/// Frees a box without its fields, and returns its header.
///
/// # Safety
///
/// `at` is from a [`NewBox`], which is not used after.
unsafe fn unbox(at: *mut u8) -> (Arc<Layouts>, Id) {
    // SAFETY: `new` wrote the header there.
    let header = unsafe { at.sub(size_of::<Header>()).cast::<Header>().read() };
    // SAFETY: the memory starts there and is as long.
    unsafe { dealloc(at.sub(header.before), header.memory) };
    (header.layouts, header.id)
}

/// The [`Release`](plugin_core::__private::Release) of a [`NewBox`].
unsafe extern "C" fn release_own(at: *mut u8, number: u32, taken: u32) {
    // SAFETY: the receiver passes what `NewBox::finish` gave it.
    let header = unsafe { &*at.sub(size_of::<Header>()).cast::<Header>() };
    let record = match &header.layouts.get(header.id).kind {
        Kind::Struct(Struct { record, .. }) => Some((record, number as usize)),
        Kind::Enum(Enum { variants, .. }) => variants.get(number as usize).map(|record| (record, record.fields.len())),
        _ => None,
    };
    if let Some((record, count)) = record {
        for field in record.fields[..count].iter().skip(taken as usize) {
            // SAFETY: the receiver did not take this field.
            unsafe { free(&header.layouts, field.ty, at.add(field.offset)) }
        }
    }
    // SAFETY: the receiver releases it once.
    drop(unsafe { unbox(at) });
}

/// Drops a JSON value.
///
/// # Safety
///
/// As for [`free`].
pub(crate) unsafe fn free_json_value(json: &mut JsonRepr) {
    let none = Layouts::none();
    // SAFETY: the caller's promise; JSON is of no other types.
    unsafe { free_all(&none, vec![Work::Json(json, 1)]) }
}
