"""Projects as their authors have them, from `init` to a checked package: make check-ecosystems."""
