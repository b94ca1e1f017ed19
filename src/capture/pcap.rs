//! Packets out of a capture file: pcap and pcapng, either byte order, one packet in memory at a time.

use std::io::{self, Read};
use std::time::Duration;

use crate::trace::TraceError;

/// One captured packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    /// Link type (LINKTYPE_…): what the data begins with.
    pub(super) link: u16,
    /// Time since 1970.
    pub(super) time: Duration,
    pub(super) data: Vec<u8>,
    /// Whether the capture kept only a part of the packet.
    pub(super) cut: bool,
}

/// Reads packets one after the other.
pub(super) struct Packets<R> {
    reader: R,
    form: Form,
    big_endian: bool,
    interfaces: Vec<Interface>,
}

enum Form {
    Pcap { link: u16, nanoseconds: bool },
    PcapNg,
}

#[derive(Clone, Copy)]
struct Interface {
    link: u16,
    ticks_per_second: u64,
}

impl<R: Read> Packets<R> {
    pub(super) fn open(mut reader: R) -> Result<Self, TraceError> {
        let mut magic = [0; 4];
        fill(&mut reader, &mut magic)?.ok_or_else(|| bad("the file is empty"))?;
        let mut packets = Packets { reader, form: Form::PcapNg, big_endian: false, interfaces: Vec::new() };
        let (big_endian, nanoseconds) = match magic {
            SECTION => {
                packets.section()?;
                return Ok(packets);
            }
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
            _ => return Err(bad("it begins like neither pcap nor pcapng")),
        };
        packets.big_endian = big_endian;
        let header: [u8; 20] = packets.exactly()?.ok_or_else(|| bad("its header is cut short"))?;
        let link = packets.u32(&header, 16);
        packets.form = Form::Pcap { link: low(link), nanoseconds };
        Ok(packets)
    }

