#!/usr/bin/env python3
"""pywinrm and pypsrp, two WinRM clients that are not ours, ask a simulated host: `hvr simulate`, sealed by NTLM over HTTP.

Both use their own login, sealing, headers and fault readers; only the bodies are written here. Each asks Identify where it
can, Get, Enumerate and Pull to the end, a method call that starts a job, and something that is refused.

    VENV/bin/python tests/interop/clients.py target/debug/hvr
"""

import json
import signal
import subprocess
import sys
import tempfile
import uuid
import xml.etree.ElementTree as ET

import xmltodict
from pypsrp.exceptions import WSManFaultError as PypsrpFault
from pypsrp.wsman import SelectorSet, WSMan
from winrm.exceptions import WSManFaultError as PywinrmFault
from winrm.protocol import Protocol

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
V2 = WMI + "root/virtualization/v2"
ITEMS = WMI + "root/cimv2/Demo_Item"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "n": ENUMERATION,
    "i": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
    "vm": V2 + "/Msvm_ComputerSystem",
    "item": ITEMS,
    "service": V2 + "/Msvm_ReplicationService",
}
SCENARIO = "demo_items = 7\n[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"\n"
FAULT_NOT_FOUND = 2150858752


def expect(what, actual, expected):
    if actual != expected:
        raise SystemExit(f"{what}: {actual!r}, expected {expected!r}")


def texts(element, path):
    return [found.text for found in element.findall(path, NAMESPACES)]


class Pywinrm:
    """The raw road of pywinrm: dictionaries made into envelopes, sent by its Protocol."""

    name = "pywinrm"
    fault = PywinrmFault

    def __init__(self, host):
        self.protocol = Protocol(
            host["url"],
            transport="ntlm",
            username=host["user"],
            password=host["password"],
            message_encryption="always",
        )

    def send(self, action, resource, body, selectors=None):
        message_id = uuid.uuid4()
        envelope = self.protocol.build_wsman_header(action, resource, message_id=message_id)
        if selectors:
            chosen = [{"@Name": name, "#text": value} for name, value in selectors.items()]
            envelope["env:Header"]["w:SelectorSet"] = {"w:Selector": chosen}
        envelope["env:Body"] = "BODY" if body else None
        # The body is XML already.
        reply = ET.fromstring(self.protocol.send_message(xmltodict.unparse({"env:Envelope": envelope}).replace("BODY", body)))
        expect("RelatesTo", texts(reply, "s:Header/a:RelatesTo"), [f"uuid:{message_id}"])
        return reply.find("s:Body", NAMESPACES)

    def identify(self):
        request = ET.Element("{%(s)s}Envelope" % NAMESPACES)
        ET.SubElement(request, "{%(s)s}Header" % NAMESPACES)
        ET.SubElement(ET.SubElement(request, "{%(s)s}Body" % NAMESPACES), "{%(i)s}Identify" % NAMESPACES)
        return ET.fromstring(self.protocol.send_message(ET.tostring(request, encoding="unicode"))).find("s:Body", NAMESPACES)

    @staticmethod
    def number(fault):
        return fault.wsman_fault_code


class Pypsrp:
    """The raw road of pypsrp: WSMan.invoke, which checks RelatesTo itself."""

    name = "pypsrp"
    fault = PypsrpFault

    def __init__(self, host):
        server, port = host["url"].removeprefix("http://").removesuffix("/wsman").rsplit(":", 1)
        self.wsman = WSMan(
            server,
            port=int(port),
            ssl=False,
            auth="ntlm",
            encryption="always",
            username=host["user"],
            password=host["password"],
        )

    def send(self, action, resource, body, selectors=None):
        chosen = None
        if selectors:
            chosen = SelectorSet()
            for name, value in selectors.items():
                chosen.add_option(name, value)
        element = ET.fromstring(body) if body else None
        reply = self.wsman.invoke(action, resource, element, selector_set=chosen)
        return reply.find("s:Body", NAMESPACES)

    def identify(self):
        """It has no Identify; what it asks of every host first is the size of an envelope."""
        self.wsman.update_max_payload_size()
        expect("pypsrp: MaxEnvelopeSize", self.wsman.max_envelope_size, 500 * 1024)

    @staticmethod
    def number(fault):
        return int(fault.code)


