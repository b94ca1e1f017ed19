#!/usr/bin/env python3
"""Captures of Kerberos conversations between software that is not ours, opened with the service's keytab.

The client is pyspnego over MIT Kerberos, the host MIT's GSSAPI or pyspnego behind tests/interop/acceptor.py; dpkt
writes what passed between them; `hvr trace decrypt --keytab` must find every message of both sides, and say what is
missing where the keytab is not the right one. Runs in the realm of tests/interop/realm.py:

    tests/interop/realm.py VENV/bin/python tests/interop/tickets.py target/debug/hvr [FOLDER]

With FOLDER the captures and the keytab stay there: tests/data/recorded/kerberos was made so.
"""

import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

REALM = pathlib.Path(os.environ["HVR_REALM"])
HERE = pathlib.Path(__file__).parent
# The names of services are taken as they are, so that none is looked up in DNS.
CONFIGURATION = (REALM / "krb5.conf").read_text().replace("= true", "= false")
(REALM / "client.conf").write_text(CONFIGURATION.replace("allow_rc4 = false", "allow_rc4 = true"))
os.environ.update(KRB5_CONFIG=str(REALM / "client.conf"), KRB5CCNAME=f"FILE:{REALM}/admin.ccache")

# pylint: disable=wrong-import-position
import spnego

import sealed_body
from recording import Relay, hvr, messages

KEYTAB = str(REALM / "service.keytab")
REQUESTS = HERE.parent / "data" / "requests"
# Mechanism, scheme, service, and the only encryption type that the host permits.
CONVERSATIONS = [
    ("gss-kerberos", "Kerberos", "aes128-sha1", "aes128-sha1"),
    ("gss-spnego", "Negotiate", "aes256-sha1", "aes256-sha1"),
    ("gss-kerberos", "Kerberos", "aes128-sha2", "aes128-sha2"),
    ("gss-spnego", "Negotiate", "aes256-sha2", "aes256-sha2"),
    ("gss-kerberos", "Kerberos", "rc4", "rc4"),
    # Ticket and messages of different types: the host takes a better one for its own key.
    ("gss-spnego", "Negotiate", "rc4", None),
    ("pyspnego-kerberos", "Kerberos", "aes128-sha1", None),
    ("pyspnego-spnego", "Negotiate", "localhost", None),
]


class Host:
    """acceptor.py as a process."""

    def __init__(self, mechanism, scheme, only):
        environment = os.environ | {"NTLM_USER_FILE": str(HERE / "users"), "KRB5_KTNAME": KEYTAB}
        environment["KRB5_CONFIG"] = str(REALM / (f"only-{only}.conf" if only else "krb5.conf"))
        command = [sys.executable, str(HERE / "acceptor.py"), "--mechanism", mechanism, "--offer", scheme]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Client:
    """A connection of pyspnego's, sealed by Kerberos."""

    def __init__(self, host, port, scheme, service):
        self.scheme, self.host = scheme, f"127.0.0.1:{host}"
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        name = service if service == "localhost" else f"{service}.hvr.test"
        protocol = "kerberos" if scheme == "Kerberos" else "negotiate"
        self.context = spnego.client(hostname=name, service="HTTP", protocol=protocol)
        token = self.context.step()
        while token:
            _, offer = self.post({"Authorization": f"{scheme} {base64.b64encode(token).decode()}"}, b"")
            token = self.context.step(base64.b64decode(offer.partition(" ")[2]))
        assert self.context.complete

    def post(self, headers, body):
        self.connection.putrequest("POST", "/wsman", skip_host=True)
        for name, value in {"Host": self.host, "Content-Length": str(len(body)), **headers}.items():
            self.connection.putheader(name, value)
        self.connection.endheaders(body)
        reply = self.connection.getresponse()
        content = reply.read()
        assert reply.status in (200, 401), (reply.status, content[:200])
        return content, reply.getheader("WWW-Authenticate") or ""

    def send(self, plain):
        sealed = self.context.wrap_winrm(plain)
        body = sealed_body.write(sealed.header, sealed.data, "\t", self.scheme)
        reply, _ = self.post({"Content-Type": sealed_body.content_type(self.scheme)}, body)
        found = re.search(rb";Length=([0-9]+)\r\n.*?octet-stream\r\n", reply, re.DOTALL)
        (signature,) = struct.unpack_from("<I", reply, found.end())
        start = found.end() + 4
        data = reply[start + signature :][: int(found[1])]
        # The whole token at once: taken apart, the one byte of padding under RC4 stays with the text.
        return self.context.unwrap(reply[start : start + signature] + data).data


