//! Packet captures of real conversations: a relay that keeps every byte, and a writer of pcap and pcapng.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes that went one way over one connection.
#[derive(Clone)]
pub struct Piece {
    pub connection: usize,
    pub from_client: bool,
    pub time: Duration,
    /// Empty: the side ended the connection.
    pub bytes: Vec<u8>,
}

/// Stands between a client and a server, and keeps what passes.
pub struct Relay {
    pub address: SocketAddr,
    kept: Arc<Mutex<Vec<Piece>>>,
}

impl Relay {
    /// Listens on loopback and passes everything on.
    pub fn to(server: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let all = kept.clone();
        thread::spawn(move || {
            for (connection, client) in listener.incoming().enumerate() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { continue };
                for (from_client, from, to) in [(true, &client, &server), (false, &server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let all = all.clone();
                    thread::spawn(move || pass(from, to, connection, from_client, &all));
                }
            }
        });
        Relay { address, kept }
    }

    /// What has passed so far.
    pub fn kept(&self) -> Vec<Piece> {
        self.kept.lock().unwrap().clone()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, connection: usize, from_client: bool, all: &Mutex<Vec<Piece>>) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        // Kept before it is passed on, so that an answer never stands before its request.
        all.lock().unwrap().push(Piece { connection, from_client, time, bytes: buffer[..read].to_vec() });
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
    }
}

/// How a capture is written.
#[derive(Clone, Copy)]
pub struct Style {
    pub next_generation: bool,
    pub big_endian: bool,
    /// 1 Ethernet, 101 raw IP, 113 Linux "cooked", 0 BSD loopback.
    pub link: u16,
    pub ipv6: bool,
    /// Segments swapped and doubled.
    pub disturbed: bool,
    /// Bytes of payload in a segment.
    pub segment: usize,
}

impl Default for Style {
    fn default() -> Self {
        Style { next_generation: false, big_endian: false, link: 1, ipv6: false, disturbed: false, segment: 1460 }
    }
}

/// A capture of what was kept. `keep` says of each packet whether the capture saw it, by its number.
pub fn capture(pieces: &[Piece], style: Style, keep: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut file = Writer { bytes: Vec::new(), style };
    file.head();
    packets(pieces, style).into_iter().enumerate().filter(|(n, _)| keep(*n)).for_each(|(_, (time, frame))| {
        file.packet(time, &frame);
    });
    file.bytes
}

/// The frames of a conversation, with the handshake of each connection.
pub fn packets(pieces: &[Piece], style: Style) -> Vec<(Duration, Vec<u8>)> {
    const SYN: u8 = 2;
    const ACK: u8 = 16;
    const FIN: u8 = 1;
    let mut frames = Vec::new();
    let mut next: Vec<[u32; 2]> = Vec::new();
    for piece in pieces {
        while next.len() <= piece.connection {
            let n = next.len();
            // Close to the end of the numbers, so that they wrap.
            next.push([u32::MAX - 700, 1000]);
            frames.push((piece.time, frame(style, n, true, [u32::MAX - 701, 0], SYN, &[])));
            frames.push((piece.time, frame(style, n, false, [999, u32::MAX - 700], SYN | ACK, &[])));
            frames.push((piece.time, frame(style, n, true, [u32::MAX - 700, 1000], ACK, &[])));
        }
        let numbers = next.get_mut(piece.connection).unwrap();
        let [this, other] = if piece.from_client { [0, 1] } else { [1, 0] };
        if piece.bytes.is_empty() {
            let seq = [numbers[this], numbers[other]];
            frames.push((piece.time, frame(style, piece.connection, piece.from_client, seq, FIN | ACK, &[])));
            continue;
        }
        let mut batch = Vec::new();
        for part in piece.bytes.chunks(style.segment) {
            let seq = [numbers[this], numbers[other]];
            batch.push((piece.time, frame(style, piece.connection, piece.from_client, seq, ACK, part)));
            numbers[this] = numbers[this].wrapping_add(u32::try_from(part.len()).unwrap());
        }
        if style.disturbed {
            batch.chunks_mut(2).for_each(<[_]>::reverse);
            batch.push(batch[0].clone());
            // And the first of all, late and once more.
            batch.push((piece.time, frame(style, piece.connection, true, [u32::MAX - 701, 0], SYN, &[])));
        }
        frames.extend(batch);
    }
    frames
}

