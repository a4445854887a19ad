.PHONY: packages test quick ci check-archive check-fuzz check-ecosystems check-escape check-vm bench bench-service docs site pictures e2e clean

packages: ## build, check and publish the service for all targets
	./scripts/build-local.sh

test: ## everything: linters, types, unit and integration tests
	./scripts/test.sh

quick: ## linters, types and unit tests: seconds
	./scripts/test-quick.sh

ci: ## the workflow that builds the packages, on this machine
	./scripts/test-ci-local.sh --no-tests

check-archive: ## good packages of Debian's archive must pass: some minutes
	./scripts/test.sh -m "archive or not archive" tests/integration/checks/test_archive.py

check-fuzz: ## every parser of foreign bytes, on other inputs each time: some minutes
	DEBWRIGHT_FUZZ_EXAMPLES=$(or $(EXAMPLES),2000) ./scripts/test.sh -n 2 tests/fuzz

check-ecosystems: ## projects of every kind, from init to a checked package; fewer: K=django
	./scripts/test.sh -n 2 $(if $(K),-k $(K)) tests/ecosystems

check-escape: ## attempts to get out of every kind of system, as a table; fewer: K=nspawn
	./scripts/test.sh -n 0 -s -m "vm or not vm" $(if $(K),-k $(K)) tests/integration/systems/test_escape_everywhere.py

check-vm: ## checks in virtual machines, amd64 and an emulated Cortex-A76: ten minutes and more
	./scripts/check-vm.sh

bench: ## speed against sbuild and plain dpkg-buildpackage, as ratios of one run
	./scripts/bench.sh

bench-service: ## the service against the release before, as ratios of one run: some minutes
	cd services/local-rag && UV=$(CURDIR)/.venv/bin/uv ./scripts/test.sh tests/unit/test_compare.py
	cd services/local-rag && .venv/bin/python bench/compare.py

docs: ## write what is generated: reference, manual pages, completion
	.venv/bin/python -m tools.reference
	.venv/bin/python -m debwright.observe.diagnose.pages
	.venv/bin/python bench/records.py

site: docs ## the documentation as a site below dist/site
	.venv/bin/python -m sphinx -q -W --keep-going -b html -d build/doctrees -c docs . dist/site

pictures: ## the pictures of the pages, of a run of this very state: some minutes
	DEBWRIGHT_PICTURES=$(CURDIR)/docs/images ./scripts/test.sh tests/integration/docs/test_pictures.py

e2e: ## from an empty directory to users who upgrade, an hour or two; fewer: E2E_TARGETS=bookworm-amd64
	./scripts/test.sh -n 0 --import-mode=importlib tests/e2e

clean: ## remove what was built; the cache of roots stays
	rm -rf dist
