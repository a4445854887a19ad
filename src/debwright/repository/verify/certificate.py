"""Boot certificates: what was seen of a package on booted systems, as in-toto statements.

One statement a line for each package and system (in-toto attestation framework: Statement v1, and
the predicate Test Result v0.1). The file is one of a release's, so SHA256SUMS and its signature
vouch for it. A check that was skipped is named with its reason, and is no passed one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from debwright.model.errors import DebwrightError, Evidence, printable

NAME = "boot.intoto.jsonl"
STATEMENT: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
TEST_RESULT: Literal["https://in-toto.io/attestation/test-result/v0.1"] = (
    "https://in-toto.io/attestation/test-result/v0.1"
)
SIZE_LIMIT = 32 * 1024**2
SHOWN = 200


class _Part(BaseModel):
    # Whoever reads one ignores fields that it does not know (in-toto, "Parsing rules").
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Subject(_Part):
    """The package, by its name among the release's files."""

    name: str
    digest: dict[str, str]


class Resource(_Part):
    """What the checks were made with (in-toto, ResourceDescriptor)."""

    name: str
    uri: str = ""
    """One of uri, digest and content must be there."""
    annotations: dict[str, str] = {}


class Seen(_Part):
    """The predicate; the last three fields are debwright's own."""

    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: tuple[Resource, ...]
    passed: tuple[str, ...] = Field((), alias="passedTests")
    warned: tuple[str, ...] = Field((), alias="warnedTests")
    failed: tuple[str, ...] = Field((), alias="failedTests")
    skipped: dict[str, str] = Field({}, alias="skippedTests")
    """The check to why."""
    measurements: dict[str, float] = {}
    notes: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        return self.configuration[0].name if self.configuration else "a system that is not named"


class Certificate(_Part):
    """A statement about one package on one system."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(STATEMENT, alias="_type")
    subject: tuple[Subject, ...]
    predicate_type: Literal["https://in-toto.io/attestation/test-result/v0.1"] = Field(
        TEST_RESULT, alias="predicateType"
    )
    predicate: Seen

    def is_of(self, name: str, sha256: str) -> bool:
        return any(s.name == name and s.digest.get("sha256") == sha256 for s in self.subject)

    def words(self) -> str:
        """What a person wants to know of it, in one line."""
        seen = self.predicate
        said = [f"seen on {seen.target}: {len(seen.passed)} checks passed"]
        if seen.warned:
            said.append(f"warnings by {', '.join(seen.warned)}")
        if seen.failed:
            said.append(f"FAILED {', '.join(seen.failed)}")
        if seen.skipped:
            said.append(f"not looked at: {', '.join(sorted(seen.skipped))}")
        if (seconds := seen.measurements.get("service.start_seconds")) is not None:
            said.append(f"started in {seconds:.1f} s")
        if (used := seen.measurements.get("service.memory_bytes")) is not None:
            said.append(f"{used / 1e6:.0f} MB of memory")
        said += [note for note in seen.notes if note.startswith("upgraded from ")]
        return printable("; ".join(said))[: SHOWN * 3]


def read_certificates(path: Path) -> Iterator[Certificate]:
    """The certificates in a release's file. Raises DebwrightError where it has anything else."""
    with path.open("rb") as file:
        data = file.read(SIZE_LIMIT)
    for number, line in enumerate(data.splitlines(), 1):
        try:
            yield Certificate.model_validate_json(line)
        except ValidationError as error:
            raise DebwrightError(
                f"{path.name} has something else than a boot certificate",
                evidence=[
                    Evidence(
                        text=printable(str(error).splitlines()[0]), file=path.name, line=number
                    )
                ],
            ) from error
