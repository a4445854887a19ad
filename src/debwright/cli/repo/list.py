"""debwright repo list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit
from debwright.cli.repo import Place

if TYPE_CHECKING:
    from debwright.repository.model import Entry


@click.command("list")
@click.option("--packages", is_flag=True, help="The packages of every suite, too.")
@click.pass_obj
def show(options: Options, *, packages: bool) -> int:
    """Publications that can be gone back to, and the suites of the current one."""
    from debwright.repository import store
    from debwright.repository.channels import split_suite
    from debwright.repository.phases import told
    from debwright.repository.plan import record_of

    place = Place.of(options)
    state = place.state()
    records = [record_of(place.path, n) for n in store.publication_numbers(place.path)]
    lines = [f"{place.path}, signed by {state.record.fingerprint}", "publications:"]
    for record in records:
        mark = "*" if record.number == state.record.number else " "
        lines.append(
            f" {mark} {record.number:4}  {record.created[:16].replace('T', ' ')}  {record.what}"
        )
    lines.append("suites:")
    for suite, manifest in sorted(state.suites.items()):
        entries = manifest.entries
        files = sum(n for (kind, _, _), n in entries.tally.items() if kind == "deb")
        lines.append(
            f"   {suite} ({split_suite(suite)[1]}): {entries.packages} packages, {files} files"
        )
        if packages:
            lines += [
                f"      {e.package} {e.version} {e.architecture}{_phase(e)}"
                for e in entries
                if e.kind == "deb"
            ]
    if coming := told({suite: m.phasing for suite, m in state.suites.items()}):
        lines += ["phased updates (`repo renew` raises what is due):", *(f"   {t}" for t in coming)]
    data: dict[str, object] = {
        "repository": str(place.path),
        "current": state.record.number,
        "fingerprint": state.record.fingerprint,
        "publications": [
            {"number": r.number, "created": r.created, "what": r.what, "suites": r.suites}
            for r in records
        ],
        "phasing": {s: [p.model_dump() for p in m.phasing] for s, m in state.suites.items()},
    }
    if options.json:  # there may be a hundred thousand
        data["suites"] = {
            suite: [e.model_dump(mode="json") for e in m.entries if e.kind == "deb"]
            for suite, m in sorted(state.suites.items())
        }
    emit(options, data, "\n".join(lines))
    return 0


def _phase(entry: Entry) -> str:
    return "" if entry.phased is None else f" (upgrade for {entry.phased} % of machines)"
