# The front door. Each target says in one line what it does; V=1 shows the commands behind it.
#   make build | demo | test | bench | install PREFIX=/usr/local

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

V ?=
PREFIX ?= /usr/local
DESTDIR ?=
PYTHONDIR ?=
VECTORS ?= Tests/Vectors
export V PREFIX DESTDIR PYTHONDIR

.PHONY: help
help: ## this list
	@echo "Quipu $$(cat VERSION). Targets:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
	  while IFS='|' read -r name text; do printf '%-22s %s\n' "$$name" "$$text"; done
	@echo "Variables: V=1 (show commands), SWIFT=/path/to/swift, PREFIX, DESTDIR, PYTHONDIR, VECTORS, STAGES"

.PHONY: setup
setup: ## install what is missing (Debian packages, .venv for the test peers)
	@scripts/setup.sh

.PHONY: build
build: ## release build: build/lib/libquipu.so, build/bin/quipu, and the library for bindings/python
	@scripts/setup.sh build
	@scripts/build.sh --python

.PHONY: server
server: ## release build of the self-hosted server: build/bin/quipu-server
	@scripts/setup.sh build
	@scripts/server.sh

.PHONY: demo
demo: ## train a small network on handwritten digits in C++, then show the run it recorded
	@scripts/demo.sh

.PHONY: test
test: ## everything (STAGES="swift c ..." picks some); last line: N passed, N failed, N skipped
	@scripts/test.sh $(STAGES)

.PHONY: conformance
conformance: ## run the vectors in VECTORS=DIR (default Tests/Vectors) against this build
	@VECTORS="$(VECTORS)" scripts/test.sh conformance

.PHONY: bench
bench: ## measure, each figure beside its peer, and keep the table in benchmarks/
	@scripts/bench.sh

.PHONY: sanitize
sanitize: ## the Swift and C tests under the address and thread sanitizers
	@scripts/sanitize.sh

.PHONY: install
install: ## install into PREFIX (default /usr/local), staged below DESTDIR if given
	@scripts/install.sh install

.PHONY: uninstall
uninstall: ## remove what `make install` put into PREFIX
	@scripts/install.sh uninstall

.PHONY: clean
clean: ## remove everything that was built (.venv stays)
	@rm -rf build .build .build-asan .build-tsan .build-server bindings/python/quipu/_lib bindings/python/build \
	  bindings/python/*.egg-info
	@find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +
	@echo "quipu: clean"
