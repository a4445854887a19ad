"""Systems that packages are checked on: nspawn, containers, virtual machines, machines by ssh."""
