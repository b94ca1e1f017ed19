"""The sealed body of WinRM, by the letter of [MS-WSMV] 2.2.9.1.1.2: what is not exactly so is refused."""

import re
import struct

PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
CONTENT_TYPE = f'multipart/encrypted;protocol="{PROTOCOL}";boundary="Encrypted Boundary"'
CLOSING = b"--Encrypted Boundary--\r\n"
SIGNATURE_BYTES = 16


class Malformed(Exception):
    """The body is not of the form; the text says where."""


def _head(tab, length):
    return (
        "--Encrypted Boundary\r\n"
        f"{tab}Content-Type: {PROTOCOL}\r\n"
        f"{tab}OriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n"
        "--Encrypted Boundary\r\n"
        f"{tab}Content-Type: application/octet-stream\r\n"
    ).encode()


def read(content_type, body, tab):
    """Signature and data of a body whose part headers must begin with `tab` (a tab, or nothing)."""
    if content_type != CONTENT_TYPE:
        raise Malformed(f"Content-Type is {content_type!r}")
    length = re.search(rb";Length=(0|[1-9][0-9]*)\r\n", body[:400])
    if not length:
        raise Malformed("there is no Length")
    length = int(length[1])
    head = _head(tab, length)
    if not body.startswith(head):
        raise Malformed(f"the head is {body[:len(head)]!r}, due is {head!r}")
    rest = body[len(head) :]
    if rest[:4] != struct.pack("<I", SIGNATURE_BYTES):
        raise Malformed(f"the signature length is {rest[:4].hex()}")
    signature, rest = rest[4 : 4 + SIGNATURE_BYTES], rest[4 + SIGNATURE_BYTES :]
    data, closing = rest[:length], rest[length:]
    if closing != CLOSING:
        raise Malformed(f"behind {length} bytes of data stands {closing[:80]!r}, due is {CLOSING!r}")
    return signature, data


def write(signature, data, tab):
    """The body for this signature and data."""
    if len(signature) != SIGNATURE_BYTES:
        raise Malformed(f"the mechanism made a signature of {len(signature)} bytes")
    return _head(tab, len(data)) + struct.pack("<I", SIGNATURE_BYTES) + signature + data + CLOSING
