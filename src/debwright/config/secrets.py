"""Which environment variables hold secrets, as a configuration names them."""

from debwright.config.model import Config


def secret_variables(config: Config) -> list[str]:
    """The names of variables that no command is to see."""
    signing, notify, s3 = config.signing, config.notify, config.repository.s3
    names = [
        signing.key_env,
        signing.passphrase_env,
        signing.rotation.passphrase_env if signing.rotation else None,
        notify.email.password_env if notify.email else None,
        notify.webhook.url_env if notify.webhook else None,
        s3.secret_key_env if s3 else None,
        s3.session_token_env if s3 else None,
    ]
    return [name for name in dict.fromkeys(names) if name]
