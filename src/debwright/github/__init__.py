"""The few calls of GitHub's REST API that a release needs."""
