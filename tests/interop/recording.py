"""Conversations kept as packet captures by dpkt, and recordings read by haralyzer."""

import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import dpkt
from haralyzer import HarParser


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

    def write(self, path, writer=dpkt.pcap.Writer, keep=lambda number: True):
        """A capture of what passed; `keep` says of each frame, by its number, whether it was caught."""
        with open(path, "wb") as file:
            out = writer(file)
            for number, (at, frame) in enumerate(self.frames()):
                if keep(number):
                    out.writepkt(frame, ts=at)


def hvr(program, *arguments, password=None, code=0):
    """What the program prints; to standard error where it is to fail."""
    environment = {**os.environ, "HVR_PASSWORD": password} if password else os.environ
    ran = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stderr if code else ran.stdout


def messages(har):
    """Requests and replies that carry text, as haralyzer reads them."""
    parsed = HarParser(json.loads(pathlib.Path(har).read_text()))
    assert parsed.version == "1.2" and parsed.creator["name"] == "hyperv-replica", parsed
    entries = [entry for page in parsed.pages for entry in page.entries]
    begun = [entry.startTime for entry in entries]
    assert entries and begun == sorted(begun) and all(entry.request.method == "POST" for entry in entries)
    assert all(entry.time >= 0 and entry.timings["wait"] >= 0 for entry in entries)
    return [(entry.request.text, entry.response.text) for entry in entries if entry.request.text]
