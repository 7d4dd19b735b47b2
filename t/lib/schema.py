"""Says what of the documents of JSON on stdin, one a line, isn't as a schema.

    schema.py SCHEMA        says "line 3: $.policies[0].name: ..."

Fields that the schema doesn't name are wrong here, though readers must expect
new ones.
"""

import json
import sys

import jsonschema


def strict(schema):
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            strict(value)
    elif isinstance(schema, list):
        for value in schema:
            strict(value)


def once(pairs):
    """A key that stands twice is no error of JSON, but of ours."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice: %r" % [key for key, _ in pairs])
    return found


with open(sys.argv[1]) as file:
    schema = json.load(file)

jsonschema.Draft202012Validator.check_schema(schema)
kinds = {
    name: dict(kind, **{"$defs": schema["$defs"]})
    for name, kind in schema["$defs"].items()
}
strict(schema)

for number, line in enumerate(sys.stdin.buffer, 1):
    try:
        document = json.loads(line.decode("ascii"), object_pairs_hook=once)
    except ValueError as error:
        print("line %d: %s" % (number, error))
        continue

    # one kind's errors say more than "is not valid under any of them"
    kind = "explanation" if "certificate" in document else "error"
    kind = kinds.get(document.get("view", kind), schema)
    for error in jsonschema.Draft202012Validator(kind).iter_errors(document):
        print("line %d: %s: %s" % (number, error.json_path, error.message))
    if not jsonschema.Draft202012Validator(schema).is_valid(document):
        print("line %d: not valid" % number)
