"""debwright completion SHELL: what makes Tab work, whichever way debwright was installed."""

import click

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def print_completion(shell: str) -> int:
    """Print the completion for SHELL: eval "$(debwright completion bash)" in ~/.bashrc."""
    print(script(shell), end="")
    return 0


def script(shell: str) -> str:
    """The script; it asks the program at each Tab."""
    from click.shell_completion import get_completion_class

    from debwright.cli.app import cli

    kind = get_completion_class(shell)
    assert kind is not None
    complete = kind(cli, {}, "debwright", "_DEBWRIGHT_COMPLETE")
    # click's own source() starts bash to look at its version.
    text: str = complete.source_template % complete.source_vars()
    return text.strip() + "\n"
