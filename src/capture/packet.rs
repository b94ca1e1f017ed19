//! From a captured frame to a TCP segment.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment<'p> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// Sequence number of the first byte; a SYN takes one of its own.
    pub(super) sequence: u32,
    pub(super) syn: bool,
    pub(super) ack: bool,
    /// FIN or RST.
    pub(super) ends: bool,
    pub(super) payload: &'p [u8],
}

/// The TCP segment in a frame of this link type; none where there is no TCP in it, or only a fragment.
pub(super) fn segment(link: u16, frame: &[u8]) -> Option<Segment<'_>> {
    let (kind, packet) = match link {
        // BSD loopback: the address family, in the byte order of the host that captured.
        0 | 108 => (0, frame.get(4..)?),
        1 => ethernet(frame)?,
        12 | 14 | 101 | 228 | 229 => (0, frame),
        // Linux "cooked": the protocol stands at another place.
        113 => (be16(frame, 14)?, frame.get(16..)?),
        276 => (be16(frame, 0)?, frame.get(20..)?),
        _ => return None,
    };
    match (kind, packet.first()? >> 4) {
        (0 | 0x0800, 4) => ipv4(packet),
        (0 | 0x86dd, 6) => ipv6(packet),
        _ => None,
    }
}

/// Whether frames of this link type can be read.
pub(super) fn is_known(link: u16) -> bool {
    matches!(link, 0 | 1 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276)
}

fn ethernet(frame: &[u8]) -> Option<(u16, &[u8])> {
    let mut at = 12;
    loop {
        match be16(frame, at)? {
            // VLAN tags.
            0x8100 | 0x88a8 | 0x9100 if at < 24 => at += 4,
            kind => return Some((kind, frame.get(at + 2..)?)),
        }
    }
}

fn ipv4(packet: &[u8]) -> Option<Segment<'_>> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let total = usize::from(be16(packet, 2)?);
    let is_fragment = be16(packet, 6)? & 0x3fff != 0;
    if header < 20 || is_fragment || *packet.get(9)? != TCP {
        return None;
    }
    let address = |at: usize| packet.get(at..)?.first_chunk::<4>().copied().map(Ipv4Addr::from);
    // A packet that the network card will cut up has no length yet; Ethernet may pad a short one.
    let packet = if total == 0 { packet } else { packet.get(..total).unwrap_or(packet) };
    tcp(packet.get(header..)?, IpAddr::V4(address(12)?), IpAddr::V4(address(16)?))
}

fn ipv6(packet: &[u8]) -> Option<Segment<'_>> {
    let length = usize::from(be16(packet, 4)?);
    let address = |at: usize| packet.get(at..)?.first_chunk::<16>().copied().map(Ipv6Addr::from);
    let (from, to) = (IpAddr::V6(address(8)?), IpAddr::V6(address(24)?));
    let packet = if length == 0 { packet } else { packet.get(..40 + length).unwrap_or(packet) };
    let (mut next, mut at) = (*packet.get(6)?, 40);
    for _ in 0..8 {
        match next {
            TCP => return tcp(packet.get(at..)?, from, to),
            // Hop-by-hop, routing, destination options.
            0 | 43 | 60 => {
                next = *packet.get(at)?;
                at += (usize::from(*packet.get(at + 1)?) + 1) * 8;
            }
            _ => return None,
        }
    }
    None
}

fn tcp(segment: &[u8], from: IpAddr, to: IpAddr) -> Option<Segment<'_>> {
    let sequence = segment.get(4..)?.first_chunk::<4>().copied().map(u32::from_be_bytes)?;
    let header = usize::from(segment.get(12)? >> 4) * 4;
    let flags = segment.get(13)?;
    if header < 20 {
        return None;
    }
    Some(Segment {
        from: SocketAddr::new(from, be16(segment, 0)?),
        to: SocketAddr::new(to, be16(segment, 2)?),
        sequence,
        syn: flags & 0x02 != 0,
        ack: flags & 0x10 != 0,
        ends: flags & 0x05 != 0,
        payload: segment.get(header..)?,
    })
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().copied().map(u16::from_be_bytes)
}

const TCP: u8 = 6;