def envelopes():
    """Requests as they are sent, and a large one."""
    small = [(REQUESTS / name).read_bytes() for name in ("identify.xml", "get-vm.xml", "start.xml")]
    return [*small, small[1].replace(b"<s:Body/>", b"<s:Body><x>" + b"0123456789" * 30_000 + b"</x></s:Body>")]


def record(mechanism, scheme, service, only, sent):
    """The bytes of a conversation."""
    host = Host(mechanism, scheme, only)
    try:
        relay = Relay(host.port)
        client = Client(host.port, relay.port, scheme, service)
        for plain in sent:
            assert client.send(plain) == plain, (mechanism, service)
        return relay
    finally:
        host.end()


def keytab(folder, name, *entries):
    """A keytab made by MIT's ktutil: service, version, encryption type."""
    path = str(folder / name)
    lines = [f"addent -password -p HTTP/{s}@HVR.TEST -k {v} -e {e}\nWrong-Horse-0" for s, v, e in entries]
    subprocess.run(["ktutil"], input="\n".join([*lines, f"wkt {path}", ""]), text=True, check=True, capture_output=True)
    return path


def refusals(program, folder, capture):
    """Each keytab that does not do, and what is said of it."""
    service = "aes256-sha1.hvr.test"
    text = folder / "text.keytab"
    text.write_text("no keytab")
    for file, says in [
        (str(REALM / "admin.keytab"), ["no key in the keytab opens", f"HTTP/{service}@HVR.TEST", "admin@HVR.TEST"]),
        (keytab(folder, "wrong.keytab", (service, 1, "aes256-cts")), ["no key in the keytab opens", "version 1"]),
        (keytab(folder, "old.keytab", (service, 7, "aes256-cts")), ["version 1 of its key", "has 7", "made anew"]),
        (keytab(folder, "weak.keytab", (service, 1, "arcfour-hmac")), ["aes256-cts-hmac-sha1-96", "only arcfour-hmac"]),
        (str(text), ["text.keytab", "no keytab", "klist -k"]),
        (str(folder / "absent.keytab"), ["cannot read the keytab", "absent.keytab"]),
    ]:
        said = hvr(program, "trace", "decrypt", capture, "--keytab", file, code=2)
        assert all(part in said for part in says), (file, said)
    said = hvr(program, "trace", "decrypt", capture, password="Correct-Horse-7", code=2)
    assert "by Kerberos" in said and "--keytab" in said, said


def main():
    program = sys.argv[1]
    kept = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    sent = envelopes()
    opened = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number, (mechanism, scheme, service, only) in enumerate(CONVERSATIONS):
            relay = record(mechanism, scheme, service, only, sent[:2] if kept else sent)
            capture, har = str(folder / f"{number}.pcap"), str(folder / f"{number}.har")
            relay.write(capture)
            hvr(program, "trace", "decrypt", capture, "--keytab", KEYTAB, "--to", har)
            found = [text.encode() for pair in messages(har) for text in pair]
            due = [plain for plain in (sent[:2] if kept else sent) for _ in ("asked", "answered")]
            assert found == due, (mechanism, service, [text[:80] for text in found])
            opened += len(found)
            if kept:
                shutil.copy(capture, kept / f"{mechanism}-{service}{'' if only else '-mixed'}.pcap")
            if service == "aes256-sha1":
                refusals(program, folder, capture)
                # Without the frames that hold the login's tokens.
                relay.write(capture, keep=lambda frame: frame not in range(3, 6))
                said = hvr(program, "trace", "decrypt", capture, "--keytab", KEYTAB, code=2)
                assert "missing in the capture" in said or "no keys" in said, said
    if kept:
        shutil.copy(KEYTAB, kept / "service.keytab")
    print(f"{len(CONVERSATIONS)} conversations under Kerberos, {opened} messages opened with the keytab")


main()
