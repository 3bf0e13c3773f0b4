"""Dumps with names instead of ids, so that a person can write down what they should say.

`"id":"0192..."` of the customer ALFKI becomes `"id":"@accounts/ALFKI"`, wherever it stands. When
and on which device a record was made differs from run to run: `"@"`."""

import json


def key_of(record):
    fields = record["fields"]
    if "northwind" in fields.get("externalIds", {}):
        return fields["externalIds"]["northwind"]
    return fields.get("sku") or fields.get("name")


def names_of(dump, made):
    """id -> name. `made`: names of records that devices made, by id."""
    names = {}
    for line in dump.splitlines():
        record = json.loads(line)
        name = made.get(record["id"]) or key_of(record)
        names[record["id"]] = f"@{record['collection']}/{name}"
    return names


def with_names(value, names):
    if isinstance(value, dict):
        return {key: "@" if key in ("createdAt", "createdOn") else with_names(inner, names)
                for key, inner in value.items()}
    if isinstance(value, list):
        return [with_names(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value


def named_lines(dump, made):
    """Every record as a canonical line with names, by its name."""
    names = names_of(dump, made)
    lines = {}
    for line in dump.splitlines():
        record = with_names(json.loads(line), names)
        lines[record["id"]] = json.dumps(record, ensure_ascii=False, sort_keys=True,
                                         separators=(",", ":"))
    return lines
