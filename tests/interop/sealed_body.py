"""The sealed body of WinRM, by the letter of [MS-WSMV] 2.2.9.1.1.2: what is not exactly so is refused."""

import re
import struct

PROTOCOLS = {
    "Negotiate": "application/HTTP-SPNEGO-session-encrypted",
    "NTLM": "application/HTTP-SPNEGO-session-encrypted",
    "Kerberos": "application/HTTP-Kerberos-session-encrypted",
    "CredSSP": "application/HTTP-CredSSP-session-encrypted",
}
# What CredSSP seals at once.
PIECE = 16 * 1024
CLOSING = b"--Encrypted Boundary--\r\n"


class Malformed(Exception):
    """The body is not of the form; the text says where."""


def content_type(scheme, kind="encrypted"):
    """The outer header under this scheme."""
    return f'multipart/{kind};protocol="{PROTOCOLS[scheme]}";boundary="Encrypted Boundary"'


def _head(tab, length, scheme):
    return (
        "--Encrypted Boundary\r\n"
        f"{tab}Content-Type: {PROTOCOLS[scheme]}\r\n"
        f"{tab}OriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n"
        "--Encrypted Boundary\r\n"
        f"{tab}Content-Type: application/octet-stream\r\n"
    ).encode()


def read(found_type, body, tab, scheme, signature_bytes):
    """Signature and data of a body whose part headers must begin with `tab` (a tab, or nothing)."""
    if found_type != content_type(scheme):
        raise Malformed(f"Content-Type is {found_type!r}")
    length = re.search(rb";Length=(0|[1-9][0-9]*)\r\n", body[:400])
    if not length:
        raise Malformed("there is no Length")
    length = int(length[1])
    head = _head(tab, length, scheme)
    if not body.startswith(head):
        raise Malformed(f"the head is {body[:len(head)]!r}, due is {head!r}")
    rest = body[len(head) :]
    signature_bytes = signature_bytes(length)
    if rest[:4] != struct.pack("<I", signature_bytes):
        raise Malformed(f"the signature length is {rest[:4].hex()}, due is {signature_bytes}")
    signature, rest = rest[4 : 4 + signature_bytes], rest[4 + signature_bytes :]
    data, closing = rest[:length], rest[length:]
    if closing != CLOSING:
        raise Malformed(f"behind {length} bytes of data stands {closing[:80]!r}, due is {CLOSING!r}")
    return signature, data


def write(signature, data, tab, scheme):
    """The body for this signature and data."""
    return _head(tab, len(data), scheme) + struct.pack("<I", len(signature)) + signature + data + CLOSING


def read_pieces(found_type, body, tab, trailer_bytes):
    """Length and TLS record of each piece of a body of CredSSP (2.2.9.1.3)."""
    pieces = []
    while body != CLOSING:
        length = re.search(rb";Length=(0|[1-9][0-9]*)\r\n", body[:400])
        if not length:
            raise Malformed(f"piece {len(pieces)} has no Length: {body[:80]!r}")
        length = int(length[1])
        head = _head(tab, length, "CredSSP")
        if not body.startswith(head):
            raise Malformed(f"the head is {body[:len(head)]!r}, due is {head!r}")
        body = body[len(head) :]
        if length and body[:7] != struct.pack("<I", trailer_bytes) + b"\x17\x03\x03":
            raise Malformed(f"trailer length and record begin with {body[:7].hex()}")
        end = 9 + struct.unpack(">H", body[7:9])[0] if length else 4
        pieces.append((length, body[4:end]))
        body = body[end:]
    if not pieces or any(length != PIECE for length, _ in pieces[:-1]) or pieces[-1][0] > PIECE:
        raise Malformed(f"the pieces hold {[length for length, _ in pieces]} bytes")
    due = content_type("CredSSP", "x-multi-encrypted" if len(pieces) > 1 else "encrypted")
    if found_type != due:
        raise Malformed(f"Content-Type is {found_type!r}")
    return pieces


def write_pieces(plain, wrap, tab, trailer_bytes):
    """Content type and body, each piece sealed by `wrap`."""
    pieces = [plain[start : start + PIECE] for start in range(0, len(plain), PIECE)]
    body = b"".join(
        _head(tab, len(piece), "CredSSP") + struct.pack("<I", trailer_bytes) + wrap(piece) for piece in pieces
    )
    return content_type("CredSSP", "x-multi-encrypted" if len(pieces) > 1 else "encrypted"), body + CLOSING
