"""The stages of a run, in order. A new one is a module here and a line in this list."""

from typing import Any, Final

from debwright.model.codes import Codes
from debwright.pipeline.stages.base import Stage
from debwright.pipeline.stages.build import BuildStage
from debwright.pipeline.stages.check import CheckStage
from debwright.pipeline.stages.equivalence import EquivalenceStage
from debwright.pipeline.stages.publish import PublishStage
from debwright.pipeline.stages.sbom import SbomStage
from debwright.pipeline.stages.second_build import ReproducibleStage
from debwright.pipeline.stages.source import SourceStage
from debwright.pipeline.stages.test import TestingStage

STAGES: Final[tuple[Stage[Any], ...]] = (
    # Once for each suite.
    SourceStage(),
    # Each target by itself, side by side.
    BuildStage(),
    TestingStage(),
    SbomStage(),
    CheckStage(),
    ReproducibleStage(),
    # When all targets are there.
    EquivalenceStage(),
    # When everything that was wanted has passed.
    PublishStage(),
)

CODES: Final = Codes({name: code for stage in STAGES for name, code in stage.codes.items()})
