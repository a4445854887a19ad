"""Processors that can and cannot run the models."""

from pathlib import Path

import pytest

from local_rag.core.errors import CpuUnsupported
from local_rag.models import cpu as module
from local_rag.models.cpu import Cpu, decode_hwcap, parse_cpuinfo, read_cpu, require_cpu

PI5 = """\
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU part\t: 0xd0b

Model\t\t: Raspberry Pi 5 Model B Rev 1.0
"""
PI4 = """\
processor\t: 0
Features\t: fp asimd evtstrm crc32 cpuid
CPU part\t: 0xd08

Model\t\t: Raspberry Pi 4 Model B Rev 1.4
"""
ZEN = """\
processor\t: 0
model name\t: AMD EPYC
flags\t\t: fpu sse4_1 sse4_2 avx f16c fma bmi1 avx2 bmi2

processor\t: 1
model name\t: AMD EPYC
flags\t\t: fpu sse4_1 sse4_2 avx f16c fma bmi1 avx2 bmi2
"""


def test_a_pi_5_will_do() -> None:
    cpu = parse_cpuinfo(PI5, "aarch64")
    assert cpu.missing == ()
    assert cpu.model == "Raspberry Pi 5 Model B Rev 1.0"
    assert require_cpu(cpu) is cpu


def test_a_pi_4_is_refused_by_name() -> None:
    with pytest.raises(
        CpuUnsupported, match=r"Raspberry Pi 4.*not have asimdhp, asimddp"
    ) as caught:
        require_cpu(parse_cpuinfo(PI4, "aarch64"))
    assert "Raspberry Pi 5" in (caught.value.hint or "")
    assert caught.value.details == {"machine": "aarch64", "missing": ["asimdhp", "asimddp"]}
    assert caught.value.status == 503


def test_x86_with_avx2_will_do() -> None:
    assert parse_cpuinfo(ZEN, "x86_64").missing == ()


@pytest.mark.parametrize("flag", ["avx2", "fma", "f16c", "bmi2", "sse4_2"])
def test_x86_without_one_of_them_is_refused(flag: str) -> None:
    cpu = parse_cpuinfo(ZEN.replace(f" {flag}", ""), "x86_64")
    with pytest.raises(CpuUnsupported, match=flag) as caught:
        require_cpu(cpu)
    assert "AVX2" in (caught.value.hint or "")


def test_every_core_must_have_a_feature() -> None:
    one_core_less = ZEN[::-1].replace("2xva ", "", 1)[::-1]
    assert parse_cpuinfo(one_core_less, "x86_64").missing == ("avx2",)


def test_a_flag_that_only_begins_alike_does_not_count() -> None:
    cpu = parse_cpuinfo(ZEN.replace(" avx2", " avx2vnni"), "x86_64")
    assert cpu.missing == ("avx2",)


@pytest.mark.parametrize(("said", "meant"), [("amd64", "x86_64"), ("arm64", "aarch64")])
def test_other_names_of_machines(said: str, meant: str) -> None:
    assert parse_cpuinfo("", said).machine == meant


def test_unknown_architectures_pass() -> None:
    assert require_cpu(Cpu(machine="riscv64", model="", features=frozenset())).missing == ()


def test_an_emulated_arm_is_asked_through_hwcap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(ZEN)  # an emulator that shows the host's file
    monkeypatch.setattr(module, "hwcap", lambda: (1 << 1) | (1 << 10) | (1 << 20))
    assert read_cpu(tmp_path / "cpuinfo", "aarch64").missing == ()
    monkeypatch.setattr(module, "hwcap", lambda: 1 << 1)
    assert read_cpu(tmp_path / "cpuinfo", "aarch64").missing == ("asimdhp", "asimddp")


def test_hwcap_bits() -> None:
    assert decode_hwcap(0) == frozenset()
    assert decode_hwcap(1 << 20) == {"asimddp"}


def test_without_cpuinfo_x86_is_refused_and_not_assumed(tmp_path: Path) -> None:
    assert "avx2" in read_cpu(tmp_path / "none", "x86_64").missing


def test_this_machine_is_read() -> None:
    assert read_cpu().features
