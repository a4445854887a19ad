"""What is carried next to the tarballs: a program that needs no debwright and no network."""
