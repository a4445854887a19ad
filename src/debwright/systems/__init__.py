"""Systems that packages are checked on: nspawn, Docker, virtual machines, ssh."""
