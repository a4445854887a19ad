"""debwright init."""

from pathlib import Path

from debwright.commands.common import Options, emit


def init_project(options: Options, directory: Path | None, *, force: bool) -> int:
    """Scaffold the project and say what to look at."""
    from debwright.scaffold import scaffold

    target = directory or options.directory
    made = scaffold(target, force=force)
    lines = [f"wrote {path}" for path in made.created]
    lines += [f"note: {note}" for note in made.notes]
    lines.append(f"next: debwright -C {target} run")
    data = {"created": [str(p) for p in made.created], "notes": list(made.notes)}
    emit(options, data, "\n".join(lines))
    return 0