    /// The next packet; none at the end. A file that ends inside a packet, as one of a killed capture does, ends there.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, TraceError> {
        match self.form {
            Form::Pcap { link, nanoseconds } => self.next_pcap(link, nanoseconds),
            Form::PcapNg => self.next_block(),
        }
    }

    fn next_pcap(&mut self, link: u16, nanoseconds: bool) -> Result<Option<Packet>, TraceError> {
        let Some(header) = self.exactly::<16>()? else { return Ok(None) };
        let (seconds, fraction) = (self.u32(&header, 0), self.u32(&header, 4));
        let (kept, original) = (self.u32(&header, 8), self.u32(&header, 12));
        let Some(data) = self.data(kept)? else { return Ok(None) };
        let fraction = if nanoseconds { fraction } else { fraction.saturating_mul(1000) };
        let time = Duration::from_secs(u64::from(seconds)).saturating_add(Duration::from_nanos(u64::from(fraction)));
        Ok(Some(Packet { link, time, data, cut: kept < original }))
    }

    fn next_block(&mut self) -> Result<Option<Packet>, TraceError> {
        loop {
            let mut kind = [0; 4];
            if fill(&mut self.reader, &mut kind)?.is_none() {
                return Ok(None);
            }
            if kind == SECTION {
                self.section()?;
                continue;
            }
            let Some(length) = self.exactly::<4>()? else { return Ok(None) };
            let length = self.u32(&length, 0);
            // Kind and length before the body, the length again behind it.
            let body = length.checked_sub(12).filter(|_| length.is_multiple_of(4));
            let body = body.ok_or_else(|| bad("a block has an impossible length"))?;
            let kind = self.u32(&kind, 0);
            if !KNOWN.contains(&kind) {
                self.skip(u64::from(body) + 4)?;
                continue;
            }
            let Some(block) = self.data(body)? else { return Ok(None) };
            if self.exactly::<4>()?.is_none() {
                return Ok(None);
            }
            if let Some(packet) = self.block(kind, &block)? {
                return Ok(Some(packet));
            }
        }
    }

    fn block(&mut self, kind: u32, block: &[u8]) -> Result<Option<Packet>, TraceError> {
        let short = || bad("a block is shorter than its kind demands");
        if kind == INTERFACE {
            if self.interfaces.len() >= MOST_INTERFACES {
                return Err(bad("it names too many interfaces"));
            }
            let link = self.u16(block.get(..2).ok_or_else(short)?);
            let ticks = self.resolution(block.get(8..).unwrap_or_default());
            self.interfaces.push(Interface { link, ticks_per_second: ticks });
            return Ok(None);
        }
        let head = if kind == SIMPLE { 4 } else { 20 };
        if block.len() < head {
            return Err(short());
        }
        let interface = match kind {
            SIMPLE => 0,
            OBSOLETE => u32::from(self.u16(block.get(..2).unwrap_or_default())),
            _ => self.u32(block, 0),
        };
        let interface = usize::try_from(interface).ok().and_then(|at| self.interfaces.get(at)).copied();
        let interface = interface.ok_or_else(|| bad("a packet names an interface that is not described"))?;
        let (kept, original) = match kind {
            SIMPLE => (self.u32(block, 0), self.u32(block, 0)),
            _ => (self.u32(block, 12), self.u32(block, 16)),
        };
        let rest = block.get(head..).unwrap_or_default();
        let data = rest.get(..usize::try_from(kept).unwrap_or(usize::MAX)).unwrap_or(rest).to_vec();
        let ticks = (u64::from(self.u32(block, 4)) << 32) | u64::from(self.u32(block, 8));
        let time = if kind == SIMPLE { Duration::ZERO } else { since_1970(ticks, interface.ticks_per_second) };
        Ok(Some(Packet { link: interface.link, time, cut: kept < original, data }))
    }

    /// A section header, behind its kind: the byte order may change here.
    fn section(&mut self) -> Result<(), TraceError> {
        let head: [u8; 8] = self.exactly()?.ok_or_else(|| bad("its section header is cut short"))?;
        self.big_endian = match head {
            [.., 0x4d, 0x3c, 0x2b, 0x1a] => false,
            [.., 0x1a, 0x2b, 0x3c, 0x4d] => true,
            _ => return Err(bad("its section header has no byte order")),
        };
        self.interfaces.clear();
        let length = self.u32(&head, 0);
        // 12 bytes of it are read.
        let rest = length.checked_sub(12).ok_or_else(|| bad("its section header has an impossible length"))?;
        self.skip(u64::from(rest))
    }

    /// Option 9, if_tsresol: microseconds where it is not said.
    fn resolution(&self, mut options: &[u8]) -> u64 {
        while let Some((head, rest)) = options.split_first_chunk::<4>() {
            let (code, length) = (self.u16(head), self.u16(head.get(2..).unwrap_or_default()));
            let length = usize::from(length);
            if code == 9
                && let Some(value) = rest.first()
            {
                let power = u32::from(value & 0x7f);
                let base: u64 = if value & 0x80 == 0 { 10 } else { 2 };
                return base.checked_pow(power).unwrap_or(1_000_000);
            }
            if code == 0 {
                break;
            }
            options = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        1_000_000
    }

    fn data(&mut self, length: u32) -> Result<Option<Vec<u8>>, TraceError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > LARGEST {
            return Err(bad("a packet is larger than any network has"));
        }
        let mut data = vec![0; length];
        Ok(fill(&mut self.reader, &mut data)?.map(|()| data))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), TraceError> {
        io::copy(&mut (&mut self.reader).take(bytes), &mut io::sink())?;
        Ok(())
    }

    fn exactly<const N: usize>(&mut self) -> Result<Option<[u8; N]>, TraceError> {
        let mut bytes = [0; N];
        Ok(fill(&mut self.reader, &mut bytes)?.map(|()| bytes))
    }

    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let four = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    }

    fn u16(&self, bytes: &[u8]) -> u16 {
        let two = bytes.first_chunk().copied().unwrap_or_default();
        if self.big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }
    }
}

/// Fills the buffer; none where the file ends before.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<Option<()>, TraceError> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(Some(())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn since_1970(ticks: u64, per_second: u64) -> Duration {
    let per_second = per_second.max(1);
    let fraction = u128::from(ticks % per_second) * 1_000_000_000 / u128::from(per_second);
    Duration::from_secs(ticks / per_second).saturating_add(Duration::from_nanos(u64::try_from(fraction).unwrap_or(0)))
}

/// The link type is in the low 16 bits; above it stands whether frames have check sums.
fn low(link: u32) -> u16 {
    let [a, b, _, _] = link.to_le_bytes();
    u16::from_le_bytes([a, b])
}

fn bad(text: &str) -> TraceError {
    TraceError::NotACapture(text.to_owned())
}

const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const INTERFACE: u32 = 1;
const OBSOLETE: u32 = 2;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;
const KNOWN: [u32; 4] = [INTERFACE, OBSOLETE, SIMPLE, ENHANCED];
/// What capture programs take at most is 256 KiB.
const LARGEST: usize = 1 << 20;
const MOST_INTERFACES: usize = 1024;
