.PHONY: packages test quick check-archive check-vm lint bench clean

packages: ## build, check and publish the service for all targets
	./scripts/build-local.sh

test: ## everything: linters, types, unit and integration tests
	./scripts/test.sh

quick: ## unit tests only
	./scripts/test.sh tests/unit

check-archive: ## good packages of Debian's archive must pass: some minutes
	./scripts/test.sh -m "archive or not archive" tests/integration/test_archive.py

check-vm: ## checks in virtual machines, amd64 and an emulated Cortex-A76: ten minutes and more
	./scripts/check-vm.sh

bench: ## speed against sbuild and plain dpkg-buildpackage, as ratios of one run
	./scripts/bench.sh

clean: ## remove what was built; the cache of roots stays
	rm -rf dist
