"""The pages on installing a service from a repository of debwright, one for each platform."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

ADDRESS = "https://packages.example.org/apt"
RUN = "<!-- run in: reader -->"
RUN_OFFLINE = "<!-- run in: reader without a network -->"
"""Places of tests/integration/docs/test_install.py."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A system people have."""

    file: str
    name: str
    suite: str
    arch: str
    note: str
    tested: str
    not_run: str = ""
    """Why the commands of its page are not run by the tests; empty when they are."""


PLATFORMS = (
    Platform(
        file="raspberry-pi-5", name="Raspberry Pi 5", suite="bookworm", arch="arm64",
        note="Raspberry Pi OS (64-bit) of 2023 and later, or Debian 12. A 32-bit system will not "
        "do: `dpkg --print-architecture` must say `arm64`.",
        tested="on Debian 12 arm64, emulated; not on a Raspberry Pi itself",
        not_run="no Raspberry Pi is at hand; debian-12.md has the same, and is run",
    ),
    Platform(
        file="debian-12", name="Debian 12", suite="bookworm", arch="amd64 or arm64",
        note="", tested="on both architectures, arm64 emulated",
    ),
    Platform(
        file="debian-13", name="Debian 13", suite="trixie", arch="amd64 or arm64",
        note="apt verifies with sqv here, which refuses old digests; keys made by debwright pass.",
        tested="on both architectures, arm64 emulated",
    ),
    Platform(
        file="ubuntu-22.04", name="Ubuntu 22.04", suite="jammy", arch="amd64 or arm64",
        note="The product must be built for jammy: see `[targets]`.",
        tested="not at all: Ubuntu's archive could not be reached where the tests run",
        not_run="the tests cannot reach Ubuntu's archive; debian-12.md has the same, and is run",
    ),
    Platform(
        file="ubuntu-24.04", name="Ubuntu 24.04", suite="noble", arch="amd64 or arm64",
        note="The product must be built for noble: see `[targets]`.",
        tested="not at all: Ubuntu's archive could not be reached where the tests run",
        not_run="the tests cannot reach Ubuntu's archive; debian-12.md has the same, and is run",
    ),
)  # fmt: skip


def pages() -> dict[str, Callable[[], str]]:
    """File name to what writes it."""
    found: dict[str, Callable[[], str]] = {
        f"docs/install/{p.file}.md": partial(markdown, p) for p in PLATFORMS
    }
    return {"docs/install/README.md": index, **found}


def index() -> str:
    """The list of platforms."""
    rows = "\n".join(f"| [{p.name}]({p.file}.md) | {p.suite} | {p.tested} |" for p in PLATFORMS)
    return (
        "# Install\n\n"
        "From a repository that debwright has made, here with local-rag as the product. Take the\n"
        "address and the fingerprint from whoever publishes it.\n\n"
        "| system | suite | tested |\n| --- | --- | --- |\n" + rows + "\n"
    )


def markdown(p: Platform) -> str:
    """One platform's page."""
    note = f"\n{p.note}\n" if p.note else ""
    run, run_offline = (f"<!-- not run: {p.not_run} -->",) * 2 if p.not_run else (RUN, RUN_OFFLINE)
    return f"""# Install on {p.name}

Suite `{p.suite}`, {p.arch}. Tested {p.tested}.
{note}
## Add the repository

{run}
```sh
sudo apt-get update
sudo apt-get install -y ca-certificates curl gpg gpgv
curl -fsSLO {ADDRESS}/local-rag-{p.suite}.sources
```

The file holds the address and the key. **Before you trust it**, compare the key's fingerprint with
the one you were given by another way than this web server:

{run}
```sh
curl -fsSLO {ADDRESS}/key.asc
gpg --show-keys --with-fingerprint key.asc
```

If it is the same:

{run}
```sh
sudo cp local-rag-{p.suite}.sources /etc/apt/sources.list.d/
sudo apt-get update
sudo apt-get install -y local-rag local-rag-archive-keyring
```

The package `local-rag-archive-keyring` brings a new key in time when it changes. It has an entry
for apt of its own, and the first one gives way: it is kept with the suffix `.save`.

## Check a signature by hand

{run}
```sh
curl -fsSLO {ADDRESS}/key.gpg
curl -fsSLO {ADDRESS}/dists/{p.suite}/InRelease
gpgv --keyring ./key.gpg InRelease
```

gpgv says `Good signature` and the fingerprint. InRelease names the SHA-256 of each index, and the
index that of each package; apt compares both.

## Upgrade

{run}
```sh
sudo apt-get update
sudo apt-get upgrade
```

Data stay; of a configuration file that you edited and the release changed, dpkg asks which to keep.

## Remove

{run}
```sh
sudo apt-get remove local-rag     # the data stay
sudo apt-get purge local-rag      # the data go, too
sudo apt-get autoremove --purge   # and what was installed only because of it
```

To forget the repository and its key, purge `local-rag-archive-keyring` as well.

## Without a network

On a machine with a network, the same suite and architecture, and no more installed than the other:

{run}
```sh
mkdir offline && cd offline
apt-get download local-rag local-rag-models
sudo apt-get install -y --download-only -o Dir::Cache::archives="$PWD" local-rag
```

Carry the directory over, then:

{run_offline}
```sh
sudo apt-get install -y ./*.deb
```
"""
