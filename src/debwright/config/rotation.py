"""The table of a change from one signing key to another."""

from datetime import date

from pydantic import Field

from debwright.config import values as v
from debwright.config.section import Section


class Rotation(Section):
    """Both keys sign until a day; from then on the new one signs alone."""

    new_key: v.Fingerprint = Field(description="Fingerprint of the key that takes over.")
    drop: v.Day = Field(description="First day on which the old key signs no more, as 2027-06-01.")
    passphrase_env: v.SecretVariable | None = Field(
        None,
        description="Name of the environment variable that holds the new key's passphrase; "
        "default: signing.passphrase_env.",
    )

    def over(self, today: date) -> bool:
        """Whether the old key has been dropped."""
        return today >= self.drop
