#!/usr/bin/env bash
# Checks a small package in virtual machines: amd64 (with KVM where there is one) and arm64 on an
# emulated Cortex-A76. Software emulation takes minutes for a boot, so this is not part of test.sh.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

install_packages "${PACKAGES[@]}" e2fsprogs openssh-client qemu-system-arm qemu-system-x86
prepare_emulation
prepare_python dev.txt

cd "$TOP" || exit 1
as_root_here "$VENV/bin/python" -m pytest -m vm tests/integration/systems/test_vm.py "$@"
