# Run `make` for the list of targets. They need Go, bash and, for the race
# detector, a C compiler; the tools are built from tools/go.mod as needed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TESTFLAGS  ?=
TIMEOUT    ?= 30m
BENCH      ?= .
BENCHFLAGS ?= -benchtime=1s
RACEFLAGS  ?=
FUZZTIME   ?= 10s
CYCLES     ?= 50
SERVERS    ?= redis-7 redis-8 valkey-9
ROUNDS     ?= 40
FROM       ?= HEAD~1
PKG        ?= ./...
SAMPLE     ?= 0
SEED       ?= 1

# The race detector needs cgo. Without a C compiler the tests run without it and report that.
RACE := $(if $(shell CC=$$(go env CC); command -v $${CC%% *}),-race)

TOOL := go tool -modfile=$(CURDIR)/tools/go.mod
LINT := go tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint

# The modules to check. CODE omits modules without Go files, where ./... is an
# error.
MODULES := $(sort tools/mutate $(patsubst %/go.mod,%,$(shell find . -name go.mod -not -path './tools/*' -not -path './.*/*')))
CODE    := $(foreach m,$(MODULES),$(if $(shell find $(m) -name '*.go' -print -quit),$(m)))

# $(call each,MODULES,COMMAND) runs COMMAND in every module, even after a
# failure, and fails at the end if any module failed.
each = failed=; for m in $(1); do \
	echo "$$m: $(strip $(2))" >&2; (cd "$$m" && $(2)) || failed="$$failed $$m"; done; \
	if [ -n "$$failed" ]; then echo "$@ failed in:$$failed" >&2; exit 1; fi

.PHONY: help
help: ## prints this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  variables:  TESTFLAGS=\"-run 'A|B' -count=5\"  TIMEOUT=$(TIMEOUT)  BENCH=regexp  BENCHFLAGS=$(BENCHFLAGS)  FUZZTIME=$(FUZZTIME)  SERVERS=\"$(SERVERS)\"  ROUNDS=$(ROUNDS)  FROM=$(FROM)  PKG=\"$(PKG)\"  SAMPLE=$(SAMPLE)  SEED=$(SEED)  MUTATEFLAGS=-list"

.PHONY: test
test: ## all tests of all modules, with the race detector (TESTFLAGS); lists skipped tests and the reasons
	@status=0; \
	$(TOOL) gotestsum --format pkgname --raw-command -- \
		$(MAKE) -s --no-print-directory test-json || status=$$?; \
	if ! command -v redis-server >/dev/null; then \
		echo; echo "redis-server is not installed: the tests against a real Redis were SKIPPED."; fi; \
	if [ -z "$(RACE)" ]; then \
		echo; echo "There is no C compiler: the tests ran WITHOUT the race detector."; fi; \
	exit $$status

# One stream for all modules gives one summary.
.PHONY: test-json
test-json:
	@status=0; for m in $(CODE); do \
		(cd "$$m" && go test -json -timeout $(TIMEOUT) $(RACE) $(TESTFLAGS) ./...) || status=1; done; exit $$status

.PHONY: test-servers
test-servers: ## the tests that use Redis, and ROUNDS of races, on each of SERVERS, fetched from Debian (TESTFLAGS)
	@ROUNDS=$(ROUNDS) PACKAGES="$(PACKAGES)" tools/test-servers.sh $(SERVERS) -- -timeout $(TIMEOUT) $(RACE) $(TESTFLAGS)

.PHONY: vet
vet: ## go vet
	@$(call each,$(CODE),go vet ./...)

.PHONY: fmt-check
fmt-check: ## fails if a file needs gofmt
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt -w these:"; echo "$$files"; exit 1; fi

.PHONY: fix-check
fix-check: ## fails if go fix would change a file
	@$(call each,$(CODE),go fix -diff ./...)

.PHONY: tidy-check
tidy-check: ## fails if go mod tidy would change a go.mod or go.sum
	@$(call each,$(MODULES),go mod tidy -diff)

.PHONY: lint
lint: ## golangci-lint; its first build takes minutes
	@$(call each,$(CODE),$(LINT) run --config $(CURDIR)/.golangci.yml ./...)

.PHONY: check
check: fmt-check vet fix-check tidy-check test ## all gates but lint

.PHONY: bench
bench: ## benchmarks (BENCH, BENCHFLAGS); compare two runs with: make benchstat OLD=a NEW=b
	@$(call each,$(CODE),go test -run '^$$' -bench '$(BENCH)' -benchmem $(BENCHFLAGS) ./...)

.PHONY: race
race: ## 500 rounds of readers against writers, with every way to evict; counts stale reads (RACEFLAGS)
	@go -C bench run ./race $(RACEFLAGS)

.PHONY: rolling
rolling: ## runs this tree and the commit FROM side by side, on one Redis and on a Cluster, with ROUNDS of races; fails on a stale read
	@go -C bench test ./rolling -run TestRolling -from '$(FROM)' -rounds $(ROUNDS) -count=1 -v -timeout 2h

.PHONY: faults
faults: ## races while Redis fails in every way, CYCLES times each; takes half an hour
	@go -C bench test $(RACE) ./racelab -run TestFaults -cycles $(CYCLES) -v -timeout 2h | grep -E 'cycles:|^ *(---|ok|FAIL|PASS)'

.PHONY: compare
compare: ## compares aside with other caching libraries, on the same work in the same run
	@go -C bench run ./compare

.PHONY: hit-ratio
hit-ratio: ## compares the throughput of a hit with GET and json.Unmarshal, in the same run
	@go -C bench test -run TestHitRatio -count=1 -v . | grep -E 'hit_test|^(---|ok|FAIL)'

.PHONY: ratios
ratios: ## compares hits, near hits and rate limits with others in the same run; fails if one is slower than its limit
	@go -C bench test -run 'Test(Hit|Near|Allow)Ratio' -count=1 -v . | grep -E '_test.go|^(---|ok|FAIL)'

.PHONY: benchstat
benchstat: ## compares the benchmark outputs in the files OLD and NEW
	@$(TOOL) benchstat $(OLD) $(NEW)

.PHONY: fuzz
fuzz: ## runs every fuzz target for FUZZTIME
	@$(call each,$(CODE),$(CURDIR)/tools/fuzz.sh $(FUZZTIME))

.PHONY: cover
cover: ## statement coverage of the root module, across packages, into cover.out
	@go test -coverpkg=./... -coverprofile=cover.out $(TESTFLAGS) ./... >/dev/null
	@go tool cover -func=cover.out | tail -n 1

.PHONY: mutate
mutate: ## changes one condition or statement of PKG (Go and Lua) at a time and fails if tests miss over 10 % (SAMPLE: this many, 0 all; SEED; MUTATEFLAGS)
	@mkdir -p bin && go -C tools/mutate build -o $(CURDIR)/bin/mutate .
	@bin/mutate -min 90 -n $(SAMPLE) -seed $(SEED) -equivalent tools/mutate/equivalent.txt $(MUTATEFLAGS) $(PKG)

.PHONY: clean
clean: ## removes the files that these targets and Redis leave behind
	@rm -rf bin dist .cache appendonlydir dump.rdb
	@find . -name .git -prune -o \( -name '*.test' -o -name '*.out' -o -name '*.prof' \) -type f -print -delete
