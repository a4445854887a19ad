"""Building a package a second time, under conditions that must make no difference."""
