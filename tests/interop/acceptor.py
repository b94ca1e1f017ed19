#!/usr/bin/env python3
"""A strict WinRM-like listener on 127.0.0.1 whose NTLM and Kerberos were not written here; it echoes messages.

Over plain HTTP every message must be sealed, over TLS (--tls) the login must be bound to the certificate, unless the
acceptor knows of no binding (--unbound). The first
line of standard output is {"port": …, "certificate": PEM or null}; then comes one line of JSON for every request,
before its answer is sent. What a client does against the rules is answered with 400 and has a "fault" in its line.
Runs until its standard input ends.

    NTLM_USER_FILE=tests/interop/users VENV/bin/python tests/interop/acceptor.py --mechanism pyspnego
"""

import argparse
import base64
import datetime
import hashlib
import http.server
import ipaddress
import itertools
import json
import os
import re
import ssl
import sys
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

# NTLMv2 only, in both mechanisms; names for the challenge of gss-ntlmssp.
os.environ.update(LM_COMPAT_LEVEL="5", NETBIOS_COMPUTER_NAME="INTEROP", NETBIOS_DOMAIN_NAME="LAB")

# pylint: disable=wrong-import-position
from spnego._ntlm_raw.messages import Authenticate, AvFlags, AvId, NegotiateFlags, NTClientChallengeV2

import mechanisms
import sealed_body

MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
HTTP_SYS = "Microsoft-HTTPAPI/2.0"
SOAP = "application/soap+xml;charset=UTF-8"
CERTIFICATES = {
    "rsa-sha256": (lambda: rsa.generate_private_key(65537, 2048), hashes.SHA256()),
    "rsa-sha512": (lambda: rsa.generate_private_key(65537, 2048), hashes.SHA512()),
    "ecdsa-sha384": (lambda: ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
}
CLIENT_SECRET = "Key-Hörse-1".encode()
# What an AUTHENTICATE for sealing must carry ([MS-NLMP] 2.2.2.5).
NEEDED = (
    NegotiateFlags.unicode
    | NegotiateFlags.sign
    | NegotiateFlags.seal
    | NegotiateFlags.always_sign
    | NegotiateFlags.extended_session_security
    | NegotiateFlags.target_info
    | NegotiateFlags.key_128
    | NegotiateFlags.key_exch
)


class Fault(Exception):
    """The client broke a rule."""


class Connection(http.server.BaseHTTPRequestHandler):
    """One TCP connection; its login ends with it."""

    protocol_version = "HTTP/1.1"
    numbers = itertools.count(1)

    def setup(self):
        self.number = next(self.numbers)
        self.requests = 0
        self.mechanism = None
        self.scheme = None
        self.established = False
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def do_POST(self):
        self.requests += 1
        self.line = {"connection": self.number, "request": self.requests, "token": None, "opened": 0}
        self.offers, self.seals, reply = [], False, b""
        try:
            body = self.read_body()
            self.line["received"] = len(body)
            status, reply = self.answer(body)
        except Fault as fault:
            self.line["fault"] = str(fault)
            status, self.close_connection = 400, True
        except mechanisms.Refused as refusal:
            self.line["refused"] = str(refusal)
            self.mechanism, self.established = None, False
            status, self.offers = 401, list(self.server.modes.offer)
            if refusal.token:
                self.offers[0] += " " + base64.b64encode(refusal.token).decode()
        self.reply(status, reply)

    def read_body(self):
        """The body, if the request is one that WinRM takes."""
        if self.path != "/wsman" or self.request_version != "HTTP/1.1":
            raise Fault(f"{self.request_version} to {self.path}")
        for name in ("Transfer-Encoding", "Expect", "Upgrade", "Content-Encoding"):
            if name in self.headers:
                raise Fault(f"{name}: {self.headers[name]}")
        for name in ("Host", "Content-Length", "Authorization", "Content-Type"):
            if len(self.headers.get_all(name, [])) > 1:
                raise Fault(f"{name} stands there twice")
        if self.headers["Host"] not in [f"{host}:{self.server.server_port}" for host in ("127.0.0.1", "localhost")]:
            raise Fault(f"Host is {self.headers['Host']!r}")
        length = self.headers["Content-Length"]
        if length is None or not length.isdecimal():
            raise Fault(f"Content-Length is {length!r}")
        return self.rfile.read(int(length))

    def answer(self, body):
        """Status and plain reply."""
        authorization = self.headers["Authorization"]
        modes = self.server.modes
        if authorization is None:
            if not self.established:
                # With nothing at all a client asks what is offered, which it must know before its first token where
                # that is bound to a certificate.
                bare_first = self.server.tls or modes.mechanism in mechanisms.CREDSSP
                if body or self.requests > 1 or not bare_first:
                    raise Fault("a request without a login")
                self.offers = modes.offer
                return 401, b""
            return 200, self.echo(body)
        if authorization == MUTUAL:
            return self.client_certificate(body)
        scheme, _, token = authorization.partition(" ")
        if not re.search(rf"(^|, *){scheme}( |,|$)", ", ".join(modes.offer), re.IGNORECASE):
            self.line["token"] = f"not offered: {scheme}"
            if body:
                raise Fault(f"a body under the scheme {scheme}, which is not offered")
            self.offers = modes.offer
            return 401, b""
        self.scheme = scheme
        if self.established:
            raise Fault("a token on a connection that is logged in")
        token = base64.b64decode(token, validate=True)
        if scheme == "CredSSP":
            return self.credssp(token, body)
        kind = token[8] if token.startswith(b"NTLMSSP\0") and len(token) > 32 else None
        if kind == 1:
            return self.negotiate(token, body)
        if kind == 3:
            return self.authenticate(token, body)
        if token[:1] not in (b"\x60", b"\xa1") or modes.mechanism in ("pyspnego", "gss-ntlmssp"):
            raise Fault(f"a token that is no NTLM message of a client: {token[:16].hex()}")
        return self.ticket(token, body)

    def client_certificate(self, body):
        """Who logs in is whom the certificate names, if it is one of those mapped to an account."""
        self.line["token"] = "certificate"
        if not self.server.clients:
            raise Fault("a client certificate was never asked for")
        shown = self.request.getpeercert()
        names = dict(pair for names in shown.get("subject", ()) for pair in names) if shown else {}
        self.line["user"] = names.get("commonName")
        if self.line["user"] != "admin@lab.test":
            return 401, b""
        return 200, self.echo(body)

    def ticket(self, token, body):
        """A token of Kerberos or SPNEGO."""
        self.line["token"] = "ticket" if token[:1] == b"\x60" else "more"
        if body:
            raise Fault("a body with a token, before the server proved who it is")
        if self.mechanism is None:
            self.mechanism = mechanisms.ALL[self.server.modes.mechanism](self.server.binding)
        reply = self.mechanism.step(token)
        if reply:
            self.offers = [f"{self.scheme} {base64.b64encode(reply).decode()}"]
        if not self.mechanism.complete:
            return 401, b""
        self.established = True
        self.line["user"] = self.mechanism.user
        self.line["etype"] = getattr(self.mechanism, "encryption_type", None)
        return 200, b""

    def credssp(self, token, body):
        """TLS, and SPNEGO and a password inside it."""
        self.line["token"] = "credssp"
        if body:
            raise Fault("a body with a token of CredSSP")
        if self.mechanism is None:
            self.mechanism = mechanisms.Credssp(self.server.modes)
        reply = self.mechanism.step(token)
        if not self.mechanism.complete:
            self.offers = [f"CredSSP {base64.b64encode(reply or b'').decode()}".rstrip()]
            return 401, b""
        self.established = True
        names = ("user", "delegated", "inside", "version")
        self.line.update({name: getattr(self.mechanism, name) for name in names})
        return 200, b""

    def negotiate(self, token, body):
        self.line["token"] = "negotiate"
        modes = self.server.modes
        if body:
            raise Fault("a body with the first token")
        if self.requests == 1 and (modes.blind == "always" or (modes.blind == "once" and self.number == 1)):
            # As servers do that name their schemes before they look at any token.
            self.offers = modes.offer
            self.close_connection = True
            return 401, b""
        self.mechanism = mechanisms.ALL[modes.mechanism](self.server.binding)
        challenge = self.mechanism.step(token)
        self.offers = [f"{self.scheme} {base64.b64encode(challenge).decode()}"]
        self.close_connection = modes.close_after_challenge
        return 401, b""

    def authenticate(self, token, body):
        self.line["token"] = "authenticate"
        if self.mechanism is None:
            raise Fault("an answer to no challenge")
        look(token, self.line, None if self.server.modes.unbound else self.server.binding is not None)
        if body and not self.server.is_http_sys:
            raise Fault("a body with the last token, which only http.sys is known to take")
        last = self.mechanism.step(token)
        if not self.mechanism.complete:
            raise Fault("the mechanism wants more")
        self.established = True
        if last:
            self.offers = [f"{self.scheme} {base64.b64encode(last).decode()}"]
        return 200, self.echo(body) if body else b""

    def echo(self, body):
        if self.server.tls:
            if self.headers["Content-Type"] != SOAP:
                raise Fault(f"Content-Type is {self.headers['Content-Type']!r}")
            plain = body
        elif self.scheme == "CredSSP":
            plain = self.open_pieces(body)
        else:
            try:
                signature, data = sealed_body.read(
                    self.headers["Content-Type"], body, self.server.tab, self.scheme, self.mechanism.signature_bytes
                )
            except sealed_body.Malformed as error:
                raise Fault(str(error)) from error
            try:
                plain = self.mechanism.unwrap(signature, data)
            except mechanisms.Refused as refusal:
                raise Fault(f"the seal does not open: {refusal}") from refusal
        if not self.server.tls:
            if len(plain) > 8 and plain in body:
                raise Fault("the sealed body shows the message")
            self.seals = not self.server.modes.clear_replies
        if len(plain) > 1 and not plain.startswith(b"<s:Envelope"):
            raise Fault(f"no envelope: {plain[:40]!r}")
        self.line["opened"] = len(plain)
        return plain

    def open_pieces(self, body):
        plain = b""
        try:
            trailer = self.mechanism.trailer_bytes
            for length, record in sealed_body.read_pieces(self.headers["Content-Type"], body, self.server.tab, trailer):
                piece = self.mechanism.unwrap(record)
                if len(piece) != length:
                    raise Fault(f"a piece of {length} bytes holds {len(piece)}")
                plain += piece
        except sealed_body.Malformed as error:
            raise Fault(str(error)) from error
        except mechanisms.Refused as refusal:
            raise Fault(f"the seal does not open: {refusal}") from refusal
        return plain

    def reply(self, status, plain):
        modes = self.server.modes
        body, content_type = plain, SOAP
        if self.seals and self.scheme == "CredSSP":
            trailer = self.mechanism.trailer_bytes
            content_type, body = sealed_body.write_pieces(plain, self.mechanism.wrap, self.server.tab, trailer)
        elif self.seals:
            body = sealed_body.write(*self.mechanism.wrap(plain), self.server.tab, self.scheme)
            content_type = sealed_body.content_type(self.scheme)
        if self.requests == modes.requests_per_connection:
            self.close_connection = True
        self.line["status"] = status
        self.server.tell(self.line)

        self.send_response(status)
        if body:
            self.send_header("Content-Type", content_type)
        for offer in self.offers:
            self.send_header("WWW-Authenticate", offer)
        if self.close_connection and not modes.silent:
            self.send_header("Connection", "close")
        if modes.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = chunks(body)
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self):
        return self.server.modes.server

    def log_message(self, *_):
        """Nothing: each request has its line."""


