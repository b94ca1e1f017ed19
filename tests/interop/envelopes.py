#!/usr/bin/env python3
"""Reads the golden requests of tests/data/requests with libxml2, an XML parser that is not ours.

Each must be well-formed with every prefix declared, and an envelope of header and body.
"""

import pathlib

from lxml import etree

DIRECTORY = pathlib.Path(__file__).resolve().parents[1] / "data" / "requests"
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
# What the parser must refuse for its word to count.
BROKEN = [b"<a><b></a>", b"<p:a/>", b"<a p:b=''/>", b"<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>"]


def parse(text):
    return etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True, recover=False))


def main():
    for text in BROKEN:
        try:
            parse(text)
        except etree.XMLSyntaxError:
            continue
        raise SystemExit(f"libxml2 takes {text!r}")

    files = sorted(DIRECTORY.glob("*.xml"))
    if not files:
        raise SystemExit(f"no requests in {DIRECTORY}")
    for file in files:
        try:
            envelope = parse(file.read_bytes())
        except etree.XMLSyntaxError as error:
            raise SystemExit(f"{file.name}: {error}") from error
        if envelope.tag != SOAP + "Envelope" or [part.tag for part in envelope] != [SOAP + "Header", SOAP + "Body"]:
            raise SystemExit(f"{file.name} is no envelope of header and body")
    version = ".".join(map(str, etree.LIBXML_VERSION))
    print(f"libxml2 {version}: {len(files)} requests are well-formed, {len(BROKEN)} broken texts refused")


if __name__ == "__main__":
    main()
