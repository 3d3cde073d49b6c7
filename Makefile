# Thin front of CMake and tools/. `make` alone tells what there is.
SHELL := /bin/sh
PREFIX ?= /usr/local
JOBS ?= 2
FUZZ_SECONDS ?= 60
BENCH_ARGS ?=
BIN := build/cliproxyapi++
CONFIG ?= config.example.yaml

.DEFAULT_GOAL := help
.PHONY: help build serve check bench fuzz format lint docs debug asan tsan install clean deps \
	check-lint check-build check-docs check-clang check-unit check-integration check-asan check-tsan check-fuzz

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install what building needs (Debian 12 and 13)
	@tools/deps.sh build

build: deps ## the program: build/cliproxyapi++
	@tools/cmake.sh release $(JOBS)

debug: deps ## build/debug: no optimisation, with the unit tests
	@tools/cmake.sh debug $(JOBS)

asan: deps ## build/asan: address and undefined behaviour sanitizers
	@tools/cmake.sh asan $(JOBS)

tsan: deps ## build/tsan: thread sanitizer
	@tools/cmake.sh tsan $(JOBS)

serve: build ## build and start with CONFIG=config.example.yaml
	$(BIN) serve --config $(CONFIG)

check: ## everything a change must pass (lint, two compilers, all tests, sanitizers, fuzz)
	@tools/deps.sh check
	@python3 tools/check.py --jobs $(JOBS)

check-lint check-build check-docs check-clang check-unit check-integration check-asan check-tsan check-fuzz:
	@tools/deps.sh check
	@python3 tools/check.py --jobs $(JOBS) $(@:check-%=%)

lint: check-lint ## layer order, headers, formatting, forbidden words

bench: ## figures against nginx, on this machine (BENCH_ARGS)
	@tools/deps.sh bench
	@$(MAKE) --no-print-directory build
	python3 bench/run.py $(BENCH_ARGS)

fuzz: ## every fuzz target for FUZZ_SECONDS=60
	@tools/deps.sh fuzz
	@python3 tools/check.py --jobs $(JOBS) --fuzz-seconds $(FUZZ_SECONDS) fuzz

format: ## clang-format over src and tests
	@python3 tools/lint.py --format

docs: build ## regenerate the reference pages in doc/ from the program's tables
	@tools/gendocs.sh

install: build ## to PREFIX=/usr/local (DESTDIR honoured)
	cmake --install build/release --prefix $(PREFIX) --strip

clean: ## remove build/
	rm -rf build
