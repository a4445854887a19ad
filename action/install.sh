#!/usr/bin/env bash
# Installs the debwright of the commit that the action is of, with the packages it was tested with.
set -euo pipefail

GITHUB_WORKSPACE=$(cd "$GITHUB_ACTION_PATH/.." && pwd)
export GITHUB_WORKSPACE
exec "$GITHUB_WORKSPACE/.github/actions/debwright/setup.sh"
