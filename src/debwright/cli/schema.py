"""debwright schema NAME: the JSON schemas of what debwright writes."""

import json

from debwright.observe.report.schemas import SCHEMAS


def print_schema(name: str) -> int:
    print(schema_text(name), end="")
    return 0


def schema_text(name: str) -> str:
    """The schema as it stands in docs/schemas/NAME.json."""
    return json.dumps(SCHEMAS[name](), indent=2, sort_keys=True) + "\n"
