"""docs/openapi.json as a rule: every answer must be as it says, key by key. What it uses of JSON Schema is read here."""

import json
import os
import re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "openapi.json")
with open(PATH, encoding="utf-8") as document:
    DOCUMENT = json.load(document)
KNOWN = {"type", "description", "properties", "required", "additionalProperties", "items", "maxItems", "enum", "pattern", "anyOf",
         "$ref"}
TYPES = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}


class Wrong(AssertionError):
    pass


def is_of(value, kind):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


def check(value, schema, where):
    """Raises Wrong, which names the place."""
    if not set(schema) <= KNOWN:
        raise Wrong(f"{where}: this test does not know {sorted(set(schema) - KNOWN)}")
    if "$ref" in schema:
        return check(value, resolve(schema["$ref"]), where)
    if "anyOf" in schema:
        return check_any(value, schema["anyOf"], where)
    kinds = schema.get("type", [])
    if kinds and not any(is_of(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        raise Wrong(f"{where}: {value!r:.60} is not {kinds}")
    if "enum" in schema and value not in schema["enum"]:
        raise Wrong(f"{where}: {value!r:.60} is none of {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise Wrong(f"{where}: {value!r:.60} is not like {schema['pattern']}")
    if isinstance(value, dict):
        check_object(value, schema, where)
    if isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            raise Wrong(f"{where}: {len(value)} are too many")
        for i, item in enumerate(value):
            check(item, schema["items"], f"{where}/{i}")


def check_any(value, schemas, where):
    wrong = []
    for schema in schemas:
        try:
            return check(value, schema, where)
        except Wrong as e:
            wrong.append(str(e))
    raise Wrong("; ".join(wrong))


def check_object(value, schema, where):
    missing = [key for key in schema["required"] if key not in value]
    other = [key for key in value if key not in schema["properties"]]
    if missing or (other and not schema["additionalProperties"]):
        raise Wrong(f"{where}: {missing} are missing, {other} are not told of")
    for key, item in value.items():
        check(item, schema["properties"][key], f"{where}/{key}")


def resolve(name):
    found = DOCUMENT
    for word in name.removeprefix("#/").split("/"):
        found = found[word]
    return found


def path_of(asked):
    """The one of the document that this is, or None: what is not there may be asked for too."""
    for path in DOCUMENT["paths"]:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), asked.split("?")[0]):
            return path
    return None


def check_answer(asked, status, body):
    path = path_of(asked)
    if path is None or path == "/metrics":
        return
    answers = DOCUMENT["paths"][path]["get"]["responses"]
    if str(status) not in answers:
        raise Wrong(f"{asked}: {status} is not told of")
    answer = answers[str(status)]
    answer = resolve(answer["$ref"]) if "$ref" in answer else answer
    check(json.loads(body), answer["content"]["application/json"]["schema"], asked)
