"""The command line: greeter serve|check-config."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from greeter import __version__, config, notify
from greeter.server import Server
from greeter.state import Memory, StateError

log = logging.getLogger("greeter")


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 cannot run, 2 wrong arguments or settings."""
    parser = argparse.ArgumentParser(prog="greeter", description="HTTP service that greets people.")
    parser.add_argument("--version", action="version", version=f"greeter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("serve", "run the service"), ("check-config", "read the settings only")):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", type=Path, default=config.DEFAULT_PATH, metavar="FILE")
        if name == "serve":
            command.add_argument("--state", type=Path, metavar="FILE", help="keep the count here")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        settings = config.load(options.config)
        if options.command == "check-config":
            print(f"{options.config}: good")
            return 0
        serve(settings, options.config, Memory(options.state))
    except config.ConfigError as error:
        print(f"greeter: {error}", file=sys.stderr)
        return 2
    except (StateError, OSError) as error:
        print(f"greeter: {error}", file=sys.stderr)
        return 1
    return 0


def serve(settings: config.Config, path: Path, memory: Memory) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the settings again."""
    server = Server(settings, memory)
    wake = threading.Event()
    asked: set[signal.Signals] = set()

    def on_signal(number: int, _frame: object) -> None:
        asked.add(signal.Signals(number))
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    thread = threading.Thread(target=server.serve_forever, name="http")
    thread.start()
    host, port = server.server_address[:2]
    log.info("greeter %s listens on http://%s:%s", __version__, host, port)
    notify.notify("READY=1", f"STATUS=listening on {host}:{port}")
    try:
        while not asked & {signal.SIGTERM, signal.SIGINT}:
            wake.wait(server.config.state.flush_seconds)
            wake.clear()
            if signal.SIGHUP in asked:
                asked.discard(signal.SIGHUP)
                reload(server, path)
            flush(memory)
    finally:
        notify.notify("STOPPING=1")
        server.shutdown()
        thread.join()
        server.server_close()
        memory.flush()


def reload(server: Server, path: Path) -> None:
    notify.reloading()
    try:
        server.config = config.load(path)
        log.info("settings read again from %s", path)
    except config.ConfigError as error:
        log.error("settings kept as they were: %s", error)
    notify.notify("READY=1")


def flush(memory: Memory) -> None:
    try:
        memory.flush()
    except OSError as error:  # a full disk must not stop the greetings
        log.error("the count could not be written: %s", error)
