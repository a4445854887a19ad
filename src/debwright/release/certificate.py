"""The boot certificates of a release: what its checks have seen of each package."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from debwright.host.files import sha256_file
from debwright.model.results import CheckResult, RunResult, Severity, Status, TargetResult
from debwright.repository.verify.certificate import Certificate, Resource, Seen, Subject


def certificates(result: RunResult, files: Mapping[str, Path]) -> Iterator[Certificate]:
    """One for each package and each target that it was checked on; `files` are name to path."""
    names = {path.name: (name, path) for name, path in files.items() if path.suffix == ".deb"}
    for target in result.targets:
        seen = _seen(target, result)
        for artifact in target.artifacts:
            found = names.get(Path(artifact.path).name)
            # Of two targets' packages of one name only the one that is released was looked at.
            if found is not None and sha256_file(found[1]) == artifact.sha256:
                subject = Subject(name=found[0], digest={"sha256": artifact.sha256})
                yield Certificate(subject=(subject,), predicate=seen)


def to_lines(found: Iterator[Certificate]) -> str:
    """JSON lines, each as in-toto names its fields."""
    return "".join(f"{c.model_dump_json(by_alias=True)}\n" for c in found)


def _seen(target: TargetResult, result: RunResult) -> Seen:
    checks = target.checks
    failed = tuple(c.name for c in checks if c.status is Status.FAILED)
    warned = tuple(c.name for c in checks if c.status is Status.PASSED and _warns(c))
    passed = tuple(c.name for c in checks if c.status is Status.PASSED and not _warns(c))
    annotations = {
        "package": result.package, "version": result.version, "strategy": target.strategy,
        "debwright": result.debwright, "machine": result.host, "commit": result.commit or "",
    }  # fmt: skip
    # Sorted: a result that was read back has them in another order, and must make the same file.
    measured = sorted((f"{c.name}.{k}", v) for c in checks for k, v in c.measurements.items())
    notes = dict.fromkeys(note for check in checks for note in check.notes)
    return Seen(
        result="FAILED" if failed else "WARNED" if warned else "PASSED",
        configuration=(
            Resource(
                name=target.target,
                uri=f"urn:debwright:target:{target.target}",
                annotations=annotations,
            ),
        ),
        passed=passed,
        warned=warned,
        failed=failed,
        skipped={c.name: c.reason or "" for c in checks if c.status is Status.SKIPPED},
        measurements=dict(measured),
        notes=tuple(notes),
    )


def _warns(check: CheckResult) -> bool:
    return any(f.severity is Severity.WARNING for f in check.findings)