class Listener(http.server.ThreadingHTTPServer):
    """The listening socket, and what all connections share."""

    def __init__(self, modes):
        self.modes = modes
        self.is_http_sys = modes.server.startswith("Microsoft-HTTPAPI/")
        # http.sys wants the tab that the grammar demands, OMI refuses it.
        self.tab = "\t" if self.is_http_sys else ""
        self.tls = self.binding = self.certificate = None
        self.lock = threading.Lock()
        if modes.tls:
            certificate, key = make_certificate(modes.tls)
            self.certificate = certificate.public_bytes(serialization.Encoding.PEM).decode()
            self.tls = tls_settings(self.certificate, key)
            bound = make_certificate(modes.tls)[0] if modes.foreign_binding else certificate
            self.binding = None if modes.unbound else tls_server_end_point(bound)
        self.clients = modes.clients and clients()
        if self.clients:
            self.tls.load_verify_locations(cadata=self.clients.pop("authority"))
            self.tls.verify_mode = ssl.CERT_REQUIRED if modes.clients == "required" else ssl.CERT_OPTIONAL
        super().__init__(("127.0.0.1", 0), Connection)

    def tell(self, line):
        with self.lock:
            print(json.dumps(line), flush=True)

    def handle_error(self, *_):
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, ssl.SSLError)):
            self.tell({"fault": f"the acceptor failed: {error!r}"})