fn frame(style: Style, connection: usize, from_client: bool, [seq, ack]: [u32; 2], flags: u8, data: &[u8]) -> Vec<u8> {
    let client_port = 40000 + u16::try_from(connection).unwrap();
    let ports = if from_client { [client_port, 5985] } else { [5985, client_port] };
    let mut tcp = Vec::new();
    ports.iter().for_each(|port| tcp.extend(port.to_be_bytes()));
    tcp.extend(seq.to_be_bytes());
    tcp.extend(ack.to_be_bytes());
    // A header of 24 bytes: one option of four.
    tcp.extend([0x60, flags, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4]);
    tcp.extend(data);
    let mut packet = Vec::new();
    let [source, target] = if from_client { [1, 2] } else { [2, 1] };
    if style.ipv6 {
        packet.extend([0x60, 0, 0, 0]);
        packet.extend(u16::try_from(tcp.len() + 8).unwrap().to_be_bytes());
        // A destination options header stands between.
        packet.extend([60, 64]);
        for host in [source, target] {
            packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
        }
        packet.extend([6, 0, 1, 4, 0, 0, 0, 0]);
    } else {
        packet.extend([0x45, 0]);
        packet.extend(u16::try_from(tcp.len() + 20).unwrap().to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, source, 10, 0, 0, target]);
    }
    packet.extend(tcp);
    let kind: [u8; 2] = if style.ipv6 { [0x86, 0xdd] } else { [8, 0] };
    let head = match style.link {
        1 => [&[2, 0, 0, 0, 0, target, 2, 0, 0, 0, 0, source, 0x81, 0, 0, 7][..], &kind].concat(),
        113 => [&[0; 14][..], &kind].concat(),
        0 => vec![2, 0, 0, 0],
        _ => Vec::new(),
    };
    let mut frame = [head, packet].concat();
    // Ethernet pads short frames; the padding is no payload.
    if style.link == 1 {
        frame.resize(frame.len().max(90), 0);
    }
    frame
}

struct Writer {
    bytes: Vec<u8>,
    style: Style,
}

impl Writer {
    fn u32(&mut self, value: u32) {
        self.bytes.extend(if self.style.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn u16(&mut self, value: u16) {
        self.bytes.extend(if self.style.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn head(&mut self) {
        if !self.style.next_generation {
            self.u32(0xa1b2_c3d4);
            self.u16(2);
            self.u16(4);
            [0, 0, 262_144, u32::from(self.style.link)].into_iter().for_each(|value| self.u32(value));
            return;
        }
        self.u32(0x0a0d_0d0a);
        self.u32(28);
        self.u32(0x1a2b_3c4d);
        self.u16(1);
        self.u16(0);
        self.u32(u32::MAX);
        self.u32(u32::MAX);
        self.u32(28);
        // A block of a kind nobody knows.
        [0x0bad, 16, 7, 16].into_iter().for_each(|value| self.u32(value));
        // An interface whose ticks are nanoseconds.
        self.u32(1);
        self.u32(32);
        self.u16(self.style.link);
        self.u16(0);
        self.u32(0);
        self.u16(9);
        self.u16(1);
        self.bytes.extend([9, 0, 0, 0]);
        self.u32(0);
        self.u32(32);
    }

    fn packet(&mut self, time: Duration, frame: &[u8]) {
        let length = u32::try_from(frame.len()).unwrap();
        if !self.style.next_generation {
            self.u32(u32::try_from(time.as_secs()).unwrap());
            self.u32(time.subsec_micros());
            self.u32(length);
            self.u32(length);
            self.bytes.extend(frame);
            return;
        }
        let padded = length.next_multiple_of(4);
        let ticks = u64::try_from(time.as_nanos()).unwrap();
        self.u32(6);
        self.u32(32 + padded);
        self.u32(0);
        self.u32(u32::try_from(ticks >> 32).unwrap());
        self.u32(u32::try_from(ticks & 0xffff_ffff).unwrap());
        self.u32(length);
        self.u32(length);
        self.bytes.extend(frame);
        self.bytes.resize(self.bytes.len() + usize::try_from(padded - length).unwrap(), 0);
        self.u32(32 + padded);
    }
}
