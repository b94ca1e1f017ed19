#!/usr/bin/env python3
"""Judges recordings by software that is not ours.

A conversation of pypsrp (its NTLM, its sealing) with the simulated host goes through a relay that keeps the bytes;
dpkt writes them as pcap and as pcapng; `hvr trace decrypt` must open both; haralyzer reads the HAR that comes out and
finds in it what pypsrp saw. A recording by `hvr --trace` is read by haralyzer too.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

import dpkt
from haralyzer import HarParser
from pypsrp.wsman import SelectorSet, WSMan

VM = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem"
VM_ID = "168AFEE0-E0C0-4C6C-8E3F-D46352E7D11D"


class Relay:
    """Passes bytes on, and keeps them with time and direction."""

    def __init__(self, port):
        self.kept, self.lock = [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(port,), daemon=True).start()

    def accept(self, port):
        number = 0
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            for outward, source, target in ((True, client, server), (False, server, client)):
                threading.Thread(target=self.copy, args=(number, outward, source, target), daemon=True).start()
            number += 1

    def copy(self, number, outward, source, target):
        while data := source.recv(65536):
            with self.lock:
                self.kept.append((time.time(), number, outward, data))
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def frames(self):
        """Ethernet frames as dpkt makes them, with the handshake of each connection."""
        numbers = {}
        for at, number, outward, data in list(self.kept):
            if number not in numbers:
                numbers[number] = {True: 1, False: 1}
                yield at, self.frame(number, True, 0, 0, dpkt.tcp.TH_SYN, b"")
                yield at, self.frame(number, False, 0, 1, dpkt.tcp.TH_SYN | dpkt.tcp.TH_ACK, b"")
            for start in range(0, len(data), 1400):
                part = data[start : start + 1400]
                seq, ack = numbers[number][outward], numbers[number][not outward]
                yield at, self.frame(number, outward, seq, ack, dpkt.tcp.TH_ACK, part)
                numbers[number][outward] += len(part)

    @staticmethod
    def frame(number, outward, seq, ack, flags, data):
        ports = (50000 + number, 5985) if outward else (5985, 50000 + number)
        hosts = (b"\x0a\x01\x00\x01", b"\x0a\x01\x00\x02")
        source, target = hosts if outward else reversed(hosts)
        tcp = dpkt.tcp.TCP(sport=ports[0], dport=ports[1], seq=seq, ack=ack, flags=flags, data=data)
        ip = dpkt.ip.IP(src=source, dst=target, p=dpkt.ip.IP_PROTO_TCP, data=tcp)
        return bytes(dpkt.ethernet.Ethernet(type=dpkt.ethernet.ETH_TYPE_IP, data=ip))


def hvr(program, *arguments, password):
    environment = {**os.environ, "HVR_PASSWORD": password}
    ran = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, f"{arguments}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def messages(har):
    """Requests and replies that carry text, as haralyzer reads them."""
    parsed = HarParser(json.loads(pathlib.Path(har).read_text()))
    assert parsed.version == "1.2" and parsed.creator["name"] == "hyperv-replica", parsed
    entries = [entry for page in parsed.pages for entry in page.entries]
    begun = [entry.startTime for entry in entries]
    assert entries and begun == sorted(begun) and all(entry.request.method == "POST" for entry in entries)
    assert all(entry.time >= 0 and entry.timings["wait"] >= 0 for entry in entries)
    return [(entry.request.text, entry.response.text) for entry in entries if entry.request.text]


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
                with open(capture, "wb") as file:
                    out = writer(file)
                    for at, frame in relay.frames():
                        out.writepkt(frame, ts=at)
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