def look(token, line, bound):
    """Reads AUTHENTICATE with pyspnego's parser, whatever mechanism judges it, and insists on what NTLMv2 with
    sealing must have ([MS-NLMP] 3.1.5.1.2)."""
    message = Authenticate.unpack(token)
    response = NTClientChallengeV2.unpack(message.nt_challenge_response[16:])
    pairs = response.av_pairs
    line.update(domain=message.domain_name or "", user=message.user_name)
    if message.flags & NEEDED != NEEDED or message.flags & NegotiateFlags.lm_key:
        raise Fault(f"AUTHENTICATE has the flags {message.flags:#010x}")
    if AvId.timestamp not in pairs:
        raise Fault("the timestamp of the challenge is not in the response")
    if not pairs.get(AvId.flags, 0) & AvFlags.mic or not message.mic or message.mic == bytes(16):
        raise Fault("AUTHENTICATE has no MIC")
    if message.lm_challenge_response != bytes(24):
        raise Fault("the LM response is not zero")
    if len(message.encrypted_random_session_key or b"") != 16:
        raise Fault("there is no session key")
    if pairs.get(AvId.target_name) not in ("HTTP/127.0.0.1", "HTTP/localhost"):
        raise Fault(f"the target name is {pairs.get(AvId.target_name)!r}")
    has_binding = pairs.get(AvId.channel_bindings, bytes(16)) != bytes(16)
    if bound is not None and has_binding != bound:
        raise Fault("no channel binding inside TLS" if bound else "a channel binding without a channel")


def chunks(body):
    """The body in chunks of odd sizes, with an extension on the first."""
    sizes, out, start = itertools.cycle([1, 7, 4099, 30, 16384]), [], 0
    while start < len(body):
        part = body[start : start + next(sizes)]
        extension = ";name=value" if start == 0 else ""
        out += [f"{len(part):x}{extension}\r\n".encode(), part, b"\r\n"]
        start += len(part)
    return b"".join(out) + b"0\r\n\r\n"


def make_certificate(kind, name="interop.test", issuer=None, issuer_key=None, ca=False):
    """A certificate for 127.0.0.1 and localhost, self-signed if no issuer is given, and its key."""
    make_key, digest = CERTIFICATES[kind]
    key = make_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).public_key(key.public_key())
    builder = builder.issuer_name(issuer.subject if issuer else name)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key or key, hashes.SHA256() if issuer_key else digest), key


