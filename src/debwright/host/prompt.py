"""An interactive bash that begins with a command at its prompt, to be run by Enter."""

import shlex

_ANSWER = "\\e[0n"


def prompt_script(command: str) -> str:
    """For bash: puts `command` on the line being edited, and into the history.

    A terminal answers the question for its state (CSI 5 n) with CSI 0 n, and readline reads that
    answer as the command's text.
    """
    text = command.replace("\\", "\\\\").replace('"', '\\"')
    bound = f'"{_ANSWER}": "{text}"'
    return (
        f"history -s {shlex.quote(command)}\n"
        f"bind {shlex.quote(bound)}\n"
        "PROMPT_COMMAND='printf \"\\e[5n\"; unset PROMPT_COMMAND'\n"
    )
