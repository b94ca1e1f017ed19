#!/usr/bin/env python3
"""An HTTP server that lets NTLM clients in by software not written here, and echoes what they send.

    acceptor.py --engine pyspnego|gss [--tls] [--server NAME] [--body-with-token yes|no]
                [--close-after-401 never|challenge|bare-once|silent-once|bare-always] [--chunked] [--wrong-binding]

Over plain HTTP every body must be sealed, in exactly the form of [MS-WSMV] 2.2.9.1 (tabs before the part headers
for a server named Microsoft-HTTPAPI, none for another); over TLS the login must carry the right channel binding and
bodies are clear. What the libraries let pass is looked at here: see `inspect`. Listens on 127.0.0.1 and prints one
JSON line with two ports and the certificate; GET on the second port (plain HTTP) tells what was seen. Users come from
the file in NTLM_USER_FILE (DOMAIN:user:password a line). Ends with its standard input.
"""

import argparse
import base64
import ctypes
import datetime
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import tempfile
import threading

PROTOCOL = b"application/HTTP-SPNEGO-session-encrypted"
STATS = {
    "connections": 0, "requests": 0, "authenticates": 0, "refused": 0, "opened": 0, "largest": 0,
    "users": [], "targets": [], "errors": [],
}
LOCK = threading.Lock()


class Refused(Exception):
    pass


# -- the accepting halves ---------------------------------------------------------------------------------


class Pyspnego:
    """pyspnego's own NTLM (pure Python)."""

    def __init__(self, binding):
        import spnego
        from spnego.channel_bindings import GssChannelBindings

        bindings = GssChannelBindings(application_data=binding) if binding else None
        options = spnego.NegotiateOptions.use_ntlm
        self.context = spnego.server(protocol="ntlm", channel_bindings=bindings, options=options)

    def step(self, token):
        try:
            return self.context.step(token), self.context.complete
        except Exception as error:  # whatever the library raises is a refusal
            raise Refused(repr(error)) from error

    def user(self):
        return self.context.client_principal

    def unwrap(self, header, data):
        try:
            return self.context.unwrap_winrm(header, data)
        except Exception as error:
            raise Refused(repr(error)) from error

    def wrap(self, data):
        header, sealed, padding = self.context.wrap_winrm(data)
        assert padding == 0
        return header, sealed


class Buffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]

    @classmethod
    def of(cls, data):
        made = cls(len(data), ctypes.cast(ctypes.create_string_buffer(data, len(data)), ctypes.c_void_p))
        made.keep = data
        return made

    def take(self):
        return ctypes.string_at(self.value, self.length) if self.length else b""


class Oid(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("elements", ctypes.c_void_p)]


class OidSet(ctypes.Structure):
    _fields_ = [("count", ctypes.c_size_t), ("elements", ctypes.POINTER(Oid))]


class Bindings(ctypes.Structure):
    _fields_ = [
        ("initiator_type", ctypes.c_uint32),
        ("initiator", Buffer),
        ("acceptor_type", ctypes.c_uint32),
        ("acceptor", Buffer),
        ("application", Buffer),
    ]


