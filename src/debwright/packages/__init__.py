"""Reading packages: .deb files, ELF files, Python distributions, bills of materials."""
