"""The models on this machine: which there are, which are used, and whether they are whole.

A model is a file NAME.gguf in one of the model directories. Its checksum stands next to it in
NAME.gguf.sha256, or in a SHA256SUMS file of the directory, both as sha256sum(1) writes them.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

from local_rag.core.errors import Conflict, Forbidden, InvalidInput, ModelError, NotFound
from local_rag.core.files import compute_sha256, sha256_of, write_atomically
from local_rag.models.gguf import QUANT_TYPES, GgufFile, read_gguf
from local_rag.models.probe import EXAM_TIMEOUT_S, probe
from local_rag.models.sizing import ModelKind, check_shape, kind_of

if TYPE_CHECKING:
    import httpx

    from local_rag.models.download import Progress

SYSTEM_PREFIX = Path("/usr")
SELECTION = "selected.json"
TRIED = "tried.json"
EXAMINED = "examined.json"
# What a new index is made with when several are installed: one for all languages before another.
PREFERRED = ("multilingual-e5-small",)
SUMS = "SHA256SUMS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,119}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUM_LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(\S.*)")
_MAX_NOTE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInfo:
    """A model file; size in bytes. With a `problem` it cannot be used, and `kind` is unknown."""

    name: str
    path: Path
    size: int
    kind: ModelKind | None
    packaged: bool
    active: bool = False
    architecture: str = ""
    quantisation: str = ""
    context_tokens: int = 0
    sha256: str | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """Outcome of a check; `expected` is None when no checksum was ever recorded."""

    name: str
    ok: bool
    message: str
    sha256: str
    expected: str | None


class ModelRegistry:
    """Finds models in directories, the first directory having the last word on a name.

    `writable` takes downloads and the choice of models; by default it is the last directory that
    does not belong to the system.
    """

    def __init__(self, dirs: Sequence[Path], *, writable: Path | None = None) -> None:
        self._dirs = tuple(dict.fromkeys(dirs))
        own = [d for d in self._dirs if not d.is_relative_to(SYSTEM_PREFIX)]
        self._writable = writable or (own[-1] if own else None)
        self._known: dict[tuple[Path, int, int], ModelInfo] = {}

    def list(self) -> list[ModelInfo]:
        """Return all models, broken ones too; each says if it is the one chosen with `use`."""
        chosen = self._selection()
        found: dict[str, ModelInfo] = {}
        for path in self._files():
            if path.stem not in found:
                found[path.stem] = self._info(path)
        return [
            replace(info, active=info.kind is not None and chosen.get(info.kind) == name)
            for name, info in found.items()
        ]

    def get(self, name: str) -> ModelInfo:
        """Return a model by name, with or without .gguf. Raises NotFound."""
        wanted = name.removesuffix(".gguf")
        for info in self.list():
            if info.name == wanted:
                return info
        names = ", ".join(info.name for info in self.list()) or "none"
        raise NotFound(
            f"there is no model {name!r}; installed: {names}",
            hint="fetch one: local-rag models pull URL --sha256 SUM",
        )

    def resolve(
        self, kind: ModelKind, configured: str | None = None, *, usual: str | None = None
    ) -> ModelInfo | None:
        """Return the model to use: the configured one, the one chosen, or one that is installed.

        Of these the one named `usual`, then one of PREFERRED, then the first.
        `configured` is a name or an absolute path. Raises NotFound when it is not there; returns
        None when nothing is installed.
        """
        if configured is not None:
            return self._configured(configured)
        chosen = self._selection().get(kind)
        models = self.list()
        candidates = [info for info in models if info.kind == kind]
        for info in models:
            # One that was chosen and broke since is reported, not passed over in silence.
            if info.name == chosen and (info.kind == kind or info.problem is not None):
                return info
        order = [usual, *PREFERRED]
        ranked = sorted(candidates, key=lambda info: _rank(info.name, order))
        return ranked[0] if ranked else None

    def _configured(self, configured: str) -> ModelInfo:
        path = Path(configured)
        if not path.is_absolute():
            return self.get(configured)
        if not path.is_file():
            raise NotFound(
                f"the configured model {path} does not exist",
                hint="see which models there are: local-rag models list",
            )
        return self._info(path)

    def use(self, kind: ModelKind, name: str) -> ModelInfo:
        """Choose a model, after trying it in a process of its own.

        Raises NotFound, or ModelError when it is of the other kind or does not run here.
        """
        if kind not in get_args(ModelKind):
            raise InvalidInput(f"a model is used for embedding or as llm, not {kind!r}")
        info = self.get(name)
        if info.problem is not None:
            raise ModelError(f"{info.name} cannot be used: {info.problem}")
        if info.kind != kind:
            raise ModelError(
                f"{info.name} is made for {info.kind}, not for {kind}",
                hint=f"local-rag models use {info.kind} {info.name}",
            )
        probe(info.path, kind)
        self._write(TRIED, {**self._read(TRIED), info.name: _stamp(info)})
        self._write(SELECTION, {**self._selection(), kind: info.name})
        return replace(info, active=True)

    def ensure_tried(self, info: ModelInfo) -> None:
        """Try a model in a process of its own, unless it came with a package or was tried before.

        To be called before a load: what makes llama.cpp crash must not take the service along.
        Raises ModelError.
        """
        if info.problem is not None or info.kind is None:
            raise ModelError(f"{info.name} cannot be used: {info.problem}")
        tried = self._read(TRIED)
        if info.packaged or tried.get(info.name) == _stamp(info):
            return
        probe(info.path, info.kind)
        if self._writable is not None:
            # A note that cannot be kept costs another trial, not the model.
            with suppress(OSError):
                self._write(TRIED, {**tried, info.name: _stamp(info)})

    def verify(self, name: str, *, run: bool = True) -> Verified:
        """Check a model's checksum and header, and with `run` whether it loads and works.

        Raises NotFound; everything else is in the outcome.
        """
        info = self.get(name)
        actual, expected = compute_sha256(info.path), info.sha256
        if expected is not None and actual != expected:
            message, ok = f"the file's checksum is {actual}, it should be {expected}", False
        elif info.problem is not None or info.kind is None:
            message, ok = info.problem or "it is of no known kind", False
        else:
            message, ok = self._try(info) if run else ("its header is whole", True)
            recorded = "its checksum is right" if expected else "no checksum is recorded for it"
            message = f"{recorded}; {message}"
        return Verified(name=info.name, ok=ok, message=message, sha256=actual, expected=expected)

    def _try(self, info: ModelInfo) -> tuple[str, bool]:
        kind = info.kind or "embedding"
        exam = kind == "llm"
        try:
            more: dict[str, Any] = {"exam": True, "timeout_s": EXAM_TIMEOUT_S} if exam else {}
            said = probe(info.path, kind, **more)
        except ModelError as error:
            return error.message, False
        message = f"it loads and works ({said['seconds']} s)"
        if not exam:
            return message, True
        self.note_exam(info, passed=said["passed"], summary=said["summary"])
        worth = "it may write answers" if said["passed"] else "only passages are quoted with it"
        return f"{message}; {said['summary']}: {worth}", True

    def note_exam(self, info: ModelInfo, *, passed: bool, summary: str) -> None:
        """Remember how a language model did in its test, as long as its file stays the same."""
        note = json.dumps([passed, summary])
        self._write(EXAMINED, {**self._read(EXAMINED), _stamp(info): note})

    def distrust(self, info: ModelInfo) -> str | None:
        """Return why a language model is not to write answers, or None when it passed its test."""
        noted = self._read(EXAMINED).get(_stamp(info))
        how = f"local-rag models verify {info.name}"
        if noted is None:
            return f"{info.name} has not been tested, so passages are only quoted; test it: {how}"
        passed, summary = json.loads(noted)
        if passed:
            return None
        return f"{info.name} is too weak to write answers: {summary}"

    def pull(
        self,
        url: str,
        sha256: str,
        *,
        name: str | None = None,
        progress: "Progress | None" = None,
        stop: Event | None = None,
        client: "httpx.Client | None" = None,
        allow_private: bool = False,
    ) -> ModelInfo:
        """Fetch a model into our own directory; it is not used before `use`.

        A model that is there with this checksum is not fetched again. Raises InvalidInput for a
        bad name or checksum, Conflict when another file has the name, ModelError when what comes
        is not a usable model.
        """
        # An HTTP client takes long to import, and hardly any start of the service needs it.
        from local_rag.models.download import check_url, download

        url, sha256 = check_url(url), sha256.lower()
        if not _SHA256.fullmatch(sha256):
            raise InvalidInput("a SHA-256 checksum has 64 hexadecimal digits")
        target = self._own_directory() / f"{self._new_name(url, name)}.gguf"
        if target.exists():
            if sha256_of(target) != sha256:
                raise Conflict(
                    f"{target.name} is there already, with another checksum",
                    hint="give the new one another name: local-rag models pull --name NAME",
                )
            # It may have been killed between the file and its note.
            _record_sum(target, sha256)
            return self._info(target)
        download(
            url, target, sha256, client=client, progress=progress, stop=stop,
            allow_private=allow_private,
        )  # fmt: skip
        try:
            kind_of(read_gguf(target))
        except ModelError:
            target.unlink(missing_ok=True)
            raise
        _record_sum(target, sha256)
        return self._info(target)

    def _new_name(self, url: str, name: str | None) -> str:
        given = name or urlsplit(url).path.rpartition("/")[2]
        stem = given.removesuffix(".gguf")
        if not _NAME.fullmatch(stem):
            raise InvalidInput(
                f"{stem[:120]!r} cannot be a model's name",
                hint="give one of letters, digits, dots, dashes: --name NAME",
            )
        return stem

    def _own_directory(self) -> Path:
        if self._writable is None:
            raise Forbidden("no models directory may be written to", hint="set storage.data_dir")
        return self._writable

    def _files(self) -> Iterator[Path]:
        for directory in self._dirs:
            try:
                entries = sorted(directory.glob("*.gguf"))
            except OSError:
                continue
            yield from (p for p in entries if _NAME.fullmatch(p.stem) and p.is_file())

    def _info(self, path: Path) -> ModelInfo:
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns)
        if key not in self._known:
            self._known[key] = self._read_info(path)
        return replace(self._known[key], sha256=_recorded_sum(path))

    def _read_info(self, path: Path) -> ModelInfo:
        plain = ModelInfo(
            name=path.stem,
            path=path,
            size=path.stat().st_size,
            kind=None,
            packaged=path.is_relative_to(SYSTEM_PREFIX),
        )
        try:
            header = read_gguf(path)
            check_shape(header)
            kind = kind_of(header)
        except ModelError as error:
            return replace(plain, problem=error.message)
        return replace(
            plain,
            kind=kind,
            architecture=header.architecture,
            quantisation=_main_quantisation(header),
            context_tokens=header.hyper("context_length"),
        )

    def _selection(self) -> dict[str, str]:
        return self._read(SELECTION)

    def _read(self, name: str) -> dict[str, str]:
        if self._writable is None:
            return {}
        try:
            stored = json.loads((self._writable / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(stored, dict):
            return {}
        return {key: value for key, value in stored.items() if isinstance(value, str)}

    def _write(self, name: str, values: dict[str, str]) -> None:
        directory = self._own_directory()
        directory.mkdir(parents=True, exist_ok=True)
        write_atomically(directory / name, json.dumps(values, indent=2) + "\n")


def _rank(name: str, order: Sequence[str | None]) -> int:
    return order.index(name) if name in order else len(order)


def _stamp(info: ModelInfo) -> str:
    stat = info.path.stat()
    return f"{info.path}:{stat.st_size}:{stat.st_mtime_ns}"


def _record_sum(path: Path, sha256: str) -> None:
    write_atomically(path.with_name(f"{path.name}.sha256"), f"{sha256}  {path.name}\n")


def _recorded_sum(path: Path) -> str | None:
    for note in (path.with_name(f"{path.name}.sha256"), path.with_name(SUMS)):
        try:
            if note.stat().st_size > _MAX_NOTE_BYTES:
                continue
            text = note.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            match = _SUM_LINE.fullmatch(line.strip())
            if match and match.group(2).removeprefix("./") == path.name:
                return match.group(1).lower()
    return None


def _main_quantisation(header: GgufFile) -> str:
    """Return the storage type most of the file's bytes are in."""
    sizes: dict[int, int] = {}
    for tensor in header.tensors:
        sizes[tensor.type_number] = sizes.get(tensor.type_number, 0) + tensor.nbytes
    return QUANT_TYPES[max(sizes, key=sizes.__getitem__)].name