class Gss:
    """gss-ntlmssp (C) under MIT krb5's GSSAPI."""

    NTLM = bytes.fromhex("2b06010401823702020a")

    def __init__(self, binding):
        self.lib = ctypes.CDLL("libgssapi_krb5.so.2")
        self.context, self.name = ctypes.c_void_p(), ctypes.c_void_p()
        self.bindings = None
        if binding:
            self.bindings = Bindings(0, Buffer(0, None), 0, Buffer(0, None), Buffer.of(binding))
        self.oid_bytes = ctypes.create_string_buffer(self.NTLM, len(self.NTLM))
        oid = Oid(len(self.NTLM), ctypes.cast(self.oid_bytes, ctypes.c_void_p))
        mechs = OidSet(1, ctypes.pointer(oid))
        self.credential = ctypes.c_void_p()
        minor = ctypes.c_uint32()
        major = self.lib.gss_acquire_cred(
            ctypes.byref(minor), None, 0, ctypes.byref(mechs), 2, ctypes.byref(self.credential), None, None
        )
        if major:
            raise RuntimeError(f"gss_acquire_cred: {major:#x} {minor.value}")

    def step(self, token):
        minor, flags = ctypes.c_uint32(), ctypes.c_uint32()
        given, answer = Buffer.of(token), Buffer(0, None)
        major = self.lib.gss_accept_sec_context(
            ctypes.byref(minor), ctypes.byref(self.context), self.credential, ctypes.byref(given),
            ctypes.byref(self.bindings) if self.bindings else None, ctypes.byref(self.name), None,
            ctypes.byref(answer),
            ctypes.byref(flags), None, None,
        )
        if major & 0xFFFF0000:
            raise Refused(f"gss_accept_sec_context: {major:#x} {minor.value}")
        done = (major & 1) == 0
        if done and flags.value & 0x10 == 0:
            raise Refused("no confidentiality agreed on")
        return answer.take(), done

    def user(self):
        minor, shown = ctypes.c_uint32(), Buffer(0, None)
        major = self.lib.gss_display_name(ctypes.byref(minor), self.name, ctypes.byref(shown), None)
        if major:
            raise Refused(f"gss_display_name: {major:#x} {minor.value}")
        # gss-ntlmssp counts the zero byte at the end, and puts an empty domain before a name with an @.
        return shown.take().rstrip(b"\0").decode().removeprefix("\\")

    def unwrap(self, header, data):
        minor, state = ctypes.c_uint32(), ctypes.c_int()
        given, answer = Buffer.of(header + data), Buffer(0, None)
        major = self.lib.gss_unwrap(
            ctypes.byref(minor), self.context, ctypes.byref(given), ctypes.byref(answer), ctypes.byref(state), None
        )
        if major or not state.value:
            raise Refused(f"gss_unwrap: {major:#x} {minor.value}, sealed {state.value}")
        return answer.take()

    def wrap(self, data):
        minor, state = ctypes.c_uint32(), ctypes.c_int()
        given, answer = Buffer.of(data), Buffer(0, None)
        major = self.lib.gss_wrap(
            ctypes.byref(minor), self.context, 1, 0, ctypes.byref(given), ctypes.byref(state), ctypes.byref(answer)
        )
        if major or not state.value:
            raise Refused(f"gss_wrap: {major:#x} {minor.value}")
        token = answer.take()
        return token[:16], token[16:]


# -- what the libraries do not insist on ------------------------------------------------------------------

FLAGS = 0x00000001 | 0x00000010 | 0x00000020 | 0x00080000 | 0x20000000 | 0x40000000  # what sealing is safe with
MIC_PRESENT = 2


def field(message, at):
    length, _, offset = struct.unpack_from("<HHI", message, at)
    if offset + length > len(message):
        raise Refused("a field of AUTHENTICATE lies outside of it")
    return message[offset:offset + length]


def inspect(token, binding):
    """AUTHENTICATE as [MS-NLMP] 3.1.5.1.2 wants it; returns the target name.

    pyspnego takes all-zero bindings for an acceptor with bindings, and neither library misses a MIC that was not
    announced. That the MIC and the binding are right is for them to find out.
    """
    if token[:12] != b"NTLMSSP\0\3\0\0\0":
        raise Refused("no AUTHENTICATE message")
    (flags,) = struct.unpack_from("<I", token, 60)
    if flags & FLAGS != FLAGS:
        raise Refused(f"AUTHENTICATE lacks flags, it has {flags:#010x}")
    if field(token, 12) != bytes(24):
        raise Refused("an LM response beside a timestamp")
    if len(field(token, 52)) != 16:
        raise Refused("no exchanged session key")
    pairs, rest = {}, field(token, 20)[16 + 28:]
    while True:
        kind, length = struct.unpack_from("<HH", rest)
        if kind in pairs:
            raise Refused(f"AV pair {kind} stands twice")
        pairs[kind], rest = rest[4:4 + length], rest[4 + length:]
        if kind == 0:
            break
    if 7 not in pairs:
        raise Refused("the timestamp of the challenge was dropped")
    if len(pairs.get(6, b"")) != 4 or not struct.unpack("<I", pairs[6])[0] & MIC_PRESENT or not any(token[72:88]):
        raise Refused("no MIC")
    if 10 not in pairs or any(pairs[10]) != (binding is not None):
        raise Refused(f"channel binding {pairs.get(10, b'').hex()} where {'one' if binding else 'zero'} was due")
    return pairs.get(9, b"").decode("utf-16-le")


