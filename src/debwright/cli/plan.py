"""debwright plan: what would be done, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from debwright.cli.common import (
    Options,
    emit,
    strategy_option,
    targets_option,
)

if TYPE_CHECKING:
    from debwright.model.standing import Standing
    from debwright.pipeline.plan import Plan


@click.command("plan")
@targets_option
@strategy_option
@click.pass_obj
def show_plan(options: Options, patterns: tuple[str, ...], strategy: str | None) -> int:
    """Show version, targets, strategies and why, and what is cached."""
    from debwright.config import effective_json
    from debwright.pipeline.planning import make_plan

    plan = make_plan(options.directory, patterns=patterns, strategy=strategy)
    data = describe(options, plan)
    if options.json:
        data["configuration"] = json.loads(effective_json(plan.config))
    emit(options, data, _text(data, options.standing))
    return 0


def describe(options: Options, plan: Plan) -> dict[str, Any]:
    from debwright.pipeline.finished import FinishedStages
    from debwright.pipeline.run import columns
    from debwright.pipeline.stages.base import Wanted
    from debwright.roots.layers import Roots

    roots = Roots(options.cache(), plan.config)
    home = options.dist(plan.loaded.directory) / plan.version_text.split(":", 1)[-1]
    targets = []
    for item in plan.targets:
        base, why_not = roots.store.find(roots.base_request(item.target))
        name = str(item.target)
        obstacle = plan.host.emulated.get(item.target.arch)
        done = sorted(FinishedStages(home / name).stages())
        targets.append(
            {
                "target": name,
                "strategy": str(item.strategy),
                "reason": item.choice.reason,
                "rejected": [{"strategy": str(s), "why": w} for s, w in item.choice.rejected],
                "builds_all": item.build_all,
                "version": plan.version_for(item.target.suite),
                "not_checkable": obstacle.why if obstacle else None,
                "fix": str(obstacle.fix) if obstacle else None,
                "base_root": f"cached, {base.manifest.age_days:.1f} days old" if base else why_not,
                "done_before": done,
            }
        )
    version = plan.version
    return {
        "package": plan.package,
        "version": plan.version_text,
        "commit": version.commit if version else None,
        "dirty": version.dirty if version else False,
        "notes": list(version.notes) if version else [],
        "host": plan.host.arch,
        "companions": [
            {
                "package": c.name,
                "version": c.plan.version_text,
                "source": c.source,
                "built_on": str(c.root.target),
            }
            for c in plan.companions
        ],
        "wheelhouse": _wheelhouse(options, plan),
        "configuration_file": str(plan.loaded.path) if plan.loaded.path else None,
        "stages": columns(Wanted()),
        "targets": targets,
    }


def _wheelhouse(options: Options, plan: Plan) -> dict[str, Any] | None:
    asked = plan.wheelhouse
    if asked is None:
        return None
    from debwright.source.wheelhouse.prepare import find

    packed = find(asked, options.cache())
    return {
        "lock": asked.lock.name,
        "distributions": len({p.name for p in asked.lock.pins}),
        "interpreters": [i.name for i in asked.interpreters],
        "files": packed.files if packed else None,
        "bytes": packed.component.size if packed else None,
    }


def _text(data: dict[str, Any], standing: Standing) -> str:
    from debwright.host.files import human_size

    lines = [f"{data['package']} {data['version']}"]
    if data["commit"]:
        lines[0] += f"  (commit {data['commit'][:12]}{', changed since' if data['dirty'] else ''})"
    lines += [f"  note: {note}" for note in data["notes"]]
    for item in data["targets"]:
        lines.append(f"\n{item['target']}  {item['strategy']}: {item['reason']}")
        lines += [f"  not {r['strategy']}: {r['why']}" for r in item["rejected"]]
        if item["version"] != data["version"]:
            lines.append(f"  version {item['version']}")
        lines.append(f"  base root: {item['base_root']}")
        if why := item["not_checkable"]:
            lines.append(f"  cannot be checked here: {why}")
            lines.append(f"  next: {standing.typed(item['fix'])}")
        if item["done_before"]:
            lines.append(
                f"  done before, and not again if unchanged: {', '.join(item['done_before'])}"
            )
    lines.append(f"\nstages of each target: {', '.join(data['stages'])}")
    for item in data["companions"]:
        lines.append(f"\ncompanion {item['package']} {item['version']}  from {item['source']}")
        lines.append(f"  built once, on {item['built_on']}; published in every suite")
    if house := data["wheelhouse"]:
        state = (
            f"packed, {house['files']} files, {human_size(house['bytes'])}"
            if house["files"] is not None
            else "to be fetched"
        )
        lines.append(f"\nwheelhouse  {house['lock']}: {house['distributions']} distributions")
        lines.append(f"  for Python on {', '.join(house['interpreters'])}")
        lines.append(f"  {state}")
    whole = standing.typed("debwright plan --json")
    lines.append(f"\nThe whole configuration: {whole}")
    return "\n".join(lines)
