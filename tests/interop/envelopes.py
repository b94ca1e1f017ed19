#!/usr/bin/env python3
"""Validates the golden requests of tests/data/requests with libxml2 against the schemas in schemas/wire.

Each must be well-formed and valid: an envelope with the headers that hosts demand, each once, and a body that fits. The
schemas are judged too: every element of ours must be declared in them, and each of many spoilt requests is refused.
"""

import pathlib

from lxml import etree

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / "tests" / "data" / "requests"
SCHEMAS = ROOT / "schemas" / "wire"
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
XS = "{http://www.w3.org/2001/XMLSchema}"
# What the parser must refuse for its word to count.
BROKEN = [b"<a><b></a>", b"<p:a/>", b"<a p:b=''/>", b"<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>"]

# A request, what is replaced in it, and by what: no longer a valid one.
SPOILT = [
    ("get-vm", '<a:To s:mustUnderstand="true">https://hvr01.example.test:5986/wsman</a:To>', ""),
    ("get-vm", "<a:MessageID>", "<a:MessageID>uuid:1</a:MessageID><a:MessageID>"),
    ("get-vm", "<a:ReplyTo>", "<a:Reply/><a:ReplyTo>"),
    ("get-vm", ">512000<", ">large<"),
    ("get-vm", ">512000<", ">8191<"),
    ("get-vm", "PT60.000S", "60"),
    ("get-vm", 'mustUnderstand="true"', 'mustUnderstand="yes"'),
    ("get-vm", '<w:Locale xml:lang="en-US" s:mustUnderstand="false"/>', '<w:Locale xml:lang="en-US"/>'),
    ("get-vm", '<pm:DataLocale xml:lang="en-US"', "<pm:DataLocale"),
    ("get-vm", 'Name="Name"', ""),
    ("get-vm", 'Name="Name"', 'Name="CreationClassName"'),
    ("get-vm", "a:Address", "a:Adress"),
    ("get-vm", "<s:Body/>", "<s:Body><a:To>x</a:To><a:To>y</a:To></s:Body>"),
    ("get-vm", "<s:Body/>", ""),
    ("get-fragment", 'FragmentTransfer s:mustUnderstand="true"', "FragmentTransfer"),
    ("get-extra", 'Option Name="ShowExtensions"', "Option"),
    ("enumerate", "<w:MaxElements>32000<", "<w:MaxElements>0<"),
    ("enumerate-epr", "EnumerateEPR", "EnumerateObject"),
    ("enumerate-polymorphism", "ExcludeSubClassProperties", "Exclude"),
    ("enumerate-associated", "b:Role>", "b:Roll>"),
    ("enumerate-associated", "b:Object>", "b:Thing>"),
    ("pull", "<n:EnumerationContext>", "<n:MaxElements>1</n:MaxElements><n:EnumerationContext>"),
    ("pull", "n:Pull>", "n:Pul>"),
    ("release", "n:EnumerationContext", "n:Context"),
    ("subscribe", "<e:Expires>PT600.000S<", "<e:Expires>soon<"),
    ("renew", "<e:Renew>", "<e:Renew><e:Identifier>x</e:Identifier>"),
    ("unsubscribe", "<e:Unsubscribe/>", "<e:Unsubscribe><e:Expires>PT1S</e:Expires></e:Unsubscribe>"),
    ("initiate-failover-latest", "a:ReferenceParameters>", "a:Parameters>"),
    ("invoke-datetime", "2026-11-23T06:55:10Z", "23.11.2026"),
    ("identify", "<s:Header/>", "<s:Header><i:Identify/></s:Header>"),
    ("identify", "i:Identify", "i:Identity"),
]


def parse(text):
    return etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True, recover=False))


class Schemas:
    """The schemas, and the names of all elements that they declare."""

    def __init__(self):
        load = lambda name: etree.XMLSchema(etree.parse(str(SCHEMAS / f"{name}.xsd")))
        self.request, self.identify = load("request"), load("identify")
        self.declared = {}
        for file in SCHEMAS.glob("*.xsd"):
            schema = etree.parse(str(file)).getroot()
            names = self.declared.setdefault(schema.get("targetNamespace"), set())
            names.update(element.get("name") for element in schema.iter(XS + "element") if element.get("name"))

    def errors(self, text):
        """What is wrong with a request, in the words of libxml2; nothing if it is valid."""
        try:
            envelope = parse(text)
        except etree.XMLSyntaxError as error:
            return [str(error)]
        header = envelope.find(SOAP + "Header")
        # The headers of a user's own are nobody's to judge.
        for block in [] if header is None else list(header):
            if etree.QName(block).namespace not in self.declared:
                header.remove(block)
        schema = self.identify if b":Identify" in text else self.request
        schema.validate(envelope)
        errors = [f"line {error.line}: {error.message}" for error in schema.error_log]
        # A wildcard passes over what is not declared: in the namespaces of the protocol, nothing may be that.
        for element in envelope.iter(etree.Element):
            name = etree.QName(element)
            if name.localname not in self.declared.get(name.namespace, [name.localname]):
                errors.append(f"{name.localname} is not declared in {name.namespace}")
        return errors


def main():
    for text in BROKEN:
        try:
            parse(text)
        except etree.XMLSyntaxError:
            continue
        raise SystemExit(f"libxml2 takes {text!r}")

    schemas = Schemas()
    files = sorted(DIRECTORY.glob("*.xml"))
    if not files:
        raise SystemExit(f"no requests in {DIRECTORY}")
    for file in files:
        errors = schemas.errors(file.read_bytes())
        if errors:
            raise SystemExit(f"{file.name}: {'; '.join(errors)}")

    for name, old, new in SPOILT:
        text = (DIRECTORY / f"{name}.xml").read_text(encoding="utf-8")
        if old not in text:
            raise SystemExit(f"{name}.xml has no {old!r} to spoil")
        if not schemas.errors(text.replace(old, new).encode()):
            raise SystemExit(f"{name}.xml is still valid with {new!r} in place of {old!r}")
    version = ".".join(map(str, etree.LIBXML_VERSION))
    elements = sum(len(names) for names in schemas.declared.values())
    print(
        f"libxml2 {version}: {len(files)} requests are valid against {len(schemas.declared)} schemas of {elements} elements,"
        f" {len(SPOILT)} spoilt ones are not, {len(BROKEN)} broken texts refused"
    )


if __name__ == "__main__":
    main()
