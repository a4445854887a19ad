"""S3 and what speaks its language: MinIO, Ceph, R2, Garage and others."""

import os
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from debwright.config import values as v
from debwright.host.retry import RetryPolicy
from debwright.host.variables import variable
from debwright.repository.stores.base import Store, StoreTable
from debwright.repository.stores.objects import POLICY, Objects, options

if TYPE_CHECKING:
    from obstore.store import S3Credential

    from debwright.config import LoadedConfig

RIGHTS = "s3:ListBucket, GetObject, PutObject, DeleteObject, AbortMultipartUpload"
Bucket = Annotated[str, v.matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket")]
Region = Annotated[str, v.matching(r"[a-z0-9-]{1,40}", "a region, as eu-central-1")]


class S3(StoreTable, table="repository.s3", optional=True):
    """A bucket of S3, or of anything that speaks its language."""

    pulled = 3

    bucket: Bucket = Field(description="Its name.")
    prefix: v.Line | None = Field(None, description="What the names of all objects begin with.")
    region: Region = Field("us-east-1", description="Its region.")
    endpoint: v.HttpUrl | None = Field(None, description="The server; default: Amazon's.")
    access_key_env: v.SecretVariable = Field(
        "AWS_ACCESS_KEY_ID", description="Name of the variable that holds the access key."
    )
    secret_key_env: v.SecretVariable = Field(
        "AWS_SECRET_ACCESS_KEY", description="Name of the variable that holds the secret key."
    )
    session_token_env: v.SecretVariable = Field(
        "AWS_SESSION_TOKEN",
        description="Name of the variable that holds the session's token, where there is one.",
    )

    def open(self, _: "LoadedConfig | None" = None, /, *, policy: RetryPolicy = POLICY) -> Store:
        from obstore.store import S3Store

        cause, table = "[repository.s3] needs the keys of the place", "repository.s3"
        keys: S3Credential = {
            "access_key_id": variable(self.access_key_env, cause=cause),
            "secret_access_key": variable(self.secret_key_env, cause=cause),
            "token": os.environ.get(self.session_token_env) or None,
            "expires_at": None,
        }
        prefix = (self.prefix or "").strip("/")
        server = (self.endpoint or f"https://s3.{self.region}.amazonaws.com").rstrip("/")
        opened = S3Store(
            self.bucket, prefix=prefix or None, region=self.region,
            credential_provider=lambda: keys,
            # Both, since variables of the environment would count otherwise.
            endpoint=server, aws_endpoint_url_s3=server, virtual_hosted_style_request=False,
            skip_signature=False, **options(self.endpoint, policy),
        )  # fmt: skip
        name = f"s3://{self.bucket}/{prefix}/" if prefix else f"s3://{self.bucket}/"
        return Objects(name, opened, table=table, rights=RIGHTS)
