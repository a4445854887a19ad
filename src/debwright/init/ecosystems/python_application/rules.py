"""What debian/rules does for an application: nothing is built, its tree is copied."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from debwright.init.ecosystems.python.django import WRAPPER, Django
from debwright.init.model import Override, Rules


@dataclass(frozen=True, kw_only=True)
class Parts:
    package: str
    carried: bool
    """Whether its dependencies come with it, in a wheelhouse."""
    django: Django | None
    variables: Mapping[str, str]
    """What it needs in its environment to be imported."""


def rules_for(parts: Parts) -> Rules:
    copy = Override(
        target="execute_after_dh_auto_install",
        why="The tree as its author has it, without what debian/left-out names.",
        commands=(*_copy(parts), *_collect(parts)),
    )
    if parts.carried:
        return Rules(overrides=(copy,))
    idle = Override(
        target="override_dh_auto_clean override_dh_auto_configure override_dh_auto_build "
        "override_dh_auto_test override_dh_auto_install",
        why="There is nothing to build.",
    )
    python = Override(
        target="override_dh_python3",
        commands=(f"dh_python3 --no-guessing-deps --no-shebang-rewrite /usr/lib/{parts.package}",),
    )
    return Rules(overrides=(idle, copy, python))


def _copy(parts: Parts) -> tuple[str, ...]:
    tree = f"debian/{parts.package}/usr/lib/{parts.package}/app"
    lines = [
        f"mkdir -p {tree}",
        f"tar --create --exclude-from=debian/left-out . | tar --extract --directory={tree}",
        # Modules are not run as programs; their first line may name what is not there.
        f"find {tree} -name '*.py' -exec chmod a-x {{}} + -exec sed -i '1s/^#!.*/#/' {{}} +",
    ]
    if parts.django is not None:
        place = f"{tree}/{parts.django.top}" if parts.django.top else tree
        lines.append(f"cp debian/{WRAPPER}.py {_word(place)}/")
    return tuple(lines)


def _collect(parts: Parts) -> tuple[str, ...]:
    """Static files, collected by Django as it is on the machine that builds."""
    django = parts.django
    if django is None or not django.static:
        return ()
    # On a copy: what settings write next to themselves is none of the package.
    tree = "debian/build-tree"
    place = f"{tree}/{django.top}" if django.top else tree
    static = f"debian/{parts.package}/usr/share/{parts.package}/static"
    packages = "$(CURDIR)/debian/build-packages"
    lines = [
        f"mkdir -p {tree}",
        f"tar --create --exclude-from=debian/left-out . | tar --extract --directory={tree}",
        f"cp debian/{WRAPPER}.py {_word(place)}/",
    ]
    environment = {**parts.variables, "DJANGO_SETTINGS_MODULE": WRAPPER}
    given = [f"{name}={_word(value)}" for name, value in environment.items()]
    path = f"{packages}:" if parts.carried else ""
    above = "".join(f":{'../' * n}" for n in range(1, len(django.top.split("/")) + 1))
    path += f".{above}" if django.top else "."
    if parts.carried:
        # Its own distributions again, for the machine that builds: the others may be for another.
        lines.append(
            "python3 wheelhouse/wheelhouse.py install --target debian/build-packages "
            '--arch "$$(dpkg-architecture -qDEB_BUILD_ARCH)"'
        )
    lines.append(
        f"cd {_word(place)} && env {' '.join(given)} STATIC_ROOT=$(CURDIR)/{static} "
        f"STATE_DIRECTORY=$(CURDIR)/debian/build-state PYTHONPATH={path} HOME=/nonexistent "
        "python3 -m django collectstatic --noinput --verbosity 1"
    )
    lines.append(f"rm -rf {tree} debian/build-state debian/build-packages")
    return tuple(lines)


def _word(text: str) -> str:
    """`text` for the shell within a recipe of make."""
    return shlex.quote(text).replace("$", "$$")
