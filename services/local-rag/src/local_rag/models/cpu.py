"""Whether this processor has the instructions the compiled llama.cpp uses.

llama.cpp is compiled for a fixed set of instructions; on a processor without them it dies with
SIGILL, taking the whole service along. So the check comes before the library is loaded.

Sources: `flags` (x86) and `Features` (arm64) of /proc/cpuinfo, proc_cpuinfo(5); the bits of
AT_HWCAP are those of Linux' arch/arm64/include/uapi/asm/hwcap.h.
"""

import ctypes
import platform
from dataclasses import dataclass
from pathlib import Path

from local_rag.core.errors import CpuUnsupported

CPUINFO = Path("/proc/cpuinfo")
CPUINFO_LIMIT = 1 << 20

# What the build is compiled for: -mavx2 and its kin, and -march=armv8.2-a+dotprod+fp16.
REQUIRED: dict[str, tuple[str, ...]] = {
    "x86_64": ("sse4_2", "avx", "avx2", "fma", "f16c", "bmi2"),
    "aarch64": ("asimd", "asimdhp", "asimddp"),
}
_AT_HWCAP = 16
_ARM64_HWCAP = {"asimd": 1 << 1, "asimdhp": 1 << 10, "asimddp": 1 << 20}
_ALIASES = {"arm64": "aarch64", "amd64": "x86_64"}
_ADVICE = {
    "x86_64": "local-rag's models need a processor with AVX2 (Intel since 2013, AMD since 2015)",
    "aarch64": (
        "local-rag's models need an ARMv8.2 processor with the dot product instructions, such as "
        "the Cortex-A76 of a Raspberry Pi 5; a Raspberry Pi 4 does not have them"
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cpu:
    """A processor: machine name as in uname(2), model if it says, and its features."""

    machine: str
    model: str
    features: frozenset[str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Features that the compiled model code needs and this processor does not have."""
        return tuple(f for f in REQUIRED.get(self.machine, ()) if f not in self.features)


def parse_cpuinfo(text: str, machine: str) -> Cpu:
    """Read the text of /proc/cpuinfo; only features that every core has count."""
    machine = _ALIASES.get(machine, machine)
    key = "Features" if machine == "aarch64" else "flags"
    model = ""
    common: frozenset[str] | None = None
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if not colon:
            continue
        name = name.strip()
        if name == key:
            features = frozenset(value.split())
            common = features if common is None else common & features
        elif name in ("model name", "Model") and not model:
            model = value.strip()[:100]
    return Cpu(machine=machine, model=model, features=common or frozenset())


def read_cpu(cpuinfo: Path = CPUINFO, machine: str | None = None) -> Cpu:
    """Return this machine's processor.

    Under an emulator /proc/cpuinfo can be that of the host, without a `Features` line; then the
    kernel's (or the emulator's) AT_HWCAP decides.
    """
    machine = machine or platform.machine()
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as handle:
            text = handle.read(CPUINFO_LIMIT)
    except OSError:
        text = ""
    cpu = parse_cpuinfo(text, machine)
    if cpu.machine == "aarch64" and not cpu.features:
        return Cpu(machine=cpu.machine, model=cpu.model, features=decode_hwcap(hwcap()))
    return cpu


def decode_hwcap(bits: int) -> frozenset[str]:
    """Return the names of the arm64 features among those we need, from AT_HWCAP."""
    return frozenset(name for name, bit in _ARM64_HWCAP.items() if bits & bit)


def hwcap() -> int:
    """Return the bits in which the kernel names this processor's instructions (getauxval(3))."""
    try:
        getauxval = ctypes.CDLL(None).getauxval
    except (OSError, AttributeError):
        return 0
    getauxval.argtypes = [ctypes.c_ulong]
    getauxval.restype = ctypes.c_ulong
    return int(getauxval(_AT_HWCAP))


def require_cpu(cpu: Cpu | None = None) -> Cpu:
    """Return the processor, or raise CpuUnsupported saying what is missing.

    An architecture we know no requirements of passes: the library was compiled on it or for it.
    """
    cpu = cpu or read_cpu()
    if cpu.missing:
        name = f" ({cpu.model})" if cpu.model else ""
        raise CpuUnsupported(
            f"this {cpu.machine} processor{name} does not have {', '.join(cpu.missing)}, "
            "which the model code was compiled for",
            hint=_ADVICE.get(cpu.machine),
            details={"machine": cpu.machine, "missing": list(cpu.missing)},
        )
    return cpu
