# A target is documented by what follows ## on its line; `make help` prints these.
SHELL := bash
.DEFAULT_GOAL := help
KAFKA_PORT ?= 9092
REDIS_PORT ?= 6379

.PHONY: help run build embedded-kafka test test-all bench fmt lint kafka-up kafka-down redis-up redis-down clean

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | \
		while IFS=$$'\t' read -r name text; do printf '  %-15s %s\n' "$$name" "$$text"; done

run: ## watch it work: a demo on this machine, Ctrl-C ends it (STACK=real: with Kafka and Redis; DEMO_SECONDS=N)
	@scripts/demo.sh

build: ## compile every crate and binary
	cargo build --workspace --bins

embedded-kafka: ## build the embedded broker of `aerogram run`; needs Go
	scripts/build-embedded-kafka.sh

test: ## everything a change must pass: format, clippy, unit, property, contract, simulation, end to end
	scripts/test.sh

test-all: ## the same with all the deliveries, and twenty times the simulated worlds, templates and URLs (AEROGRAM_TEST_SCALE_PERCENT, AEROGRAM_SIM_SEEDS, AEROGRAM_FUZZ_CASES, AEROGRAM_FUZZ_SEED)
	AEROGRAM_TEST_SCALE_PERCENT=$${AEROGRAM_TEST_SCALE_PERCENT:-100} AEROGRAM_SIM_SEEDS=$${AEROGRAM_SIM_SEEDS:-20000} \
		AEROGRAM_FUZZ_CASES=$${AEROGRAM_FUZZ_CASES:-4000000} AEROGRAM_FUZZ_SEED=$${AEROGRAM_FUZZ_SEED:-$$(date +%s)} scripts/test.sh

bench: ## measure against the bare HTTP client, on real Kafka; writes benches/results/latest.json
	scripts/bench.sh

fmt: ## format the sources
	cargo fmt --all

lint: ## check the format, and clippy with warnings as errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

kafka-up: ## start a Kafka for development under .run/kafka (KAFKA_PORT, default 9092)
	scripts/kafka-up.sh .run/kafka $(KAFKA_PORT)

kafka-down: ## stop it; its data stays
	scripts/kafka-down.sh .run/kafka

redis-up: ## start a Redis for development under .run/redis (REDIS_PORT, default 6379)
	scripts/redis-up.sh .run/redis $(REDIS_PORT)

redis-down: ## stop it; it keeps nothing
	scripts/redis-down.sh .run/redis

clean: kafka-down redis-down ## stop the development nodes and remove what was built and stored
	cargo clean
	rm -rf .run
