# The habitual targets. All of them work without make as well: each line below can be typed.

COMPOSE := $(shell command -v docker-compose || echo docker compose) -f docker-compose.baseline.yml
UID_GID := RESULTS_UID=$$(id -u) RESULTS_GID=$$(id -g)

.DEFAULT_GOAL := help
.PHONY: help baseline baseline-ui baseline-run baseline-stop baseline-logs test bench compare-power diagnosis soak

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

baseline: ## The baseline against the stub inside the process, without Docker: 11 minutes (ARGS=--quick: 1 minute)
	cargo run --release -- baseline $(ARGS)

baseline-ui: ## The page in a container, at http://localhost:8089, driving the stub in another
	$(UID_GID) $(COMPOSE) up --build --detach weaver weaver-bench
	@echo "the page is at http://$${BIND_ADDRESS:-127.0.0.1}:$${BIND_PORT_PAGE:-8089}"
	@echo "the stub answers at http://$${BIND_ADDRESS:-127.0.0.1}:$${BIND_PORT:-8000} (X-API-Key: test-api-key); make baseline-stop ends it"

baseline-run: ## The baseline between two containers; results in ./results (BASELINE_ARGS=--quick: 1 minute)
	$(UID_GID) $(COMPOSE) --profile run-baseline up --build --abort-on-container-exit --exit-code-from baseline-runner

baseline-stop: ## Ends the containers and removes them
	$(COMPOSE) --profile run-baseline down --volumes

baseline-logs: ## What the containers say
	$(COMPOSE) --profile run-baseline logs --follow

test: ## All tests; installs what they need on Debian and Ubuntu
	bash .ci/test

bench: ## What the generator and the stub cost: requests per processor second
	bash .ci/bench

compare-power: ## How often the test of `compare` errs and finds: 1,000 pairs of baselines in virtual time (ARGS="PAIRS PERCENT SEED")
	cargo run --release -p sim --example compare_power -- $(ARGS)

soak: ## Everything at once for two hours, and what that leaves behind (MINUTES=10: ten minutes)
	bash crates/cli/benches/soak.sh $(MINUTES)

diagnosis: ## What the rules of `analyze` find and miss, as matrices in virtual time (ARGS="RUNS SEED FAULT", 20 worlds of each fault)
	cargo run --release -p sim --example diagnosis -- --write crates/measure/DIAGNOSIS.md $(ARGS)
	cargo run --release -p sim --example diagnosis -- --write crates/measure/DIAGNOSIS.md --loads single $(ARGS)
