"""A container of Azure's Blob Storage."""

import os
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from debwright.config import values as v
from debwright.host.retry import RetryPolicy
from debwright.host.variables import variable
from debwright.repository.stores.base import Store, StoreTable
from debwright.repository.stores.objects import POLICY, Objects, options

if TYPE_CHECKING:
    from obstore.store import AzureCredential

    from debwright.config import LoadedConfig

RIGHTS = "read, write, delete and list"
Account = Annotated[str, v.matching(r"[a-z0-9]{3,24}", "the name of a storage account")]
Container = Annotated[
    str, v.matching(r"[a-z0-9](?:-?[a-z0-9]){2,62}", "the name of a container, as packages")
]


class Azure(StoreTable, table="repository.azure", optional=True):
    """A container of Azure's Blob Storage, which everybody may read."""

    pulled = 4

    account: Account = Field(description="The storage account.")
    container: Container = Field(description="Its container.")
    prefix: v.Line | None = Field(None, description="What the names of all blobs begin with.")
    endpoint: v.HttpUrl | None = Field(
        None, description="The account's address; default: that of Azure's public cloud."
    )
    key_env: v.SecretVariable = Field(
        "AZURE_STORAGE_KEY", description="Name of the variable that holds the account's key."
    )
    sas_token_env: v.SecretVariable = Field(
        "AZURE_STORAGE_SAS_TOKEN",
        description="Name of the variable that holds a token (SAS), which is used instead of a key "
        "where it is set.",
    )

    def open(self, _: "LoadedConfig | None" = None, /, *, policy: RetryPolicy = POLICY) -> Store:
        from obstore.store import AzureStore

        keys: AzureCredential
        if token := os.environ.get(self.sas_token_env):
            keys = {"sas_token": token.lstrip("?"), "expires_at": None}
        else:
            key = variable(self.key_env, cause="[repository.azure] needs the keys of the place")
            keys = {"access_key": key, "expires_at": None}
        prefix = (self.prefix or "").strip("/")
        server = (self.endpoint or f"https://{self.account}.blob.core.windows.net").rstrip("/")
        opened = AzureStore(
            self.container, prefix=prefix or None, account_name=self.account, endpoint=server,
            credential_provider=lambda: keys, use_emulator=False, use_fabric_endpoint=False,
            skip_signature=False, **options(self.endpoint, policy),
        )  # fmt: skip
        name = f"{server}/{self.container}/" + (f"{prefix}/" if prefix else "")
        return Objects(name, opened, table="repository.azure", rights=RIGHTS)
