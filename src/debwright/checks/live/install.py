"""The packages go into the booted system, within the sizes allowed."""

from debwright.checks.engine import debconf, infrastructure, left, sets
from debwright.checks.engine.base import Check, CheckContext
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import Finding

CODES = Codes(
    {
        "install/failed": Code(ERROR, "The packages cannot be installed."),
        "install/maintainer-script": Code(ERROR, "A maintainer script fails at installation."),
        "install/deb-size": Code(ERROR, "A .deb is larger than allowed."),
        "install/installed-size": Code(
            ERROR, "A package takes more than allowed once it is installed."
        ),
    }
)


class InstallCheck(Check):
    """The runner installs, since all live checks need it; here is what it says of it."""

    name = "install"
    codes = CODES | infrastructure.CODES | sets.CODES | debconf.CODES | left.CODES
    settings = ("limits", "install")

    def sizes(self, context: CheckContext) -> list[Finding]:
        """Findings on packages that are larger than `[limits]` allows."""
        limits = context.config.limits
        found = []
        for deb in context.installable:
            size, installed = deb.size / 1e6, (deb.installed_kib or 0) * 1024 / 1e6
            if limits.deb_mb is not None and size > limits.deb_mb:
                text = f"{deb.path.name} is {size:.1f} MB, {limits.deb_mb} MB are allowed"
                found.append(CODES.found("install/deb-size", text))
            if limits.installed_mb is not None and installed > limits.installed_mb:
                text = (
                    f"{deb.package} takes {installed:.1f} MB, {limits.installed_mb} MB are allowed"
                )
                found.append(CODES.found("install/installed-size", text))
        return found
