"""What programs say that cannot begin, and what those say that only know no `--help`."""

import pytest

from debwright.checks.live.programs import why_not_begun

TRACEBACK = """Traceback (most recent call last):
  File "/usr/bin/demo", line 5, in <module>
    {second}
{error}"""


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (1, TRACEBACK.format(second="import x", error="ModuleNotFoundError: No module named 'x'")),
        (1, TRACEBACK.format(second="x = collections.Callable",
                             error="AttributeError: module has no attribute 'Callable'")),
        (1, "importlib.metadata.PackageNotFoundError: No package metadata was found for demo"),
        (127, "demo: error while loading shared libraries: libx.so.1: cannot open"),
        (127, "timeout: failed to run command '/usr/bin/demo': No such file or directory"),
        (127, "/usr/bin/env: 'node': No such file or directory"),
        (127, "/usr/bin/demo: 3: exec: /usr/lib/demo/bin/demo: not found"),
        (2, "Can't locate YAML/XS.pm in @INC (you may need to install the YAML::XS module)"),
        (1, "node:internal/modules/cjs/loader:1051\nError: Cannot find module 'express'"),
        (1, "Error: Could not find or load main class org.example.Main"),
    ],
)  # fmt: skip
def test_a_program_that_cannot_begin(status: int, text: str) -> None:
    assert why_not_begun(status, text) is not None


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "usage: demo [-h]\nModuleNotFoundError: is explained in the manual"),
        (2, "demo: unrecognized option '--help'"),
        (124, "listening on port 80"),
        (1, "PermissionError: [Errno 13] Permission denied: '/etc/demo/config'"),
        (1, TRACEBACK.format(second='File "/usr/bin/demo", line 9, in main',
                             error="FileNotFoundError: --help").replace("    File", "  File")),
        (1, TRACEBACK.format(second='  File "/usr/bin/demo", line 9, in main\n    f()',
                             error="TypeError: f() missing 1").replace("      File", "  File")),
        (126, "timeout: failed to run command '/usr/sbin/demo': Permission denied"),
        (127, "demo: database not configured"),
        (1, "Error: cannot open display: "),
    ],
)  # fmt: skip
def test_a_program_that_has_begun(status: int, text: str) -> None:
    assert why_not_begun(status, text) is None
