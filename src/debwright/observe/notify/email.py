"""An event as a mail (RFC 5322), by SMTP (RFC 5321)."""

import os
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from debwright.config.notify import Email
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.observe.notify.event import Event

SECONDS = 30.0


def send_email(config: Email | None, event: Event) -> None:
    """Send it to all recipients. Raises MissingError without the password, DebwrightError else."""
    assert config is not None
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
    value = os.environ.get(config.password_env)
    if value is None:
        raise MissingError(f"the environment variable {config.password_env} is not set")
    return value


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "it does not take the user and the password"  # its answer may repeat them
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return f"{error.smtp_code} {text}"[:300]
    return str(error)[:300] or type(error).__name__
