"""Documents about the newest release, from this project's own templates and from others."""

from pathlib import Path
from typing import Any

import pytest

from debwright.config import load
from debwright.github.model import Asset, Release
from debwright.model.errors import ConfigError, DebwrightError
from debwright.release.documents import newest, render, write_documents

TOP = Path(__file__).parents[3]


def release(tag: str, *, draft: bool = False, prerelease: bool = False) -> Release:
    return Release(
        id=1, tag_name=tag, draft=draft, prerelease=prerelease, upload_url="",
        html_url=f"https://github.com/o/r/releases/tag/{tag}", published_at="2027-01-02T03:04:05Z",
    )  # fmt: skip


def asset(name: str) -> Asset:
    return Asset(
        id=1, name=name, state="uploaded", size=2048, digest="sha256:" + "ab" * 32,
        browser_download_url=f"https://github.com/o/r/releases/download/v2/{name}",
    )  # fmt: skip


def test_the_newest_is_the_highest_version_that_is_published() -> None:
    given = [
        release("v1.9.1"),  # a later fix of the old series
        release("v1.10.0"), release("v2.0.0", draft=True), release("v2.0.0-rc1", prerelease=True),
        release("nightly"), release("v1.2.0"),
    ]  # fmt: skip
    assert [version for version, _ in newest(given, "v")] == ["1.10.0", "1.9.1", "1.2.0"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "in.md.j2").write_text(
        "{% if release %}{{ release.version }}{% else %}none{% endif %}"
    )
    (tmp_path / "debwright.toml").write_text(
        '[[release.documents]]\ntemplate = "in.md.j2"\noutput = "docs/out.md"\n'
    )
    return tmp_path


def test_it_follows_the_newest_release_and_is_not_written_for_nothing(project: Path) -> None:
    def made(*tags: str) -> tuple[str, bool]:
        releases = newest([release(t) for t in tags], "v")
        (document,) = write_documents(load(project), "greeter", "greeter", releases, [])
        return (project / "docs/out.md").read_text(), document.changed

    assert made() == ("none", True)
    assert made("v1.0.0") == ("1.0.0", True)
    assert made("v1.1.0", "v1.0.0") == ("1.1.0", True)
    assert made("v1.0.1", "v1.1.0", "v1.0.0") == ("1.1.0", False)


@pytest.mark.parametrize("text", ["{{ nothing }}", "{% if %}", "{{ package.__class__.__mro__ }}"])
def test_a_wrong_template_is_said_with_its_place(project: Path, text: str) -> None:
    (project / "in.md.j2").write_text(text)
    with pytest.raises(DebwrightError, match=r"the template in.md.j2 is wrong"):
        write_documents(load(project), "greeter", "greeter", [], [])
    (project / "in.md.j2").unlink()
    with pytest.raises(DebwrightError, match="cannot be read"):
        write_documents(load(project), "greeter", "greeter", [], [])


def test_html_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "page.html.j2").write_text("<p>{{ package }}</p>")
    assert render(tmp_path / "page.html.j2", {"package": "<b>"}) == "<p>&lt;b&gt;</p>"


@pytest.mark.parametrize("name", ["install", "download"])
def test_the_templates_of_this_project(tmp_path: Path, name: str) -> None:
    values: dict[str, Any] = {
        "package": "local-rag", "targets": ["bookworm-amd64"], "suites": ["bookworm", "trixie"],
        "repository": {"url": "https://apt.example.org/rag", "name": "local-rag"},
        "fingerprint": "AB" * 20, "release": None, "versions": [],
    }  # fmt: skip
    template = TOP / f"docs/templates/{name}.md.j2"
    assert "no release yet" in render(template, values)
    values["release"] = {
        "version": "1.2.3", "tag": "v1.2.3", "date": "2027-01-02", "url": "https://example.org/r",
        "files": [{"name": "a.deb", "size": "2 KiB", "url": "https://example.org/a",
                   "sha256": "ab" * 32}],
    }  # fmt: skip
    values["versions"] = [{"version": "1.2.3", "date": "2027-01-02", "url": "u", "tag": "v1.2.3"}]
    text = render(template, values)
    assert "1.2.3" in text
    wanted = {"install": "local-rag-bookworm.sources", "download": "[a.deb](https://example.org/a)"}
    assert wanted[name] in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize(
    ("template", "output"),
    [
        ("in.md.j2", "../out.md"), ("in.md.j2", "/tmp/debwright-out.md"), ("in.md.j2", "~/out.md"),
        ("in.md.j2", "link/out.md"), ("in.md.j2", ".git/config"), ("/etc/passwd", "out.md"),
        ("link/secret", "out.md"),
    ],
)  # fmt: skip
def test_nothing_is_read_or_written_outside_of_the_project(
    project: Path, template: str, output: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("secret")
    (project / "link").symlink_to(outside)
    (project / ".git").mkdir()
    (project / "debwright.toml").write_text(
        f'[[release.documents]]\ntemplate = "{template}"\noutput = "{output}"\n'
    )
    with pytest.raises(ConfigError, match=r"not in the project|which is git's"):
        write_documents(load(project), "greeter", "greeter", [], [])
    assert sorted(p.name for p in outside.iterdir()) == ["secret"]
