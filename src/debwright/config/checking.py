"""Tables of what is checked: the service, lintian, limits and waivers."""

from datetime import date
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Section


class Service(Section):
    """The service that must start, answer and stop on a booted root of every target."""

    unit: v.Unit = Field(description="Its systemd unit; `.service` may be left out.")
    health_url: v.HttpUrl | None = Field(
        None, description="URL that answers once the service is up, as seen from inside."
    )
    expect_status: int = Field(
        200, ge=100, le=599, description="HTTP status the health URL must answer with."
    )
    expect_body: str | None = Field(
        None, min_length=1, description="Text that must occur in the health URL's answer."
    )
    start_seconds: v.Seconds = Field(
        30, description="Seconds the service may take until it is healthy."
    )
    memory_mb: v.Megabytes | None = Field(
        None, description="Megabytes (10^6 bytes) it may use at most once it is healthy."
    )
    smoke: list[v.Script] = Field(
        [],
        description="Commands run on the booted system with `sh -c` once the service is healthy; "
        "each must exit with status 0.",
    )
    user: v.UserName | None = Field(None, description="The user its processes must run as.")
    ports: Annotated[list[v.PortText], AfterValidator(v.no_repeats)] = Field(
        [],
        description="Where it must listen, and nowhere else: ADDRESS:PORT/PROTOCOL, as "
        "127.0.0.1:8080/tcp, [::1]:53/udp or *:80/tcp. Not looked at when empty.",
    )
    stop_seconds: v.Seconds = Field(15, description="Seconds it may take to stop.")
    steady_seconds: v.Pause = Field(
        8, description="Seconds it must have run without a crash after installation."
    )
    must_restart: bool = Field(
        False,
        description="Whether a unit that stays down after a crash is an error even if it has no "
        "Restart=.",
    )
    writes: Annotated[list[v.Line], AfterValidator(v.no_repeats)] = Field(
        [],
        description="fnmatch patterns of absolute paths it may create while it runs, beside its "
        "packaged directories and those of StateDirectory= and its like.",
    )


class Limits(Section):
    """What a package may weigh and take."""

    exposure: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = Field(
        None,
        description="Exposure level (systemd-analyze(1), `security`; 0 is the best, 10 the worst) "
        "the unit may have at most.",
    )
    deb_mb: v.Megabytes | None = Field(
        None, description="Megabytes (10^6 bytes) a .deb may have at most."
    )
    installed_mb: v.Megabytes | None = Field(
        None, description="Megabytes (10^6 bytes) a package may take at most once installed."
    )
    start_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="Seconds after which a start that still succeeds is reported as too slow.",
    )


class Waiver(Section):
    """A finding that is known and accepted until a day."""

    code: v.FindingCode = Field(
        description="The finding's code, or an fnmatch pattern of codes, as lintian/no-manual-page."
    )
    target: v.Line = Field("*", description="fnmatch pattern of the targets it counts for.")
    reason: v.Line = Field(description="Why it is accepted.")
    until: v.Day = Field(description="The last day on which it counts, as 2027-01-31.")

    def covers(self, code: str, target: str, today: date) -> bool:
        """Whether the waiver excuses the finding `code` on `target` on the day `today`."""
        return today <= self.until and self.is_of(code) and self.is_for(target)

    def is_of(self, code: str) -> bool:
        return fnmatchcase(code, self.code)

    def is_for(self, target: str) -> bool:
        return fnmatchcase(target, self.target)
