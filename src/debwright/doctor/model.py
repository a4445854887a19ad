"""One thing that was looked at: the same as doctor's own."""

from debwright.doctor.machine import Diagnosis as Health

__all__ = ["Health"]
