"""What a verification found."""

from dataclasses import dataclass, field
from pathlib import Path

from debwright.keys.gnupg.signatures import (
    ALTERED,
    EXPIRED,
    UNKNOWN,
    Verdict,
    check,
    is_whole_message,
)
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import Evidence, Finding, Severity

_FIXES = {
    UNKNOWN: "get the key another way, compare its fingerprint, and name it with --key",
    EXPIRED: "get the current keyring package or key: its expiry may have been extended",
    ALTERED: "fetch it again; if it stays so, do not use it, and tell whoever publishes it",
}


def fix_of(why: str) -> str | None:
    """What to do about a verdict."""
    return next((fix for cause, fix in _FIXES.items() if why.startswith(cause)), None)


CODES = Codes(
    {
        "verify/signature": Code(ERROR, "A signature is not accepted."),
        "verify/unsigned": Code(ERROR, "There is no signature."),
        "verify/missing": Code(ERROR, "A file or a suite is missing."),
        "verify/altered": Code(ERROR, "A file is not the one that is named."),
        "verify/escape": Code(ERROR, "A name leads out of the directory."),
        "verify/empty": Code(ERROR, "The list names no file."),
        "verify/certificate": Code(WARNING, "Nothing says what was seen of a package."),
        "verify/unnamed": Code(WARNING, "Nothing vouches for a file."),
        "verify/key": Code(WARNING, "The key was not obtained another way."),
    }
)


@dataclass
class Verification:
    """What was looked at, what was found good, and what was not."""

    subject: str
    good: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether something was good and nothing was an error."""
        return bool(self.good) and not any(f.severity is Severity.ERROR for f in self.findings)

    def add(self, code: str, message: str, *evidence: str, fix: str | None = None) -> None:
        lines = tuple(Evidence(text=text) for text in evidence)
        self.findings.append(CODES.found(code, message, evidence=lines, fix=fix))

    def signature(self, keyring: Path, file: Path, signature: Path | None, name: str) -> bool:
        """Check a signature with every tool there is; whether all take it."""
        verdicts = check(keyring, file, signature)
        problems = [
            (f"{v.tool} does not accept the signature: {v.why}", v.said, v.why)
            for v in verdicts
            if not v.good
        ]
        if not problems and signature is None and not is_whole_message(file.read_bytes()):
            problems.append(("it has text that its signature does not cover", (), ALTERED))
        for what, said, why in problems:
            self.add("verify/signature", f"{name}: {what}", *said, fix=fix_of(why))
        if not problems:
            self.good.append(f"{name}: {_accepted(verdicts)}")
        return not problems


def _accepted(verdicts: list[Verdict]) -> str:
    signers = next((v.signers for v in verdicts if v.signers), ())
    tools = " and ".join(v.tool for v in verdicts)
    return f"signature accepted by {tools}" + (f", key {' and '.join(signers)}" if signers else "")
