"""Locks: what is read, and what is refused with the line at fault."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.model.errors import ConfigError
from debwright.source.wheelhouse.lockfile import logical_lines, parse, read_lock

HASH = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def test_a_lock_as_uv_writes_it() -> None:
    pins = parse(
        f"Click==8.1.7 ; python_full_version < '3.11' \\\n    --hash={HASH} \\\n"
        f"    --hash={OTHER}\n    # via\n    #   uvicorn\n\n"
        f"uvicorn[standard]==0.30.0 --hash={HASH}\n",
        "requirements.lock",
    )
    assert [(p.name, p.version, p.line) for p in pins] == [
        ("click", "8.1.7", 1),
        ("uvicorn", "0.30.0", 7),
    ]
    assert pins[0].hashes == {"a" * 64, "b" * 64}
    assert pins[0].wanted({"python_full_version": "3.10.4"})
    assert not pins[0].wanted({"python_full_version": "3.11.2"})
    assert pins[1].marker is None


def test_names_are_as_indices_compare_them() -> None:
    (pin,) = parse(f"Typing_Extensions.Foo==1 --hash={HASH}", "l")
    assert pin.name == "typing-extensions-foo"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("click==8.1.7", "no SHA-256"),
        (f"click==8.1.7 --hash=md5:{'a' * 32}", "no SHA-256"),
        (f"click>=8 --hash={HASH}", "pins no version"),
        (f"click @ https://example.org/c.whl --hash={HASH}", "pins no version"),
        (f"./click --hash={HASH}", "pins no version"),
        ("-r other.txt", "is an option"),
        ("--index-url https://example.org", "is an option"),
        (f"click==8.1.7 ; nonsense < 3 --hash={HASH}", "cannot be understood"),
        (f"click==8..1 --hash={HASH}", "cannot be understood"),
    ],
)
def test_what_is_no_pin_is_refused_with_its_line(line: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        parse(f"# a comment\n\n{line}\n", "requirements.lock")
    (evidence,) = caught.value.evidence
    assert (evidence.file, evidence.line) == ("requirements.lock", 3)
    assert caught.value.exit_code == 2
    assert "uv pip compile" in (caught.value.fix or "")


def test_an_empty_lock_is_refused() -> None:
    with pytest.raises(ConfigError, match="names no distribution"):
        parse("# nothing\n", "requirements.lock")


def test_a_lock_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"requirements\.lock cannot be read") as caught:
        read_lock(tmp_path / "requirements.lock", "requirements.lock")
    assert "--generate-hashes" in (caught.value.fix or "")


def test_a_lock_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "l").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_lock(tmp_path / "l", "l")


NAME = st.from_regex(r"[a-z][a-z0-9]{0,12}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
VERSION = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", fullmatch=True)
DIGEST = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@given(st.lists(st.tuples(NAME, VERSION, st.lists(DIGEST, min_size=1, max_size=3)), min_size=1))
def test_what_is_written_is_read(pins: list[tuple[str, str, list[str]]]) -> None:
    text = "".join(
        f"{name}=={version} \\\n" + " \\\n".join(f"    --hash=sha256:{d}" for d in digests) + "\n"
        for name, version, digests in pins
    )
    found = parse(text, "l")
    assert [(p.name, set(p.hashes)) for p in found] == [(n, set(d)) for n, _, d in pins]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert all(pin.hashes for pin in parse(text, "l"))
    except ConfigError as error:
        assert error.render()


@given(st.lists(st.sampled_from(["a", "b \\", "# c", "", "d # e", "\\"]), max_size=12))
def test_line_numbers_are_those_of_the_file(lines: list[str]) -> None:
    numbers = [n for n, _ in logical_lines("\n".join(lines))]
    assert numbers == sorted(set(numbers))
    assert all(1 <= n <= len(lines) for n in numbers)
