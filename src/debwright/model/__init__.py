"""Plain data: targets, suites, results, findings, errors, events."""
