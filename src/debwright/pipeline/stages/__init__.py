"""The stages of a run, a module each: source, build, check, publish, report."""
