"""What debian/rules makes of `nocheck` beyond its tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.source.nocheck import beyond_tests

GUARD = "ifeq (,$(filter nocheck,$(DEB_BUILD_OPTIONS)))\n"


@pytest.mark.parametrize(
    ("rules", "lines"),
    [
        ("%:\n\tdh $@\n", []),
        (f"override_dh_auto_test:\n{GUARD}\t$(MAKE) check\nendif\n", []),
        (f"{GUARD}override_dh_auto_test:\n\t./run-tests\nendif\n", []),
        (f"{GUARD}execute_after_dh_auto_test-arch: build\n\t./x\nendif\n", []),
        (f"{GUARD}# nothing\nelse\nendif\n%:\n\tdh $@\n", []),
        ("# nocheck is not for us\n%:\n\tdh $@  # nocheck\n".replace("\tdh $@  # nocheck", "\tdh"),
         []),
        ('$(stamp)check_%: $(stamp)build_%\n\tif [ "$(findstring nocheck,$(X))" ]; then x; fi\n',
         []),
        (f"{GUARD}CONFIGURE += --with-tests\nendif\n", [1]),
        (f"override_dh_auto_build:\n{GUARD}\t$(MAKE) all check\nelse\n\t$(MAKE)\nendif\n", [2]),
        ("TESTS = $(if $(filter nocheck,$(DEB_BUILD_OPTIONS)),off,on)\n", [1]),
        ("override_dh_auto_configure:\n\tdh_auto_configure -- \\\n\t  "
         "$(if $(findstring nocheck,$(DEB_BUILD_OPTIONS)),-DTESTS=OFF)\n", [2]),
        (f"ifdef X\n{GUARD}Y = 1\nendif\nZ = 2\nendif\n", [2]),
        (f"override_dh_auto_test:\n{GUARD}\tmake check\nendif\n\nOTHER = nocheck\n", [6]),
    ],
)  # fmt: skip
def test_what_is_more_than_tests(rules: str, lines: list[int]) -> None:
    assert [number for number, _ in beyond_tests(rules)] == lines


@given(st.text(alphabet="ifeq(nocheck)\n\t:= $,endelse\\#%test", max_size=300))
def test_any_text_is_read(text: str) -> None:
    total = text.count("\n") + 1
    assert all(1 <= number <= total for number, _ in beyond_tests(text))


@given(st.lists(st.sampled_from(["A = 1", "%:", "\tdh $@", "ifdef X", "endif", "else"])))
def test_without_the_word_nothing_depends_on_it(lines: list[str]) -> None:
    assert beyond_tests("\n".join(lines)) == []
