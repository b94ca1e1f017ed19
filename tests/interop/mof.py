#!/usr/bin/env python3
"""Compiles schemas/cim/*.mof with pywbem, a MOF compiler that is not ours.

Every file of cim/ is compiled unchanged: first the qualifiers, then each class behind the ones it derives from, refers to or
embeds. The mock repository of pywbem checks superclasses, overrides, references and qualifier scopes. Afterwards every
class is read back, and keys and value maps are looked at.

    python3 -m venv VENV && VENV/bin/pip install pywbem
    VENV/bin/python tests/interop/mof.py

Ends with status 1 at the first error.
"""

import pathlib
import re
import sys

import pywbem
import pywbem_mock

DIRECTORY = pathlib.Path(__file__).resolve().parents[2] / "schemas" / "cim"
SYSTEM = DIRECTORY.parent / "wmi" / "system.mof"
NAMESPACE = "root/virtualization/v2"


def needed_by(text):
    """Names of the classes a MOF text speaks of, its superclass first."""
    text = re.sub(r"//[^\n]*", "", text)
    names = re.findall(r"^class\s+\w+\s*:\s*(\w+)", text, re.MULTILINE)
    names += re.findall(r"(\w+)\s+REF\b", text)
    names += re.findall(r'EmbeddedInstance\s*\(\s*"(\w+)"\s*\)', text)
    return names


def in_order(texts):
    """Names of the files so that each comes behind what it needs."""
    done, order = set(), []

    def visit(name, path):
        if name in done:
            return
        if name in path:
            raise SystemExit(f"circle: {' -> '.join(path + [name])}")
        if name not in texts:
            raise SystemExit(f"{path[-1]}.mof needs {name}, which has no file")
        for needed in needed_by(texts[name]):
            if needed != name:
                visit(needed, path + [name])
        done.add(name)
        order.append(name)

    for name in sorted(texts):
        visit(name, [])
    return order


def check_value_maps(where, qualifiers):
    """Counts a value map; its two halves must have one length."""
    if "ValueMap" not in qualifiers:
        return 0
    keys, names = qualifiers["ValueMap"].value, qualifiers["Values"].value
    if len(keys) != len(names):
        raise SystemExit(f"{where}: {len(keys)} entries in ValueMap, {len(names)} in Values")
    if len(set(keys)) != len(keys):
        raise SystemExit(f"{where}: an entry of ValueMap stands twice")
    return 1


def main():
    texts = {path.stem: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.mof")}
    if "qualifiers" not in texts:
        raise SystemExit(f"no qualifiers.mof in {DIRECTORY}")
    qualifiers = texts.pop("qualifiers")
    connection = pywbem_mock.FakedWBEMConnection(default_namespace=NAMESPACE)
    order = in_order(texts)
    for name, text in [("qualifiers", qualifiers)] + [(name, texts[name]) for name in order]:
        path = DIRECTORY / f"{name}.mof"
        try:
            connection.compile_mof_file(str(path))
        except pywbem.Error as error:
            raise SystemExit(f"{path.name}: {error}") from error
        if name != "qualifiers" and not re.search(rf"^class\s+{name}\b", text, re.MULTILINE):
            raise SystemExit(f"{path.name} does not declare class {name}")

    # WMI has references in classes that are no associations, and an association below a class that is none; DMTF and
    # pywbem have neither.
    system = re.sub(r"\w+ REF (\w+);", r"string \1;", SYSTEM.read_text(encoding="utf-8")).replace("[Association]\n", "")
    try:
        connection.compile_mof_string(system)
    except pywbem.Error as error:
        raise SystemExit(f"{SYSTEM.name}: {error}") from error
    order += re.findall(r"^class\s+(\w+)", system, re.MULTILINE)
    event = connection.GetClass("__InstanceModificationEvent", LocalOnly=False)
    if sorted(event.properties) != ["PreviousInstance", "SECURITY_DESCRIPTOR", "TIME_CREATED", "TargetInstance"]:
        raise SystemExit(f"__InstanceModificationEvent has {sorted(event.properties)}")

    counts = {"files": len(texts) + 2, "qualifiers": len(connection.EnumerateQualifiers())}
    counts.update(classes=0, properties=0, methods=0, parameters=0, value_maps=0)
    for name in order:
        declared = connection.GetClass(name, LocalOnly=True, IncludeQualifiers=True)
        counts["classes"] += 1
        counts["properties"] += len(declared.properties)
        counts["methods"] += len(declared.methods)
        for item in declared.properties.values():
            counts["value_maps"] += check_value_maps(f"{name}.{item.name}", item.qualifiers)
        for method in declared.methods.values():
            counts["value_maps"] += check_value_maps(f"{name}.{method.name}", method.qualifiers)
            counts["parameters"] += len(method.parameters)
            for item in method.parameters.values():
                where = f"{name}.{method.name}.{item.name}"
                counts["value_maps"] += check_value_maps(where, item.qualifiers)

    service = connection.GetClass("Msvm_ReplicationService", LocalOnly=False)
    keys = sorted(item.name for item in service.properties.values() if "Key" in item.qualifiers)
    if keys != ["CreationClassName", "Name", "SystemCreationClassName", "SystemName"]:
        raise SystemExit(f"Msvm_ReplicationService has the keys {keys}")
    mapping = pywbem.ValueMapping.for_method(connection, NAMESPACE, "Msvm_ReplicationService", "InitiateFailover")
    if mapping.tovalues(32775) != "Invalid state for this operation":
        raise SystemExit(f"32775 of InitiateFailover is {mapping.tovalues(32775)!r}")

    print(f"pywbem {pywbem.__version__}:", ", ".join(f"{count} {what}" for what, count in counts.items()))


if __name__ == "__main__":
    sys.exit(main())
