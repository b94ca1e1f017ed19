#!/usr/bin/env python3
"""Apache httpd with mod_auth_gssapi over TLS on 127.0.0.1, in the realm of realm.py; it echoes messages.

Speaks to its caller as acceptor.py does: first {"port": …, "certificate": PEM}, and when its standard input ends one
line of JSON for every request. NTLM is that of gss-ntlmssp, with the users of NTLM_USER_FILE. The mechanism basic stands
for mod_auth_basic alone.

    HVR_REALM=… VENV/bin/python apache.py --mechanism krb5 --mechanism ntlmssp
"""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from cryptography.hazmat.primitives import serialization

import acceptor
import realm

MODULES = "mpm_event authn_core authn_file authz_core authz_user auth_basic auth_gssapi alias ssl cgid".split()
CONFIGURATION = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/httpd.pid
Mutex file:{folder}
ScriptSock {folder}/cgi.sock
ErrorLog {folder}/error.log
LogLevel warn auth_gssapi:info
LogFormat "{{\\"status\\": %>s, \\"user\\": \\"%u\\", \\"nth\\": %k}}" json
CustomLog {folder}/access.log json
KeepAlive On
KeepAliveTimeout 60
SSLEngine On
SSLCertificateFile {folder}/server.pem
SSLSessionCache none
ScriptAlias /wsman {folder}/echo
<Location /wsman>
    {login}
    Require valid-user
</Location>
"""
GSSAPI = "AuthType GSSAPI\n    AuthName wsman\n    GssapiConnectionBound On"
BASIC = "AuthType Basic\n    AuthName wsman\n    AuthUserFile {folder}/passwords"
# All of the body is read before any of it is written: httpd does the same.
ECHO = """#!/bin/sh
body=$(mktemp)
cat >"$body"
printf 'Content-Type: application/soap+xml;charset=UTF-8\\r\\n\\r\\n'
cat "$body"
rm "$body"
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mechanism", action="append", default=[])
    modes = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hvr-apache-"))
    try:
        run(folder, modes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(folder, modes):
    certificate, key = acceptor.make_certificate("rsa-sha256")
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    port = realm.free_port()
    keytab = folder / "service.keytab"
    shutil.copy(pathlib.Path(os.environ["HVR_REALM"]) / "service.keytab", keytab)
    shutil.copy(os.environ["KRB5_CONFIG"], folder / "krb5.conf")
    loads = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES)
    if modes.mechanism == ["basic"]:
        login = BASIC.format(folder=folder)
        digest = base64.b64encode(hashlib.sha1(b"Correct-Horse-7").digest()).decode()
        (folder / "passwords").write_text(f"LAB\\admin:{{SHA}}{digest}\n")
    else:
        login = "\n    ".join([GSSAPI] + [f"GssapiAllowedMech {name}" for name in modes.mechanism])
    text = CONFIGURATION.format(folder=folder, port=port, login=login)
    (folder / "httpd.conf").write_text(loads + text)
    (folder / "server.pem").write_text(private + pem)
    (folder / "echo").write_text(ECHO)
    (folder / "echo").chmod(0o755)
    environment = os.environ | {"KRB5_CONFIG": str(folder / "krb5.conf"), "KRB5_KTNAME": str(keytab)}
    users = shutil.copy(os.environ["NTLM_USER_FILE"], folder / "users")
    environment["NTLM_USER_FILE"] = str(users)

    command = ["/usr/sbin/apache2", "-DFOREGROUND", "-f", str(folder / "httpd.conf")]
    if os.getuid() == 0:
        # httpd does not run as root.
        subprocess.run(["chown", "-R", "nobody", str(folder)], check=True)
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] + command
    with subprocess.Popen(command, env=environment, stdout=sys.stderr) as httpd:
        try:
            wait_for(port, httpd, folder)
            print(json.dumps({"port": port, "certificate": pem}), flush=True)
            sys.stdin.read()
        finally:
            httpd.terminate()
            httpd.wait()
    sys.stdout.write((folder / "access.log").read_text())
    sys.stderr.write("".join(f"apache: {line}" for line in (folder / "error.log").read_text().splitlines(True)))


def wait_for(port, httpd, folder):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if httpd.poll() is not None:
                break
            time.sleep(0.05)
    log = folder / "error.log"
    raise SystemExit(f"httpd does not start: {log.read_text() if log.exists() else 'no log'}")


if __name__ == "__main__":
    main()
