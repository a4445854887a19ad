"""GnuPG's homes, and the signatures that its tools check: what making and using keys stand on."""
