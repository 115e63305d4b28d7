# Everything one does to this tree has a name here; CI (.ci/run) uses the same
# names. Each is one line that can as well be typed by hand.

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PROGRAMS := regentd regent tmsctl tms-emulator
FUZZTIME ?= 20s
FUZZLONG ?= 10m

# A release is built without cgo, so that one machine builds for all.
export CGO_ENABLED ?= 0

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## the four programs, into bin/
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ $(PROGRAMS:%=./cmd/%)

.PHONY: demo
demo: build ## the whole way once, with the real programs, in a temporary directory (KEEP=1 leaves it running, DIALECT=first is the service's other dialect)
	go build -o bin/demo ./cmd/demo
	bin/demo -bin bin $(if $(DIALECT),-dialect $(DIALECT)) $(if $(KEEP),-keep)

.PHONY: test
test: ## all tests but the long ones with the real programs, which make stories runs
	go test ./...

.PHONY: race
race: ## all tests under the race detector, but for stories, whose programs are built without it (needs a C compiler)
	CGO_ENABLED=1 go test -race -timeout 20m $$(go list ./... | grep -v /cmd/stories$$)

.PHONY: stories
stories: ## all stories with the real programs, in each dialect of the service, the long ones too; memory, network, canary and store have a target of their own (root)
	go test -count=1 -timeout 20m -skip '^(TestCompletion|TestCanary|TestServesThroughABadNetwork|TestLeaks)$$|^TestStories$$/^family$$/^(damage-matrix|clone-matrix)$$' ./cmd/stories -long

.PHONY: completion
completion: ## TAB in the real shells: bash without and with bash-completion, zsh, fish (installs them)
	.ci/need zsh fish /usr/share/bash-completion/bash_completion:bash-completion
	go test -count=1 -v -run '^TestCompletion$$' ./cmd/stories -all-shells

.PHONY: monitoring
monitoring: ## promtool's lint, the alert rules' tests, and a real Prometheus by a real node_exporter (installs them)
	@packaging/monitoring/check

.PHONY: pages
pages: ## the pages of regent status and tmsctl investigate in a headless Chromium: 360 and 1400 px, light and dark, axe-core; SCREENS=DIR keeps the pictures (installs them)
	.ci/pages $(SCREENS)

.PHONY: test-doctor
test-doctor: ## one fault after the other injected from outside, and what regent doctor names: a table
	go test -count=1 -timeout 20m -run '^TestDoctor' -v ./cmd/stories -long

.PHONY: fleet
fleet: ## in virtual time: ten thousand devices at a power cut and at an hour's outage, 500 whose sessions end (minutes; SESSIONS=10000 takes an hour)
	go test -v -timeout 30m -run 'TestPowerCut|TestOutage' ./agent -fleet 10000
	go test -v -timeout 90m -run 'TestSessionMaximum' ./agent -fleet $(or $(SESSIONS),500)

.PHONY: crash
crash: ## one bad thing at every system call of a redemption and of a refresh; CRASH_EVERY=6 makes every sixth run
	.ci/crash $(CRASH_EVERY)

.PHONY: resilience
resilience: ## lost answers, 200 callers, captive portals, offline weekends, wrong clocks, 58 kinds of answer, a changed ledger
	.ci/resilience

.PHONY: network
network: ## ten thousand local requests while the way to the service suffers (toxiproxy): who waits, and how long
	go test -count=1 -v -run TestServesThroughABadNetwork ./cmd/stories -long

.PHONY: test-keycloak
test-keycloak: ## the emulator and the device's client held against a real Keycloak (needs Java and Maven, and fetches the server)
	.ci/keycloak

.PHONY: sdk
sdk: build ## the client libraries in other languages: built, and held to one set of cases (root; installs their toolchains)
	ipc/sdk/test

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s); one without committed seeds is a failure
	.ci/fuzz $(FUZZTIME)

.PHONY: fuzz-long
fuzz-long: ## every fuzz target for ten minutes (FUZZLONG=1m is shorter; FUZZJOBS=3 runs three at a time)
	.ci/fuzz $(FUZZLONG)

.PHONY: attacks
attacks: ## what a local process may try, against the real daemon: descriptors, PIDs, namespaces, floods (root)
	go test -count=1 -v -run '^(TestAttacks|TestPIDReuse|TestIdleConnections|TestFewDescriptors|TestRepeatedDenials|TestRunaway|TestWatchers|TestManyUsers|TestLongReplies)$$' ./cmd/stories -long

.PHONY: memory
memory: ## no memory, goroutine or descriptor leaks: 100,000 requests and 10,000 hang-ups; MEMORY=full is ten times that (root)
	go test -count=1 -v -timeout 30m -run '^TestLeaks$$' ./cmd/stories -long -leak-rest 80s -leak-requests $(if $(filter full,$(MEMORY)),1000000 -leak-connections 100000,100000 -leak-connections 10000)

.PHONY: keyrings
keyrings: ## the keyrings of systems and sessions, for real: gnome-keyring, Windows Credential Manager under Wine (installs them)
	.ci/keyrings

