"""[environments]: systems, targets and images."""

from pathlib import Path

import pytest

from debwright.config import load
from debwright.model.errors import ConfigError


@pytest.mark.parametrize(
    "line",
    [
        'sandbox = "pdoman"',
        'sandbox = "vm://board"',
        'install_on = ["trixy-amd64"]',
        'install_on = ["bookworm"]',
    ],
)
def test_wrong_environments_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "debwright.toml").write_text(f"[environments]\n{line}\n")
    with pytest.raises(ConfigError):
        load(tmp_path)


@pytest.mark.parametrize(
    ("target", "image", "said"),
    [
        ("jammy-amd64", "--privileged", "docker pull"),
        ("jammy-amd64", "ubuntu 22.04", "docker pull"),
        ("jammy", "ubuntu:22.04", "SUITE-ARCH"),
    ],
)
def test_an_image_is_a_name_for_a_target(
    tmp_path: Path, target: str, image: str, said: str
) -> None:
    text = f'[environments.images]\n{target} = "{image}"\n'
    (tmp_path / "debwright.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert said in str(caught.value.cause) + str(caught.value.fix) + str(caught.value.evidence)
