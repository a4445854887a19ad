"""Plain data: targets, suites, architectures, results, findings, fixes, errors, events."""
