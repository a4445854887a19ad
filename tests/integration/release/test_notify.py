"""Mail and chat messages, taken in by a real SMTP server and a real HTTP server."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from werkzeug import Request, Response
from werkzeug.serving import make_server

from debwright.config import load
from debwright.model.errors import ConfigError, DebwrightError
from debwright.observe.notify.base import Event, tell_everyone
from debwright.observe.notify.email import Email, mail, send_email
from debwright.observe.notify.webhook import Webhook, payload, send_webhook

RELEASED = Event.released("greeter", "1.2.0-1", "https://example.org/r", draft=True)
PASSWORD = "the-password-of-the-mail-server"


@dataclass
class Inbox:
    """What an SMTP server was given."""

    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refuse: str | None = None

    # The names and arguments are aiosmtpd's.
    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.refuse is not None:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append((list(envelope.rcpt_tos), parsed))
        return "250 OK"


def free_port() -> int:
    """aiosmtpd connects to the port it was told, so that it cannot be 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp(inbox: Inbox) -> Iterator[int]:
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture
def tls_smtp(inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that wants STARTTLS and a password; its certificate is trusted here."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-days", "2", "-subj", "/CN=localhost"]
    argv += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key)]
    subprocess.run([*argv, "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def authenticate(server: Any, session: Any, envelope: Any, kind: str, data: Any) -> AuthResult:
        good = (data.login, data.password) == (b"greeter", PASSWORD.encode())
        return AuthResult(success=good, handled=False)

    controller = Controller(
        inbox, hostname="localhost", port=free_port(), tls_context=context, require_starttls=True,
        authenticator=authenticate, auth_required=True,
    )  # fmt: skip
    controller.start()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    yield controller.port
    controller.stop()


def email(port: int, **changes: Any) -> Email:
    values: dict[str, Any] = {
        "to": ["a@example.org", "b@example.org"], "sender": "debwright@example.org",
        "host": "localhost", "port": port, "security": "none",
    }  # fmt: skip
    return Email(**(values | changes))


def test_a_release_is_mailed_to_all(smtp: int, inbox: Inbox) -> None:
    send_email(email(smtp, host="127.0.0.1"), RELEASED)
    ((recipients, message),) = inbox.mails
    assert recipients == ["a@example.org", "b@example.org"]
    assert message["Subject"] == "greeter 1.2.0-1 waits as a draft for somebody to publish it"
    assert "https://example.org/r" in message.get_content()
    assert message["Auto-Submitted"] == "auto-generated"


def test_with_a_password_over_tls(
    tls_smtp: int, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = email(tls_smtp, security="starttls", user="greeter", password_env="MAIL")
    with pytest.raises(DebwrightError, match="MAIL is not set"):
        send_email(wanted, RELEASED)
    monkeypatch.setenv("MAIL", "wrong-" + PASSWORD)
    with pytest.raises(DebwrightError) as caught:
        send_email(wanted, RELEASED)
    assert PASSWORD not in caught.value.render()
    assert "does not take the user" in caught.value.render()
    monkeypatch.setenv("MAIL", PASSWORD)
    send_email(wanted, RELEASED)
    assert len(inbox.mails) == 1
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DebwrightError) as caught:
        send_email(wanted, RELEASED)
    assert "certificate" in caught.value.render().lower()
    assert len(inbox.mails) == 1


def test_what_smtp_cannot_send_shows_no_password(
    tls_smtp: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL", PASSWORD + "-äöü")
    wanted = email(tls_smtp, security="starttls", user="greeter", password_env="MAIL")
    with pytest.raises(DebwrightError) as caught:
        send_email(wanted, RELEASED)
    assert PASSWORD not in caught.value.render()
    assert "ASCII" in caught.value.render()


@pytest.mark.parametrize("url", ["http://[::1", "http://a b/"])
def test_an_address_that_is_none_is_said(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", url)
    with pytest.raises(DebwrightError) as caught:
        send_webhook(Webhook(url_env="HOOK"), RELEASED)
    assert "holds no http(s) URL" in caught.value.render()
    assert url not in caught.value.render()


def test_no_text_becomes_a_header(smtp: int, inbox: Inbox) -> None:
    event = Event.failed(
        "greeter\r\nBcc: all@example.org", "1\n\n.\r\nQUIT", "x\r\n.\r\nMAIL \x1b[31m"
    )
    assert "\n" not in event.title
    send_email(email(smtp, host="127.0.0.1"), event)
    ((recipients, message),) = inbox.mails
    assert recipients == ["a@example.org", "b@example.org"]
    assert message["Bcc"] is None
    assert "\x1b" not in message.get_content()


def test_refusals_are_said(smtp: int, inbox: Inbox) -> None:
    inbox.refuse = "550 no such user"
    with pytest.raises(DebwrightError) as caught:
        send_email(email(smtp, host="127.0.0.1"), RELEASED)
    assert "could not be sent" in caught.value.render()
    with pytest.raises(DebwrightError):
        send_email(email(1, host="127.0.0.1"), RELEASED)


@dataclass
class Chat:
    """What a webhook was given; `answers` are its next statuses."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    url: str = ""

    def application(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.messages.append(json.loads(request.get_data()))
        return Response("ok", status=status)(environ, start)


@pytest.fixture
def chat() -> Iterator[Chat]:
    there = Chat()
    server = make_server("127.0.0.1", 0, there.application, threaded=True)
    there.url = f"http://127.0.0.1:{server.server_port}/services/T0/B0/SECRET"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield there
    server.shutdown()
    server.server_close()


def configured(tmp_path: Path, text: str) -> Any:
    (tmp_path / "debwright.toml").write_text(text)
    return load(tmp_path)


def test_both_are_told_of_what_they_asked_for(
    tmp_path: Path, smtp: int, inbox: Inbox, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = configured(
        tmp_path,
        '[notify.webhook]\nurl_env = "HOOK"\n[notify.email]\nto = ["a@example.org"]\n'
        f'sender = "d@example.org"\nhost = "127.0.0.1"\nport = {smtp}\nsecurity = "none"\n'
        'on = ["failure"]\n',
    )
    said: list[str] = []
    tell_everyone(loaded, RELEASED, said.append)
    assert said == ["nobody was told to the webhook: the environment variable HOOK is not set"]
    monkeypatch.setenv("HOOK", chat.url)
    chat.answers = [503, 200]
    tell_everyone(loaded, RELEASED, said.append)
    failed = Event.failed("greeter", "1.2.0-1", "dh_missing: no <script> & `code` <!channel>")
    tell_everyone(loaded, failed, said.append)
    assert len(said) == 1
    assert [m["Subject"] for _, m in inbox.mails] == ["greeter 1.2.0-1 could not be released"]
    texts = [m["text"] for m in chat.messages]
    assert "<https://example.org/r>" in texts[0]
    assert "<!channel>" not in texts[1]
    assert texts[1].count("`") == 6, "the code block cannot be left from within"
    chat.answers = [404]
    tell_everyone(loaded, failed, said.append)
    assert "HTTP status 404" in said[-1]
    assert "SECRET" not in said[-1]
    monkeypatch.setenv("HOOK", "file:///etc/passwd")
    tell_everyone(loaded, failed, said.append)
    assert "no http(s) URL" in said[-1]
    assert "passwd" not in said[-1]
    monkeypatch.setenv("HOOK", "https://hooks.example.org:port/SECRET")
    tell_everyone(loaded, failed, said.append)
    assert "no http(s) URL" in said[-1]
    assert "SECRET" not in said[-1]


def test_a_host_that_cannot_be_one_fails_no_release(tmp_path: Path) -> None:
    loaded = configured(
        tmp_path,
        '[notify.email]\nto = ["a@example.org"]\nsender = "d@example.org"\n'
        'host = "mail..example.org"\n',
    )
    said: list[str] = []
    tell_everyone(loaded, RELEASED, said.append)
    assert said[0].startswith("nobody was told by email")


def test_passwords_in_the_clear_are_refused(tmp_path: Path) -> None:
    text = (
        '[notify.email]\nto = ["a@example.org"]\nsender = "d@example.org"\nhost = "h"\n'
        'user = "u"\npassword_env = "P"\nsecurity = "none"\n'
    )
    with pytest.raises(ConfigError, match="password"):
        configured(tmp_path, text)
    for wrong in ("a b@example.org", "A <a@example.org>", "a@x\\nBcc: y"):
        with pytest.raises(ConfigError):
            configured(tmp_path, text.replace("a@example.org", wrong))


def test_what_is_sent_is_well_formed() -> None:
    config = email(25)
    assert mail(config, RELEASED).as_bytes().count(b"Message-ID") == 1
    assert payload(RELEASED)["mrkdwn"] is True
