"""Runs the service under uvicorn: one process, one socket, a clean end."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from local_rag.api.connections import Connections
from local_rag.api.front import Front
from local_rag.config.settings import Settings
from local_rag.core.errors import ConfigError, RagError
from local_rag.run.service import Service

log = logging.getLogger(__name__)

# Long enough for a stream to notice; systemd's own patience is 90 s.
_GRACE_S = 10
_BACKLOG = 128


def bind(settings: Settings) -> socket.socket:
    """Return the listening socket, so that a taken port is known before anything is loaded.

    Raises RagError that says who could be in the way and what to do.
    """
    host, port = settings.server.host.strip("[]"), settings.server.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError(
            f"server.host {host} is no address of this machine: {error.strerror}",
            hint="127.0.0.1 is the usual one",
        ) from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_bind(error, host, port) from error
    return listener


def _cannot_bind(error: OSError, host: str, port: int) -> RagError:
    if error.errno == errno.EADDRINUSE:
        return RagError(
            f"something listens on {host} port {port} already",
            hint=f"ss -ltnp 'sport = :{port}' says what; or choose another: "
            "local-rag serve --port 8081",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return RagError(
            f"this user may not listen on port {port}", hint="ports from 1024 up are open to all"
        )
    return ConfigError(
        f"cannot listen on {host} port {port}: {error.strerror}",
        hint="is server.host an address of this machine? ip -brief address",
    )


def notify(state: str) -> None:
    """Report our state to systemd, if it asked for it (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.connect(target)
            channel.sendall(state.encode())
    except OSError as error:
        log.warning("%s could not be reported to systemd: %s", state, error)


class _Server(uvicorn.Server):
    """Begins and ends the service, and says so to systemd and in the log."""

    def __init__(self, config: uvicorn.Config, service: Service, front: Front) -> None:
        super().__init__(config)
        self._service = service
        self._front = front
        self._loading: asyncio.Task[None] | None = None
        self.failure: Exception | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and only then load the interface and open the index."""
        await super().startup(sockets)
        if self.started and sockets:
            address = sockets[0].getsockname()
            host = f"[{address[0]}]" if ":" in address[0] else address[0]
            log.info("listening", extra={"url": f"http://{host}:{address[1]}"})
            self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        try:
            whole = await asyncio.to_thread(_interface, self._service)
        except Exception as error:  # noqa: BLE001 - a module that is missing or broken
            self.failure = error
            self.should_exit = True
            return
        # What is imported by now stays for good; see cli/serve.py.
        gc.freeze()
        gc.enable()
        self._front.become(whole)
        # One after the other: both import modules, and neither gains from the other's company.
        self._service.start()
        notify("READY=1")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, end what runs, close the index."""
        notify("STOPPING=1")
        if self._loading is not None:
            await self._loading
        await super().shutdown(sockets)
        await asyncio.to_thread(self._service.stop)


def _interface(service: Service) -> ASGIApp:
    from local_rag.api.app import create_app

    return create_app(service, manage=False)


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until a signal ends it. Raises RagError when the data directory is unusable."""
    prepare_directory(settings.storage.data_dir)
    service = Service(settings)
    service.prepare()
    front = Front(service)
    config = uvicorn.Config(
        front,
        http=Connections().protocol,  # type: ignore[arg-type] # a function that makes one
        log_config=None,
        access_log=settings.logging.level == "debug",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        ws="none",
        lifespan="off",
    )
    # uvicorn raises the signal again when it has ended, which would make a clean end look like a
    # death by signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ended)
    server = _Server(config, service, front)
    server.run(sockets=[listener])
    if server.failure is not None:
        raise RagError(
            f"the service cannot be loaded: {server.failure}", hint="install local-rag again"
        ) from server.failure


def _ended(number: int, _: object) -> None:
    log.info("ended by a signal", extra={"signal": signal.Signals(number).name})


def prepare_directory(path: Path) -> None:
    """Make the data directory if need be and try it. Raises ConfigError."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o750)
        usable = os.access(path, os.W_OK | os.X_OK)
        reason = "this user may not write there"
    except OSError as error:
        usable, reason = False, error.strerror or str(error)
    if not usable:
        raise ConfigError(
            f"storage.data_dir {path} cannot be used: {reason}",
            hint="choose another: LOCAL_RAG__STORAGE__DATA_DIR=~/.local/share/local-rag "
            "local-rag serve",
        )
