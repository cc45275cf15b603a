//! Addresses on the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

crosses_as!(Ipv4Addr as [u8; 4], Ipv4Addr, |address| address.octets(), |octets| Ipv4Addr::from(octets));
crosses_as!(Ipv6Addr as [u8; 16], Ipv6Addr, |address| address.octets(), |octets| Ipv6Addr::from(octets));

crosses_as!(
    IpAddr as Result<Ipv4Addr, Ipv6Addr>,
    IpAddr,
    |address| match address {
        IpAddr::V4(v4) => Ok(v4),
        IpAddr::V6(v6) => Err(v6),
    },
    |either| either.map_or_else(IpAddr::V6, IpAddr::V4)
);

crosses_as!(SocketAddrV4 as (Ipv4Addr, u16), SocketAddrV4, |address| (*address.ip(), address.port()), |(ip, port)| {
    SocketAddrV4::new(ip, port)
});
crosses_as!(
    SocketAddrV6 as (Ipv6Addr, u16, u32, u32),
    SocketAddrV6,
    |address| (*address.ip(), address.port(), address.flowinfo(), address.scope_id()),
    |(ip, port, flow_info, scope_id)| SocketAddrV6::new(ip, port, flow_info, scope_id)
);

crosses_as!(
    SocketAddr as Result<SocketAddrV4, SocketAddrV6>,
    SocketAddr,
    |address| match address {
        SocketAddr::V4(v4) => Ok(v4),
        SocketAddr::V6(v6) => Err(v6),
    },
    |either| either.map_or_else(SocketAddr::V6, SocketAddr::V4)
);
