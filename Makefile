# Two commands are enough: `make run` shows a call becoming a ticket, `make test` proves it.
.PHONY: setup sound run test check bench soak clean lock
.DEFAULT_GOAL := run

DATA ?= var
BIN := .venv/bin

setup: ; @deploy/setup run

sound: ; @deploy/setup sound

run: setup
	@$(BIN)/hotline --data $(DATA) up --demo $(if $(ONCE),--once)

test:
	@deploy/setup test
	@tests/run $(ARGS)

soak:
	@deploy/setup test
	$(BIN)/pytest -m soak $(ARGS)

check:
	@deploy/setup test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	@# The types are looked at while tests wait, and hold up none.
	nice -n 19 $(BIN)/mypy & types=$$!; $(BIN)/pytest -q --numprocesses 3 tests/unit; units=$$?; wait $$types && exit $$units

bench:
	@deploy/setup test
	$(BIN)/python -m bench $(ARGS)

lock:
	@deploy/setup test
	$(BIN)/python -m pip install --quiet uv && deploy/lock $(BIN)/python

clean: ; rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis
