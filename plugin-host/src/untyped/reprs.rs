//! The `Repr`s that have a layout of their own, as data.

use std::ffi::c_void;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use plugin_core::repr::BufferRepr;

/// The `Repr` of `Duration`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct DurationRepr {
    pub(crate) secs: u64,
    pub(crate) nanos: u32,
}

/// The `Repr` of `SystemTime`: the time since the Unix epoch, with the seconds rounded down.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SystemTimeRepr {
    pub(crate) secs: i64,
    pub(crate) nanos: u32,
}

/// The `Repr` of `IpAddr`. The tag is 0 for version 4 and 1 for version 6.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct IpAddrRepr {
    pub(crate) tag: u8,
    pub(crate) address: IpUnion,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union IpUnion {
    pub(crate) v4: [u8; 4],
    pub(crate) v6: [u8; 16],
}

/// The `Repr` of `SocketAddrV4`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SocketAddrV4Repr {
    pub(crate) ip: [u8; 4],
    pub(crate) port: u16,
}

/// The `Repr` of `SocketAddrV6`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SocketAddrV6Repr {
    pub(crate) ip: [u8; 16],
    pub(crate) port: u16,
    pub(crate) flowinfo: u32,
    pub(crate) scope: u32,
}

/// The `Repr` of `SocketAddr`, with the tags of [`IpAddrRepr`].
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SocketAddrRepr {
    pub(crate) tag: u8,
    pub(crate) address: SocketUnion,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union SocketUnion {
    pub(crate) v4: SocketAddrV4Repr,
    pub(crate) v6: SocketAddrV6Repr,
}

/// The `Repr` of `Bytes`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct BytesRepr {
    pub(crate) ptr: *const u8,
    pub(crate) len: usize,
    pub(crate) owner: *mut c_void,
    pub(crate) free: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(crate) share: unsafe extern "C" fn(*const c_void) -> BytesRepr,
}

/// The `Repr` of a JSON value.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct JsonRepr {
    pub(crate) tag: u8,
    pub(crate) payload: JsonUnion,
}

/// The tags of a [`JsonRepr`].
pub(crate) mod json {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const BOOL: u8 = 1;
    pub(crate) const U64: u8 = 2;
    pub(crate) const I64: u8 = 3;
    pub(crate) const F64: u8 = 4;
    pub(crate) const STRING: u8 = 5;
    pub(crate) const ARRAY: u8 = 6;
    pub(crate) const OBJECT: u8 = 7;
    /// A number that none of the three types above can hold, as text.
    pub(crate) const NUMBER: u8 = 8;
}

#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) union JsonUnion {
    pub(crate) boolean: u8,
    pub(crate) unsigned: u64,
    pub(crate) signed: i64,
    pub(crate) float: f64,
    pub(crate) buffer: BufferRepr,
}

/// A field of a JSON object.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct JsonField {
    pub(crate) key: BufferRepr,
    pub(crate) value: JsonRepr,
}

impl IpAddrRepr {
    pub(crate) fn new(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => IpAddrRepr { tag: 0, address: IpUnion { v4: v4.octets() } },
            IpAddr::V6(v6) => IpAddrRepr { tag: 1, address: IpUnion { v6: v6.octets() } },
        }
    }

    /// Returns the address, or the tag if it is not a known one.
    pub(crate) fn get(self) -> Result<IpAddr, u8> {
        match self.tag {
            // SAFETY: with the tag 0, `new` in this crate and `lower` in plugin-core write `v4`, and any bytes are an address.
            0 => Ok(Ipv4Addr::from(unsafe { self.address.v4 }).into()),
            // SAFETY: with the tag 1, `new` in this crate and `lower` in plugin-core write `v6`, and any bytes are an address.
            1 => Ok(Ipv6Addr::from(unsafe { self.address.v6 }).into()),
            tag => Err(tag),
        }
    }
}

impl SocketAddrV4Repr {
    pub(crate) fn new(address: SocketAddrV4) -> Self {
        SocketAddrV4Repr { ip: address.ip().octets(), port: address.port() }
    }

    pub(crate) fn get(self) -> SocketAddrV4 {
        SocketAddrV4::new(self.ip.into(), self.port)
    }
}

impl SocketAddrV6Repr {
    pub(crate) fn new(address: SocketAddrV6) -> Self {
        let (port, flowinfo, scope) = (address.port(), address.flowinfo(), address.scope_id());
        SocketAddrV6Repr { ip: address.ip().octets(), port, flowinfo, scope }
    }

    pub(crate) fn get(self) -> SocketAddrV6 {
        SocketAddrV6::new(self.ip.into(), self.port, self.flowinfo, self.scope)
    }
}

impl SocketAddrRepr {
    pub(crate) fn new(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => SocketAddrRepr { tag: 0, address: SocketUnion { v4: SocketAddrV4Repr::new(v4) } },
            SocketAddr::V6(v6) => SocketAddrRepr { tag: 1, address: SocketUnion { v6: SocketAddrV6Repr::new(v6) } },
        }
    }

    /// Returns the address, or the tag if it is not a known one.
    pub(crate) fn get(self) -> Result<SocketAddr, u8> {
        match self.tag {
            // SAFETY: with the tag 0, `new` in this crate and `lower` in plugin-core write `v4`, which consists of numbers.
            0 => Ok(unsafe { self.address.v4 }.get().into()),
            // SAFETY: with the tag 1, `new` in this crate and `lower` in plugin-core write `v6`, which consists of numbers.
            1 => Ok(unsafe { self.address.v6 }.get().into()),
            tag => Err(tag),
        }
    }
}
