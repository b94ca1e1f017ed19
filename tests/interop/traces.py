#!/usr/bin/env python3
"""Judges recordings by software that is not ours.

A conversation of pypsrp (its NTLM, its sealing) with the simulated host goes through a relay that keeps the bytes;
dpkt writes them as pcap and as pcapng; `hvr trace decrypt` must open both; haralyzer reads the HAR that comes out and
finds in it what pypsrp saw. A recording by `hvr --trace` is read by haralyzer too.
"""

import json
import subprocess
import sys
import tempfile

import dpkt
from pypsrp.wsman import SelectorSet, WSMan

from recording import Relay, hvr, messages

VM = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem"
VM_ID = "168AFEE0-E0C0-4C6C-8E3F-D46352E7D11D"


def main():
    program = sys.argv[1]
    host = subprocess.Popen([program, "simulate", "-o", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        shown = json.loads(host.stdout.readline())
        password = shown["password"]
        relay = Relay(int(shown["url"].split(":")[2].split("/")[0]))
        seen = []
        with WSMan(
            "127.0.0.1", port=relay.port, ssl=False, username=shown["user"], password=password, auth="ntlm"
        ) as wsman:
            selectors = SelectorSet()
            selectors.add_option("CreationClassName", "Msvm_ComputerSystem")
            selectors.add_option("Name", VM_ID)
            for _ in range(3):
                answer = wsman.get(VM, selector_set=selectors)
                names = [element.text for element in answer.iter() if element.tag.endswith("}ElementName")]
                assert names == ["app-db-01"], names
                seen.append(names)
        with tempfile.TemporaryDirectory() as folder:
            for form, writer in (("pcap", dpkt.pcap.Writer), ("pcapng", dpkt.pcapng.Writer)):
                capture, har = f"{folder}/a.{form}", f"{folder}/{form}.har"
                relay.write(capture, writer)
                hvr(program, "trace", "decrypt", capture, "--to", har, password=password)
                opened = messages(har)
                assert len(opened) == len(seen), (len(opened), len(seen))
                assert all(VM in asked and "app-db-01" in answered for asked, answered in opened)
            har = f"{folder}/own.har"
            arguments = ("-H", shown["url"], "-u", shown["user"], "--trace", har)
            hvr(program, "failover", "app-db-01", "--yes", *arguments, password=password)
            assert any("InitiateFailover_INPUT" in asked for asked, _ in messages(har))
    finally:
        host.terminate()
        host.wait()
    print(f"pypsrp's conversation opened from pcap and pcapng of dpkt; {len(seen)} messages read by haralyzer")


main()
