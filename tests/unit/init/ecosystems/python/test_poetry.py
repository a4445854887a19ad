"""Poetry's constraints as the standard writes them."""

import pytest
from packaging.specifiers import SpecifierSet

from debwright.init.ecosystems.python.poetry import limits, requirements


@pytest.mark.parametrize(
    ("poetry", "standard"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("^3.11", ">=3.11,<4"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2", "~=1.2"),
        ("1.2.*", "==1.2.*"),
        ("1.2", "==1.2"),
        ("*", ""),
        (">=1.2,<3", ">=1.2,<3"),
        (">= 1.2, < 3", ">=1.2,<3"),
        (">=1.2 <3", ">=1.2,<3"),
        ("=1.2", "==1.2"),
        ("^1 || ^2", ">=1,<3"),
        ("^3.8|^4.0", ">=3.8,<5"),
        ("~2.7 || >=3.5", ">=3.5"),
        ("^2.7 || *", ""),
    ],
)
def test_limits(poetry: str, standard: str) -> None:
    """https://python-poetry.org/docs/dependency-specification/, with its own examples."""
    assert limits(poetry) == standard
    SpecifierSet(standard)


def test_tables_lists_and_what_is_left_out() -> None:
    found, notes = requirements(
        {
            "python": "^3.11",
            "flask": {"version": "^2.2", "extras": ["async"]},
            "redis": [
                {"version": "^4", "python": "<3.12"},
                {"version": "^5", "python": ">=3.12"},
            ],
            "rich": {"version": "*", "optional": True},
            "own": {"git": "https://example.org/own.git"},
            "pywin32": {"version": "*", "platform": "win32"},
        }
    )
    assert found == [
        "flask[async]>=2.2,<3",
        "redis>=4,<5; python_version < '3.12'",
        "redis>=5,<6; python_version >= '3.12'",
        "own @ https://example.org/own.git",
        "pywin32; sys_platform == 'win32'",
    ]
    assert notes == ["rich is optional in pyproject.toml and is left out"]
