"""requirements.txt as pip reads it."""

from pathlib import Path

import pytest

from debwright.init.ecosystems.python.requirements import find, read_requirements
from debwright.model.errors import UsageError

HASH = "sha256:" + "0" * 64


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


def texts(directory: Path, text: str, **files: str) -> tuple[str, ...]:
    write(directory, {"requirements.txt": text, **files})
    return read_requirements(directory, "requirements.txt").texts


def test_what_pip_reads(tmp_path: Path) -> None:
    text = f"""
# the server
Flask==3.0.3  # pinned
gunicorn[gevent] >=22 , <24
 celery~=5.4 ; python_version >= "3.8"
redis==5.0 \\
    --hash={HASH} \\
    --hash={HASH}
-e .
--prefer-binary
"""
    assert texts(tmp_path, text) == (
        "Flask==3.0.3", "gunicorn[gevent]<24,>=22", 'celery~=5.4; python_version >= "3.8"',
        "redis==5.0",
    )  # fmt: skip


def test_files_that_include_others(tmp_path: Path) -> None:
    write(tmp_path, {
        "requirements/base.txt": "Flask\n-c limits.txt\n",
        "requirements/limits.txt": "flask<3\nwerkzeug<3\n",
    })  # fmt: skip
    found = texts(tmp_path, "-r requirements/base.txt\n--requirement=more.txt\n",
                  **{"more.txt": "redis\n"})  # fmt: skip
    assert found == ("Flask", "redis", "flask<3")


@pytest.mark.parametrize("line", ["-r ../other.txt", "-r gone.txt", "-r requirements.txt"])
def test_what_cannot_be_included(tmp_path: Path, line: str) -> None:
    project = tmp_path / "p"
    project.mkdir()
    (tmp_path / "other.txt").write_text("flask\n")
    with pytest.raises(UsageError, match=r"not in the project|includes itself"):
        texts(project, line + "\n")


@pytest.mark.parametrize(
    "line",
    [
        "git+https://example.org/x.git#egg=x", "x @ https://example.org/x-1.whl", "./vendor/x",
        "-e git+ssh://git@example.org/x", "-e ../x", "vendor/x-1.0-py3-none-any.whl",
        "https://example.org/x.tar.gz",
    ],
)  # fmt: skip
def test_addresses_are_named_with_their_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        texts(tmp_path, f"flask\n{line}\n")
    (where,) = caught.value.evidence
    assert (where.file, where.line) == ("requirements.txt", 2)


def test_a_line_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no requirement"):
        texts(tmp_path, "flask what\n")


def test_another_index_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "--extra-index-url https://example.org\nflask\n"})
    (note,) = read_requirements(tmp_path, "requirements.txt").notes
    assert note.startswith("requirements.txt:1: --extra-index-url is not used")


def test_what_powershell_writes(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("flask==3.0.3\n", encoding="utf-16")
    assert read_requirements(tmp_path, "requirements.txt").texts == ("flask==3.0.3",)


def test_a_pipfile(tmp_path: Path) -> None:
    (tmp_path / "Pipfile").write_text(
        '[packages]\nflask = "*"\ncelery = {version = ">=5", extras = ["redis"]}\n'
    )
    assert find(tmp_path) == "Pipfile"
    assert read_requirements(tmp_path, "Pipfile").texts == ("flask", "celery[redis]>=5")
    (tmp_path / "Pipfile").write_text('[packages]\nx = {git = "https://example.org/x"}\n')
    with pytest.raises(UsageError, match="no package index"):
        read_requirements(tmp_path, "Pipfile")
