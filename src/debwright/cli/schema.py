"""debwright schema NAME: the JSON schemas of what debwright writes."""

import json

import click


@click.command("schema")
@click.argument("name", type=click.Choice(["check", "report"]))
def print_schema(name: str) -> int:
    """Print the JSON schema of check.json or report.json."""
    print(schema_text(name), end="")
    return 0


def schema_text(name: str) -> str:
    """The schema as it stands in docs/schemas/NAME.json."""
    from debwright.observe.report.schemas import SCHEMAS

    return json.dumps(SCHEMAS[name](), indent=2, sort_keys=True) + "\n"