# -- the sealed body, read to the byte --------------------------------------------------------------------


def parts(length, tab):
    return (
        b"--Encrypted Boundary\r\n" + tab + b"Content-Type: " + PROTOCOL + b"\r\n"
        + tab + b"OriginalContent: type=application/soap+xml;charset=UTF-8;Length=" + str(length).encode() + b"\r\n"
        + b"--Encrypted Boundary\r\n" + tab + b"Content-Type: application/octet-stream\r\n"
    )


def unseal(engine, body, tab):
    end = b"--Encrypted Boundary--\r\n"
    marker = b";Length="
    if not body.endswith(end) or marker not in body:
        raise Refused("no closing boundary, or no Length: the body is not sealed")
    digits = body[body.index(marker) + len(marker):body.index(b"\r\n", body.index(marker))]
    length = int(digits)
    head = parts(length, tab)
    if not body.startswith(head):
        raise Refused(f"part headers differ: {body[:len(head)]!r}")
    rest = body[len(head):-len(end)]
    (size,) = struct.unpack("<I", rest[:4])
    if size != 16 or len(rest) != 4 + size + length:
        raise Refused(f"{size} bytes of signature, {len(rest) - 4 - size} of data, Length={length}")
    return engine.unwrap(rest[4:4 + size], rest[4 + size:])


def seal(engine, data, tab):
    header, sealed = engine.wrap(data)
    return parts(len(data), tab) + struct.pack("<I", len(header)) + header + sealed + b"--Encrypted Boundary--\r\n"


# -- the server -------------------------------------------------------------------------------------------


def read_request(stream):
    line = stream.readline()
    if not line:
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers = {}
    while True:
        line = stream.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            break
        name, value = line.split(":", 1)
        headers[name.strip().lower()] = value.strip()
    if "transfer-encoding" in headers or "expect" in headers:
        raise Refused("a chunked request, or one that expects")
    length = int(headers.get("content-length", "-1"))
    if method == "POST" and length < 0:
        raise Refused("no Content-Length")
    return method, path, headers, stream.read(max(length, 0))


