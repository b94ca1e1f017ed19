#!/usr/bin/env python3
"""Makes a Kerberos realm with MIT's KDC, runs a command in it, and takes it down again.

    tests/interop/realm.py COMMAND ARGUMENT…

The KDC listens on 127.0.0.1 only. The command sees KRB5_CONFIG, and in HVR_REALM the folder with keytabs and caches:

    service.keytab   the keys of all services, for acceptors
    admin.keytab     the key of admin@HVR.TEST, whose password is Correct-Horse-7
    stale.keytab     a key admin@HVR.TEST does not have any more
    admin.ccache     tickets of admin@HVR.TEST
    expired.ccache   tickets of admin@HVR.TEST that have expired
    only-TYPE.conf   a krb5.conf in which TYPE alone is permitted, for acceptors
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

REALM = "HVR.TEST"
ADMIN, PASSWORD = f"admin@{REALM}", "Correct-Horse-7"
# Name in the SPN, and the type's own.
TYPES = {
    "aes256-sha1": "aes256-cts-hmac-sha1-96",
    "aes128-sha1": "aes128-cts-hmac-sha1-96",
    "aes128-sha2": "aes128-cts-hmac-sha256-128",
    "aes256-sha2": "aes256-cts-hmac-sha384-192",
    "rc4": "arcfour-hmac",
}
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hvr-realm-"))
    try:
        with Realm(folder) as realm:
            # A signal to this process must take the KDC down as well.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
            return subprocess.run(sys.argv[1:], env=realm.environment, check=False).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Realm:
    """A running KDC and what it has issued."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.environment = os.environ | {
            "PATH": PATH,
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
            "HVR_REALM": str(folder),
        }
        self.environment.pop("KRB5CCNAME", None)
        self.kdc = None

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            undo.callback(self.__exit__)
            self.write_configuration()
            self.make_database()
            log = (self.folder / "kdc.log").open("w")
            self.kdc = subprocess.Popen(["krb5kdc", "-n"], env=self.environment, stdout=log, stderr=log)
            self.wait_for_kdc()
            self.take_tickets()
            undo.pop_all()
        return self

    def __exit__(self, *_):
        if self.kdc:
            self.kdc.terminate()
            self.kdc.wait()

    def write_configuration(self):
        types = " ".join(TYPES.values())
        for name, permitted in [("krb5", types)] + [(f"only-{name}", kind) for name, kind in TYPES.items()]:
            # Names are canonicalised by default in this realm: a client that wants none must say so itself.
            (self.folder / f"{name}.conf").write_text(f"""
[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = true
    rdns = true
    allow_rc4 = true
    permitted_enctypes = {permitted}
    default_ccache_name = FILE:{self.folder}/none.ccache
    default_client_keytab_name = FILE:{self.folder}/none.keytab
[realms]
    {REALM} = {{
        kdc = 127.0.0.1:{self.port}
    }}
    DOWN.TEST = {{
        kdc = 127.0.0.1:1
    }}
""")
        (self.folder / "kdc.conf").write_text(f"""
[realms]
    {REALM} = {{
        database_name = {self.folder}/principal
        key_stash_file = {self.folder}/stash
        kdc_listen = 127.0.0.1:{self.port}
        kdc_tcp_listen = 127.0.0.1:{self.port}
        master_key_type = aes256-cts-hmac-sha1-96
        supported_enctypes = {" ".join(kind + ":normal" for kind in TYPES.values())}
        default_principal_flags = +preauth
    }}
""")

    def make_database(self):
        self.run("kdb5_util", "create", "-s", "-r", REALM, "-P", "not a secret of anybody")
        service = self.folder / "service.keytab"
        commands = [f"addprinc -pw {PASSWORD} admin", "addprinc -pw Small-Horse-6 viewer"]
        commands += ["addprinc -pw Old-Horse-5 -pwexpire yesterday stale", "addprinc -pw Off-Horse-4 -allow_tix off"]
        for name, kind in TYPES.items():
            commands.append(f"addprinc -randkey -e {kind}:normal HTTP/{name}.hvr.test")
            commands.append(f"setstr HTTP/{name}.hvr.test session_enctypes {kind}")
            commands.append(f"ktadd -k {service} -norandkey HTTP/{name}.hvr.test")
        for name in ("HTTP/localhost", "WSMAN/localhost"):
            commands += [f"addprinc -randkey {name}", f"ktadd -k {service} -norandkey {name}"]
        # Added, exported, and made anew under the same version: what the keytab has is not what the KDC has.
        commands += ["addprinc -randkey HTTP/doubled.hvr.test", f"ktadd -k {service} -norandkey HTTP/doubled.hvr.test"]
        commands += ["delprinc -force HTTP/doubled.hvr.test", "addprinc -randkey HTTP/doubled.hvr.test"]
        commands.append(f"ktadd -k {self.folder}/admin.keytab -norandkey admin")
        self.run("kadmin.local", "-r", REALM, text="\n".join(commands) + "\n")
        stale = f"addent -password -p {ADMIN} -k 1 -e aes256-cts-hmac-sha1-96\nWrong-Horse-0\nwkt {self.folder}/stale.keytab\n"
        self.run("ktutil", text=stale)

    def take_tickets(self):
        self.kinit("expired.ccache", "-l", "1s")
        self.kinit("admin.ccache")
        time.sleep(1.2)

    def kinit(self, cache, *arguments):
        self.run("kinit", *arguments, "-c", str(self.folder / cache), ADMIN, text=PASSWORD + "\n")

    def run(self, *command, text=None):
        done = subprocess.run(command, input=text, env=self.environment, text=True, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(f"{command[0]} fails ({done.returncode}): {done.stdout}{done.stderr}")

    def wait_for_kdc(self):
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            if self.kdc.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit(f"the KDC does not start: {(self.folder / 'kdc.log').read_text()}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