.PHONY: canary
canary: ## no secret anywhere but sealed: a device's life at debug level, then a search for every secret, whole or in part
	go test -count=1 -v -run '^TestCanar' ./cmd/stories -long

.PHONY: store
store: ## the tables of damage and of clones, with the real daemon, and what sealing costs
	.ci/store

.PHONY: bench
bench: build ## what the local interface costs, beside bare net/http: one table with every goal (BENCHFLAGS=-rounds=2 is quicker)
	go test -c -o bin/demo.test ./cmd/demo
	bin/demo.test bench -bin bin $(BENCHFLAGS)

.PHONY: format-check
format-check: ## gofmt has nothing to say
	@files=$$(gofmt -l .) && test -z "$$files" || { echo "not formatted:" $$files; exit 1; }

.PHONY: vet
vet: ## go vet, for each system that is built for
	GOOS=linux go vet ./...
	GOOS=windows go vet ./...
	GOOS=darwin go vet ./...

.PHONY: lint
lint: .cache/bin/golangci-lint ## golangci-lint, for each system that is built for
	GOOS=linux $< run ./...
	GOOS=windows $< run ./...
	GOOS=darwin $< run ./...

.PHONY: words
words: .cache/bin/vale ## plain words: length of sentences, banned phrases, the glossary, spelling (needs a C compiler once)
	.ci/prose

.PHONY: tidy-check
tidy-check: ## go.mod and go.sum are what the imports need
	@mkdir -p .cache && cp go.mod .cache/tidy.mod && cp go.sum .cache/tidy.sum
	.ci/again go mod tidy -modfile=.cache/tidy.mod
	diff -u go.mod .cache/tidy.mod
	diff -u go.sum .cache/tidy.sum

.PHONY: generate
generate: ## write again what is generated
	go generate ./...

.PHONY: generate-check
generate-check: ## what is generated is up to date
	.ci/generate-check

.PHONY: ci
ci: ## all that CI checks
	.ci/run

.PHONY: deb
deb: .cache/bin/nfpm ## Debian packages for amd64 and arm64, into out/
	packaging/build deb amd64 arm64

.PHONY: rpm
rpm: .cache/bin/nfpm ## the same as rpm packages
	packaging/build rpm amd64 arm64

.PHONY: msi
msi: ## Windows installers for amd64 and arm64, into out/ (signed if SIGN_CERTIFICATE and SIGN_KEY say with what)
	packaging/msi/build amd64 arm64

.PHONY: msi-check
msi-check: ## the installers of this tree: reproducible, every table as meant, a signature round trip
	packaging/msi/check

.PHONY: msi-story
msi-story: ## what becomes of a Windows device: the real MSI under Wine, from the installation to the removal (installs Wine)
	packaging/msi/story

.PHONY: msi-screens
msi-screens: ## pictures of the installer's dialogs, which a robot fills in under Wine, into out/screens/
	packaging/msi/screens

.PHONY: packages-check
packages-check: .cache/bin/nfpm ## the packages of the last commit: reproducible, lintian, hardened units, arm64 (root)
	packaging/check

.PHONY: test-system
test-system: packages-check ## the packages' whole life on booted systems; STORY=tpm tells one story alone (root)
	packaging/system/run $(STORY)

.PHONY: mdm-files
mdm-files: ## what is generated for management systems, read by plistutil, xmllint and groff (installs them)
	packaging/mdm/check

.PHONY: mdm-rollout
mdm-rollout: .cache/bin/nfpm ## the Ansible role and the cloud-init file, on booted machines (root)
	packaging/mdm/run

.PHONY: test-windows
test-windows: ## every package's tests, a service's life and its faults, as Windows programs under Wine (installs it)
	.ci/windows-service
	.ci/windows-signers
	.ci/windows-doctor
	.ci/test-windows

.PHONY: wine-bare
wine-bare: ## how long it takes to prepare Wine from bare, in a fresh Debian (root)
	.ci/wine-prepare-bare

.PHONY: clean
clean: ## remove what was built
	rm -rf bin out .cache

# The tools have a module file of their own, so that what they need stays out
# of what is shipped.
.cache/bin/golangci-lint: .tools/go.mod .tools/go.sum
	.ci/again env GOBIN=$(CURDIR)/.cache/bin go -C .tools install tool
	@touch $@

# nfpm has its own, since golangci-lint needs other versions of what it needs.
.cache/bin/nfpm: .tools/nfpm/go.mod .tools/nfpm/go.sum
	.ci/again env GOBIN=$(CURDIR)/.cache/bin go -C .tools/nfpm install tool
	@touch $@

.cache/bin/go-winres: .tools/winres/go.mod .tools/winres/go.sum
	.ci/again env GOBIN=$(CURDIR)/.cache/bin GOFLAGS= GOOS= GOARCH= go -C .tools/winres install tool
	@touch $@

# Its parsers of languages are C.
.cache/bin/vale: .tools/vale/go.mod .tools/vale/go.sum
	.ci/again env GOBIN=$(CURDIR)/.cache/bin GOFLAGS= CGO_ENABLED=1 go -C .tools/vale install tool
	@touch $@
