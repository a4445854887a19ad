"""What has been done already: next to the artifacts, which inputs they came from.

A stage whose inputs are the same and whose outputs are all there, unaltered, is not run again.
stages.json is written after the outputs, so a killed run is at worst done again.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from debwright.host.files import atomic_write, sha256_file
from debwright.model.manifest import digest
from debwright.model.results import CheckResult, StageResult

NAME = "stages.json"


class FinishedStage(BaseModel):
    """One finished stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: str
    outputs: dict[str, str]
    """Path below the directory to SHA-256."""
    result: StageResult
    checks: tuple[CheckResult, ...] = ()


class FinishedStages:
    """The finished stages of one directory below dist/."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / NAME

    def find(self, stage: str, inputs: Mapping[str, Any]) -> FinishedStage | None:
        """The record of `stage` when these inputs gave it and its outputs are intact."""
        record = self._read().get(stage)
        if record is None or record.inputs != digest(dict(inputs)):
            return None
        for name, expected in record.outputs.items():
            path = self.directory / name
            if not path.is_file() or sha256_file(path) != expected:
                return None
        return record

    def write(
        self,
        stage: str,
        inputs: Mapping[str, Any],
        outputs: Sequence[Path],
        result: StageResult,
        checks: Sequence[CheckResult] = (),
    ) -> None:
        records = self._read()
        records[stage] = FinishedStage(
            inputs=digest(dict(inputs)),
            outputs={str(p.relative_to(self.directory)): sha256_file(p) for p in outputs},
            result=result,
            checks=tuple(checks),
        )
        self._save(records)

    def renew(self, stage: str, path: Path) -> None:
        """An output of `stage` was added to on purpose: it is intact as it is now."""
        records = self._read()
        record, name = records.get(stage), str(path.relative_to(self.directory))
        if record is not None and name in record.outputs:
            outputs = {**record.outputs, name: sha256_file(path)}
            records[stage] = record.model_copy(update={"outputs": outputs})
            self._save(records)

    def stages(self) -> list[str]:
        """Names of the stages there is a record of."""
        return list(self._read())

    def move_logs(self, old: str, new: str) -> None:
        """The directory was copied from `old` to `new`, below dist/: name the logs that are there.

        A log is named by its path below dist/, so that reports can link to it.
        """
        records = self._read()
        for name, record in records.items():
            log = record.result.details.log
            if log is not None and log.startswith(f"{old}/"):
                moved = {"log": new + log.removeprefix(old)}
                details = record.result.details.model_copy(update=moved)
                result = record.result.model_copy(update={"details": details})
                records[name] = record.model_copy(update={"result": result})
        self._save(records)

    def forget(self, stage: str) -> None:
        """A stage is about to be done again: what it gave before no longer counts."""
        records = self._read()
        if records.pop(stage, None) is not None:
            self._save(records)

    def _save(self, records: Mapping[str, FinishedStage]) -> None:
        # A stage that takes its output from elsewhere (a .dsc) has no directory of its own yet.
        self.directory.mkdir(parents=True, exist_ok=True)
        document = {name: record.model_dump(mode="json") for name, record in records.items()}
        atomic_write(self._path, json.dumps(document, indent=1, sort_keys=True) + "\n")

    def _read(self) -> dict[str, FinishedStage]:
        try:
            document = json.loads(self._path.read_bytes())
            return {name: FinishedStage.model_validate(value) for name, value in document.items()}
        except (OSError, ValueError, ValidationError, AttributeError):
            return {}
