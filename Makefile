# Two commands are enough: `make run` shows a call becoming a ticket, `make test` proves it.
.PHONY: setup run test check bench soak clean lock
.DEFAULT_GOAL := run

DATA ?= var
BIN := .venv/bin
# More workers than cores: a call in real time mostly waits. A file stays together, for the house it shares.
WORKERS ?= 4
SIDE_BY_SIDE := --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

setup: ; @deploy/setup run

run: setup
	@$(BIN)/hotline --data $(DATA) up --demo $(if $(ONCE),--once)

test:
	@deploy/setup test
	$(BIN)/pytest -m "not soak and not alone" $(SIDE_BY_SIDE) $(ARGS) || [ $$? = 5 ]  # 5: ARGS choose none of these
	$(BIN)/pytest -m "alone and not soak" $(ARGS) || [ $$? = 5 ]

soak:
	@deploy/setup test
	$(BIN)/pytest -m soak $(ARGS)

check:
	@deploy/setup test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit

bench:
	@deploy/setup test
	$(BIN)/python -m bench $(ARGS)

lock:
	@deploy/setup test
	$(BIN)/python -m pip install --quiet uv && deploy/lock $(BIN)/python

clean: ; rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis
