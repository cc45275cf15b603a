//! Addresses of the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::leaf::Leaf;
use crate::untyped::walk::{Form, Here, unknown_tag};

/// Implements [`Leaf`] for addresses with the same form everywhere: `$lower` and `$lift` convert from and to the `Repr`.
macro_rules! untagged {
    ($($ty:ident as $repr:ty: $lower:expr, $lift:expr;)*) => {$(
        // SAFETY: the `Repr` has the parts of the address in order.
        unsafe impl Leaf for $ty {
            type Repr = $repr;

            unsafe fn write<S: Serializer>(repr: $repr, _: Here, to: S) -> Result<S::Ok, S::Error> {
                $lift(repr).serialize(to)
            }

            fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<$repr, D::Error> {
                $ty::deserialize(from).map(|address| $lower(address))
            }
        }
    )*};
}

untagged! {
    Ipv4Addr as [u8; 4]: |address: Ipv4Addr| address.octets(), Ipv4Addr::from;
    Ipv6Addr as [u8; 16]: |address: Ipv6Addr| address.octets(), Ipv6Addr::from;
    SocketAddrV4 as SocketAddrV4Repr: SocketAddrV4Repr::new, SocketAddrV4Repr::get;
}

/// The parts of an address of a socket on the wire: the address, the port, the flow information and the scope. Serde's form has
/// no scope.
type Parts<A> = (A, u16, u32, u32);

// SAFETY: the `Repr` has the parts of the address in order.
unsafe impl Leaf for SocketAddrV6 {
    type Repr = SocketAddrV6Repr;

    unsafe fn write<S: Serializer>(repr: SocketAddrV6Repr, here: Here, to: S) -> Result<S::Ok, S::Error> {
        match here.form {
            Form::Wire => (Ipv6Addr::from(repr.ip), repr.port, repr.flowinfo, repr.scope).serialize(to),
            Form::Serde => repr.get().serialize(to),
        }
    }

    fn read<'de, D: Deserializer<'de>>(from: D, here: Here) -> Result<SocketAddrV6Repr, D::Error> {
        let address = match here.form {
            Form::Wire => {
                let (ip, port, flowinfo, scope) = Parts::<Ipv6Addr>::deserialize(from)?;
                SocketAddrV6::new(ip, port, flowinfo, scope)
            }
            Form::Serde => SocketAddrV6::deserialize(from)?,
        };
        Ok(SocketAddrV6Repr::new(address))
    }
}

// SAFETY: the `Repr` is a tag and a union of the addresses of both versions.
unsafe impl Leaf for IpAddr {
    type Repr = IpAddrRepr;

    unsafe fn write<S: Serializer>(repr: IpAddrRepr, _: Here, to: S) -> Result<S::Ok, S::Error> {
        repr.get().map_err(|tag| unknown_tag("`IpAddr`", tag))?.serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<IpAddrRepr, D::Error> {
        IpAddr::deserialize(from).map(IpAddrRepr::new)
    }
}

// SAFETY: the `Repr` is a tag and a union of the addresses of both versions.
unsafe impl Leaf for SocketAddr {
    type Repr = SocketAddrRepr;

    unsafe fn write<S: Serializer>(repr: SocketAddrRepr, here: Here, to: S) -> Result<S::Ok, S::Error> {
        let address = repr.get().map_err(|tag| unknown_tag("`SocketAddr`", tag))?;
        if here.form == Form::Serde {
            return address.serialize(to);
        }
        let (flowinfo, scope) = match address {
            SocketAddr::V4(_) => (0, 0),
            SocketAddr::V6(v6) => (v6.flowinfo(), v6.scope_id()),
        };
        let parts: Parts<IpAddr> = (address.ip(), address.port(), flowinfo, scope);
        parts.serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D, here: Here) -> Result<SocketAddrRepr, D::Error> {
        let address = match here.form {
            Form::Wire => match Parts::<IpAddr>::deserialize(from)? {
                (IpAddr::V4(ip), port, ..) => SocketAddrV4::new(ip, port).into(),
                (IpAddr::V6(ip), port, flowinfo, scope) => SocketAddrV6::new(ip, port, flowinfo, scope).into(),
            },
            Form::Serde => SocketAddr::deserialize(from)?,
        };
        Ok(SocketAddrRepr::new(address))
    }
}

/// The `Repr` of `IpAddr`. The tag is 0 for version 4 and 1 for version 6.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct IpAddrRepr {
    tag: u8,
    address: IpUnion,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union IpUnion {
    v4: [u8; 4],
    v6: [u8; 16],
}

/// The `Repr` of `SocketAddrV4`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SocketAddrV4Repr {
    ip: [u8; 4],
    port: u16,
}

/// The `Repr` of `SocketAddrV6`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SocketAddrV6Repr {
    ip: [u8; 16],
    port: u16,
    flowinfo: u32,
    scope: u32,
}

/// The `Repr` of `SocketAddr`, with the tags of [`IpAddrRepr`].
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SocketAddrRepr {
    tag: u8,
    address: SocketUnion,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union SocketUnion {
    v4: SocketAddrV4Repr,
    v6: SocketAddrV6Repr,
}

impl IpAddrRepr {
    fn new(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => IpAddrRepr { tag: 0, address: IpUnion { v4: v4.octets() } },
            IpAddr::V6(v6) => IpAddrRepr { tag: 1, address: IpUnion { v6: v6.octets() } },
        }
    }

    /// Returns the address, or the tag if it is not a known one.
    fn get(self) -> Result<IpAddr, u8> {
        match self.tag {
            // SAFETY: the tag says that `v4` was written, and any bytes are an address.
            0 => Ok(Ipv4Addr::from(unsafe { self.address.v4 }).into()),
            // SAFETY: the tag says that `v6` was written, and any bytes are an address.
            1 => Ok(Ipv6Addr::from(unsafe { self.address.v6 }).into()),
            tag => Err(tag),
        }
    }
}

impl SocketAddrV4Repr {
    fn new(address: SocketAddrV4) -> Self {
        SocketAddrV4Repr { ip: address.ip().octets(), port: address.port() }
    }

    fn get(self) -> SocketAddrV4 {
        SocketAddrV4::new(self.ip.into(), self.port)
    }
}

impl SocketAddrV6Repr {
    fn new(address: SocketAddrV6) -> Self {
        let (port, flowinfo, scope) = (address.port(), address.flowinfo(), address.scope_id());
        SocketAddrV6Repr { ip: address.ip().octets(), port, flowinfo, scope }
    }

    fn get(self) -> SocketAddrV6 {
        SocketAddrV6::new(self.ip.into(), self.port, self.flowinfo, self.scope)
    }
}

impl SocketAddrRepr {
    fn new(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => SocketAddrRepr { tag: 0, address: SocketUnion { v4: SocketAddrV4Repr::new(v4) } },
            SocketAddr::V6(v6) => SocketAddrRepr { tag: 1, address: SocketUnion { v6: SocketAddrV6Repr::new(v6) } },
        }
    }

    /// Returns the address, or the tag if it is not a known one.
    fn get(self) -> Result<SocketAddr, u8> {
        match self.tag {
            // SAFETY: the tag says that `v4` was written.
            0 => Ok(unsafe { self.address.v4 }.get().into()),
            // SAFETY: the tag says that `v6` was written.
            1 => Ok(unsafe { self.address.v6 }.get().into()),
            tag => Err(tag),
        }
    }
}
