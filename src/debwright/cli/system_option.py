"""The option that names a system, whose help lists the kinds that there are."""

import click


class SystemOption(click.Option):
    """Its help imports every kind of system, so it is written when somebody asks for it."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option, and the kinds as they are written."""
        from debwright.systems.kinds import kinds

        forms = ", ".join(kind.form for kind in kinds())
        self.help = (
            f"Where to install and start them: {forms}; instead of what debwright.toml says."
        )
        return super().get_help_record(ctx)
