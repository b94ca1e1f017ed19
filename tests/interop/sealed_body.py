"""The sealed body of WinRM, by the letter of [MS-WSMV] 2.2.9.1.1.2: what is not exactly so is refused."""

import re
import struct

PROTOCOLS = {
    "Negotiate": "application/HTTP-SPNEGO-session-encrypted",
    "NTLM": "application/HTTP-SPNEGO-session-encrypted",
    "Kerberos": "application/HTTP-Kerberos-session-encrypted",
}
CLOSING = b"--Encrypted Boundary--\r\n"


class Malformed(Exception):
    """The body is not of the form; the text says where."""


def content_type(scheme):
    """The outer header under this scheme."""
    return f'multipart/encrypted;protocol="{PROTOCOLS[scheme]}";boundary="Encrypted Boundary"'


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