def clients():
    """An authority, and certificates it gave out with their keys, in every form a client may have them."""
    authority, authority_key = make_certificate("rsa-sha256", "authority.test", ca=True)
    found = {"authority": authority.public_bytes(serialization.Encoding.PEM).decode()}
    for name, kind, issuer, issuer_key in [
        ("admin@lab.test", "rsa-sha256", authority, authority_key),
        ("nobody@lab.test", "ecdsa-sha384", authority, authority_key),
        ("stranger@lab.test", "ecdsa-sha384", None, None),
    ]:
        certificate, key = make_certificate(kind, name, issuer, issuer_key)
        found[name] = forms(certificate, key)
    return found


def forms(certificate, key):
    def pem(form, protection):
        return key.private_bytes(serialization.Encoding.PEM, form, protection).decode()

    def pkcs12_of(protection):
        made = pkcs12.serialize_key_and_certificates(b"client", key, certificate, None, protection)
        return base64.b64encode(made).decode()

    private, none = serialization.PrivateFormat, serialization.NoEncryption()
    old = private.PKCS12.encryption_builder().kdf_rounds(2048)
    old = old.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1()).build(CLIENT_SECRET)
    return {
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "key": pem(private.PKCS8, none),
        "traditional": pem(private.TraditionalOpenSSL, none),
        "encrypted": pem(private.PKCS8, serialization.BestAvailableEncryption(CLIENT_SECRET)),
        "pkcs12": pkcs12_of(serialization.BestAvailableEncryption(CLIENT_SECRET)),
        "old_pkcs12": pkcs12_of(old),
    }


def tls_settings(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Python takes certificates from files only.
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem + certificate.encode())
        file.flush()
        context.load_cert_chain(file.name)
    return context


def tls_server_end_point(certificate):
    """RFC 5929 4: the hash function of the certificate's own signature; none here is weaker than SHA-256."""
    name = certificate.signature_hash_algorithm.name
    return b"tls-server-end-point:" + hashlib.new(name, certificate.public_bytes(serialization.Encoding.DER)).digest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mechanism", choices=[*mechanisms.ALL, *mechanisms.CREDSSP], required=True)
    parser.add_argument("--server", default=HTTP_SYS, help="the Server header; decides how bodies must look")
    parser.add_argument("--offer", action="append", help="a WWW-Authenticate header without a token; repeatable")
    parser.add_argument("--tls", choices=CERTIFICATES)
    parser.add_argument("--clients", choices=["optional", "required"], help="ask for client certificates, and make some")
    parser.add_argument("--inner-tls", choices=["1.2", "1.3"], help="the one version of TLS inside CredSSP")
    parser.add_argument("--credssp-version", type=int, help="say that CredSSP's version is this")
    parser.add_argument("--foreign-key", action="store_true", help="expect the hash over another key inside CredSSP")
    parser.add_argument("--foreign-binding", action="store_true", help="expect the binding to another certificate")
    parser.add_argument("--unbound", action="store_true", help="take logins over TLS whatever they are bound to")
    parser.add_argument("--blind", choices=["once", "always"], help="ignore a first token, answer 401 and close")
    parser.add_argument("--close-after-challenge", action="store_true")
    parser.add_argument("--requests-per-connection", type=int, default=0, help="close after so many")
    parser.add_argument("--silent", action="store_true", help="close without saying so")
    parser.add_argument("--chunked", action="store_true", help="every reply, in chunks of odd sizes")
    parser.add_argument("--clear-replies", action="store_true", help="answer sealed messages unsealed")
    modes = parser.parse_args()
    modes.offer = modes.offer or ["CredSSP" if modes.mechanism in mechanisms.CREDSSP else "Negotiate"]
    if not os.path.isfile(os.environ.get("NTLM_USER_FILE", "")):
        parser.error("NTLM_USER_FILE names no file")

    listener = Listener(modes)
    listener.daemon_threads = True
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    listener.tell({"port": listener.server_port, "certificate": listener.certificate, "clients": listener.clients})
    sys.stdin.read()


if __name__ == "__main__":
    main()
