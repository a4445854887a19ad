"""An event as a mail (RFC 5322), by SMTP (RFC 5321)."""

import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Problem, Raw
from debwright.host.variables import variable
from debwright.model.errors import DebwrightError, Evidence
from debwright.observe.notify.base import Event, Notifier

SECONDS = 30.0


class Email(Notifier, table="notify.email", optional=True):
    """Mail by SMTP."""

    how = "by email"

    to: Annotated[list[v.Address], AfterValidator(v.no_repeats)] = Field(
        min_length=1, description="Who gets it."
    )
    sender: v.Address = Field(description="The address it comes from.")
    host: v.HostName = Field(description="The SMTP server.")
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="starttls and tls check the server's certificate; none is for this machine's "
        "own server, and sends no password.",
    )
    user: v.Line | None = Field(None, description="User name there, where it wants one.")
    password_env: v.SecretVariable | None = Field(
        None, description="Name of the environment variable that holds the password."
    )

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        if "password_env" in raw and "user" not in raw:
            yield Problem(
                path=("password_env",),
                what="notify.email.password_env has no effect without notify.email.user",
                expected="the user name that belongs to the password",
                fix='add `user = "..."` to [notify.email]',
            )
        if "password_env" in raw and raw.get("security") == "none":
            yield Problem(
                path=("security",),
                what='security = "none" would send the password for everybody to read',
                expected="starttls or tls where there is a password",
                fix='write `security = "starttls"`',
            )

    def send(self, event: Event) -> None:
        """Send it to all recipients."""
        send_email(self, event)


def send_email(config: Email, event: Event) -> None:
    """Send it to all recipients. Raises MissingError without the password, DebwrightError else."""
    message = mail(config, event)
    password = _password(config)
    try:
        with _connect(config) as server:
            if config.user is not None and password is not None:
                server.login(config.user, password)
            refused = server.send_message(message)
    except UnicodeError:
        # What smtplib says of it would show the password.
        raise DebwrightError(
            f"the mail could not be sent by {config.host}:{config.port}",
            cause="SMTP takes ASCII characters alone, and the host must have a proper name",
            fix=f"check the host and the user, and {config.password_env}",
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        raise DebwrightError(
            f"the mail could not be sent by {config.host}:{config.port}",
            evidence=[Evidence(text=_said(error))],
            fix="check [notify.email]: host, port, security and user",
        ) from error
    if refused:
        raise DebwrightError(
            f"{config.host} refused some recipients",
            evidence=[Evidence(text=name) for name in sorted(refused)],
        )


def mail(config: Email, event: Event) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = event.title
    message["From"] = config.sender
    message["To"] = ", ".join(config.to)
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(domain=config.sender.rpartition("@")[2])
    # So that no out-of-office reply comes back (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(event.text + (f"\n\n{event.url}\n" if event.url else "\n"))
    return message


def _connect(config: Email) -> smtplib.SMTP:
    if config.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(config.host, config.port, timeout=SECONDS, context=context)
    server = smtplib.SMTP(config.host, config.port, timeout=SECONDS)
    if config.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _password(config: Email) -> str | None:
    if config.password_env is None:
        return None
    return variable(config.password_env, may_be_empty=True)


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "it does not take the user and the password"  # its answer may repeat them
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return f"{error.smtp_code} {text}"[:300]
    return str(error)[:300] or type(error).__name__
