"""What the release notes say of installing and checking."""

from debwright.config import Config


def install_text(config: Config, package: str, name: str, fingerprints: str) -> str:
    """A section in Markdown; all of its parts are of the configuration."""
    lines = ["## Install", ""]
    if config.repository.url is not None:
        lines += [
            f"From the [package repository]({config.repository.url}), with upgrades to come:",
            "", "```sh", f"sudo apt install {package}", "```", "",
            f"Its key and its entry for apt come with the package `{name}-archive-keyring`.",
        ]  # fmt: skip
    else:
        lines += ["Download the package of your system, then `sudo apt install ./FILE.deb`."]
    keys = " and ".join(f"`{f}`" for f in fingerprints.split())
    lines += [
        "", "Every file has a signature (`.asc`), and `SHA256SUMS` names them all. With "
        "`SHA256SUMS`, `SHA256SUMS.asc` and the files beside each other:",
        "", "```sh", "debwright verify --key KEY.asc .", "```", "",
        f"Signed with {keys}.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