def reply(sock, arguments, status, headers, body=b"", close=False):
    lines = [f"HTTP/1.1 {status} X", f"Server: {arguments.server}"] + headers
    if close:
        lines.append("Connection: close")
    if arguments.chunked and body:
        lines.append("Transfer-Encoding: chunked")
        chunks = [body[at:at + 777] for at in range(0, len(body), 777)] + [b""]
        body = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    else:
        lines.append(f"Content-Length: {len(body)}")
    sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def serve(sock, arguments, binding, closed_once):
    tab = b"\t" if arguments.server.startswith("Microsoft-HTTPAPI") else b""
    engine, complete = None, False
    stream = sock.makefile("rb")
    while True:
        request = read_request(stream)
        if request is None:
            return
        method, path, headers, body = request
        with LOCK:
            STATS["requests"] += 1
        if (method, path) != ("POST", "/wsman"):
            raise Refused(f"{method} {path}")
        authorization = headers.get("authorization", "")
        if authorization:
            scheme, _, token = authorization.partition(" ")
            if scheme != "Negotiate":
                raise Refused(f"scheme {scheme}")
            token = base64.b64decode(token)
            how, _, when = arguments.close_after_401.partition("-")
            if when == "always" or (when == "once" and not closed_once.is_set()):
                # As servers do that only list their schemes at first: no challenge, and the connection ends.
                closed_once.set()
                reply(sock, arguments, 401, ["WWW-Authenticate: Negotiate"], close=how == "bare")
                return
            if token[8:12] == b"\x01\0\0\0":
                engine, complete = ENGINES[arguments.engine](binding), False
                if body:
                    raise Refused("a body beside the first token")
            else:
                with LOCK:
                    STATS["authenticates"] += 1
                if engine is None or complete:
                    raise Refused("AUTHENTICATE without a challenge")
                target = inspect(token, binding)
                with LOCK:
                    STATS["targets"].append(target)
            try:
                answer, complete = engine.step(token)
            except Refused as error:
                with LOCK:
                    STATS["refused"] += 1
                    STATS["errors"].append(str(error))
                engine, complete = None, False
                reply(sock, arguments, 401, ["WWW-Authenticate: Negotiate"])
                continue
            if not complete:
                header = "WWW-Authenticate: Negotiate " + base64.b64encode(answer).decode()
                close = arguments.close_after_401 == "challenge"
                reply(sock, arguments, 401, [header], close=close)
                if close:
                    return
                continue
            with LOCK:
                STATS["users"].append(engine.user())
            if body and arguments.body_with_token == "no":
                raise Refused("a body beside the last token")
            if not body:
                reply(sock, arguments, 200, [])
                continue
        if not complete:
            reply(sock, arguments, 401, ["WWW-Authenticate: Negotiate"])
            continue
        content_type = headers.get("content-type", "")
        if arguments.tls:
            message, sealed_type = body, "application/soap+xml;charset=UTF-8"
            if content_type != sealed_type:
                raise Refused(f"Content-Type {content_type}")
        else:
            wanted = f'multipart/encrypted;protocol="{PROTOCOL.decode()}";boundary="Encrypted Boundary"'
            if content_type != wanted:
                raise Refused(f"Content-Type {content_type}")
            message, sealed_type = unseal(engine, body, tab), wanted
        with LOCK:
            STATS["opened"] += 1
            STATS["largest"] = max(STATS["largest"], len(message))
        echo = message if arguments.tls else seal(engine, message, tab)
        reply(sock, arguments, 200, [f"Content-Type: {sealed_type}"], echo)


def certificate():
    """A self-signed certificate, TLS with it, and the binding that belongs to it (RFC 5929)."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1)).add_extension(names, False)
        # Not SHA-256, so that the hash is seen to follow the signature.
        .sign(key, hashes.SHA384())
    )
    der = made.public_bytes(serialization.Encoding.DER)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
        file.write(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ))
        file.flush()
        context.load_cert_chain(file.name)
    return der, context, b"tls-server-end-point:" + hashlib.sha384(der).digest()


def tell(listener):
    """Answers every connection with what was seen so far."""
    while True:
        sock, _ = listener.accept()
        with sock, LOCK:
            sock.recv(4096)
            body = json.dumps(STATS).encode()
            sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


ENGINES = {"pyspnego": Pyspnego, "gss": Gss}
CLOSINGS = ["never", "challenge", "bare-once", "silent-once", "bare-always"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=sorted(ENGINES), required=True)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--server", default="Microsoft-HTTPAPI/2.0")
    parser.add_argument("--body-with-token", choices=["yes", "no"], default="yes")
    parser.add_argument("--close-after-401", choices=CLOSINGS, default="never")
    parser.add_argument("--chunked", action="store_true")
    parser.add_argument("--wrong-binding", action="store_true")
    arguments = parser.parse_args()
    der, tls, binding = certificate() if arguments.tls else (b"", None, None)
    if arguments.wrong_binding:
        binding = b"tls-server-end-point:" + bytes(32)
    listener = socket.create_server(("127.0.0.1", 0))
    stats = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=tell, args=(stats,), daemon=True).start()
    hello = {"port": listener.getsockname()[1], "stats": stats.getsockname()[1], "certificate": der.hex()}
    print(json.dumps(hello), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    closed_once = threading.Event()

    def run(sock):
        try:
            if tls:
                sock = tls.wrap_socket(sock, server_side=True)
            serve(sock, arguments, binding, closed_once)
        except (Refused, AssertionError, ValueError, LookupError, struct.error) as error:
            with LOCK:
                STATS["errors"].append(str(error))
        except OSError:
            # The client went away, as it may: after a refusal, or because it does not trust the certificate.
            pass
        finally:
            sock.close()

    while True:
        sock, _ = listener.accept()
        with LOCK:
            STATS["connections"] += 1
        threading.Thread(target=run, args=(sock,), daemon=True).start()


main()