def ask(client):
    """The whole conversation; counts what was compared."""
    body = client.identify()
    if body is not None:
        vendor = texts(body, "i:IdentifyResponse/i:ProductVendor")
        expect("Identify", vendor, ["Microsoft Corporation (simulated)"])

    query = (
        f'<n:Enumerate xmlns:n="{ENUMERATION}" xmlns:w="{NAMESPACES["w"]}"><w:OptimizeEnumeration/><w:MaxElements>50'
        '</w:MaxElements><w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">SELECT * FROM '
        "Msvm_ComputerSystem WHERE ElementName = 'app-db-01'</w:Filter></n:Enumerate>"
    )
    found = client.send(ENUMERATION + "/Enumerate", V2 + "/*", query)
    ids = texts(found, ".//vm:Msvm_ComputerSystem/vm:Name")
    expect("VMs found", len(ids), 1)

    keys = {"CreationClassName": "Msvm_ComputerSystem", "Name": ids[0]}
    vm = client.send(TRANSFER + "/Get", NAMESPACES["vm"], "", keys)
    expect("Get", texts(vm, "vm:Msvm_ComputerSystem/vm:ElementName"), ["app-db-01"])
    expect("Get", texts(vm, "vm:Msvm_ComputerSystem/vm:ReplicationState"), ["3"])

    # By the book: a context, then pages of three until the end.
    begun = client.send(ENUMERATION + "/Enumerate", ITEMS, f'<n:Enumerate xmlns:n="{ENUMERATION}"/>')
    context, seen, pages = texts(begun, ".//n:EnumerationContext")[0], [], 0
    while context:
        pull = (
            f'<n:Pull xmlns:n="{ENUMERATION}"><n:EnumerationContext>{context}</n:EnumerationContext>'
            "<n:MaxElements>3</n:MaxElements></n:Pull>"
        )
        page = client.send(ENUMERATION + "/Pull", ITEMS, pull)
        seen += texts(page, ".//item:Demo_Item/item:Id")
        pages += 1
        next_context = texts(page, ".//n:EnumerationContext")
        expect("the end", page.find(".//n:EndOfSequence", NAMESPACES) is not None, not next_context)
        context = next_context[0] if next_context else None
    expect("items", seen, [f"item-{number:09}" for number in range(7)])
    expect("pages", pages, 3)

    try:
        client.send(TRANSFER + "/Get", NAMESPACES["vm"], "", {**keys, "Name": "00000000-0000-4000-8000-000000000000"})
    except client.fault as fault:
        expect("the number of a fault", client.number(fault), FAULT_NOT_FOUND)
    else:
        raise SystemExit("a VM that is not there was found")

    # A body by hand: the prefixes of the envelope are not its own.
    call = (
        f'<p:InitiateFailover_INPUT xmlns:p="{NAMESPACES["service"]}" xmlns:a="{NAMESPACES["a"]}" '
        f'xmlns:w="{NAMESPACES["w"]}"><p:ComputerSystem><a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters>'
        f'<w:ResourceURI>{NAMESPACES["vm"]}</w:ResourceURI><w:SelectorSet>'
        f'<w:Selector Name="CreationClassName">Msvm_ComputerSystem</w:Selector><w:Selector Name="Name">{ids[0]}'
        "</w:Selector></w:SelectorSet></a:ReferenceParameters></p:ComputerSystem></p:InitiateFailover_INPUT>"
    )
    output = client.send(
        NAMESPACES["service"] + "/InitiateFailover",
        NAMESPACES["service"],
        call,
        {"CreationClassName": "Msvm_ReplicationService"},
    )
    expect("ReturnValue", texts(output, ".//service:ReturnValue"), ["4096"])
    job = output.find(".//service:Job", NAMESPACES)
    uri, key = texts(job, ".//w:ResourceURI")[0], texts(job, ".//w:Selector")[0]
    answer = client.send(TRANSFER + "/Get", uri, "", {"InstanceID": key})
    states = [element.text for element in answer.iter() if element.tag == f"{{{uri}}}JobState"]
    expect("JobState is one of a job that runs or ran", states[0] in ("3", "4", "7"), True)


def main():
    hvr = sys.argv[1]
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as scenario:
        scenario.write(SCENARIO)
        scenario.flush()
        for client in (Pywinrm, Pypsrp):
            command = [hvr, "simulate", "-o", "jsonl", "--scenario", scenario.name]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
                try:
                    ask(client(json.loads(process.stdout.readline())))
                finally:
                    process.send_signal(signal.SIGTERM)
            print(f"{client.name}: login, sealing, Get, Enumerate, Pull, a method call and a fault are as they should be")


if __name__ == "__main__":
    main()
