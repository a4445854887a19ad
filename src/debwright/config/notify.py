"""The tables of who is told of a release, of a failure, or of an alarm."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Problem, Raw, Section

When = Literal["release", "failure", "alert"]
_ALL: list[When] = ["release", "failure", "alert"]


class Email(Section):
    """Mail by SMTP."""

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
    on: list[When] = Field(_ALL, min_length=1, description="What is told of.")

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


class Webhook(Section):
    """A message to a chat, as Slack, Mattermost and others take it."""

    url_env: v.SecretVariable = Field(
        description="Name of the environment variable that holds the URL, which is a secret."
    )
    on: list[When] = Field(_ALL, min_length=1, description="What is told of.")


class Notify(Section):
    """Who is told. A message that cannot be sent fails no release; it is said so."""

    email: Email | None = Field(None, description="Mail by SMTP.")
    webhook: Webhook | None = Field(None, description="A message to a chat.")
