"""What the workflows of a test's project install: no job fetches it."""

INSTALL = "git+https://forge.example/debwright@0123456789abcdef0123456789abcdef01234567"
LINE = f'install = "{INSTALL}"\n'


def with_install(config: str) -> str:
    """The text of a debwright.toml whose workflows say what they install."""
    if "\ninstall = " in config:
        return config
    if "[workflows]\n" in config:
        return config.replace("[workflows]\n", f"[workflows]\n{LINE}", 1)
    return f"{config}\n[workflows]\n{LINE}"
