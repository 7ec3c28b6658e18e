# Two commands do everything on a machine with Python (3.11 or newer), pip and make:
#   make demo    sets up, then writes three pieces with stems, MIDI and reports into demo/
#   make test    sets up, then runs lint, types and all quick tests (at most 8 minutes on 2 cores)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Numeric libraries on one thread each: the tests run in several processes.
export OMP_NUM_THREADS ?= 1

.PHONY: setup demo test test-all lint type bench docs clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'Python 3.11 or newer is needed; set PYTHON=')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip setuptools
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable ".[neural,words,eval,fast,train,dev]"
	touch $(READY)

demo: setup
	mkdir -p demo
	$(BIN)/partimento generate "lazy jazz, saxophone solo over piano" --duration 30 --seed 7 \
	  -o demo/jazz.wav --stems demo/jazz-stems --midi-out demo/jazz.mid --report demo/jazz.report.json
	$(BIN)/partimento generate "energetic funk, starts with bass, then drums enter, no piano" --chords "Am7 | D7 | Gmaj7 | %" \
	  --tempo 104 --bars 16 --seed 3 \
	  -o demo/funk.wav --stems demo/funk-stems --midi-out demo/funk.mid --report demo/funk.report.json
	$(BIN)/partimento generate "慢板，二胡独奏，古筝伴奏，不要鼓" --duration 40 --seed 5 \
	  -o demo/erhu.wav --stems demo/erhu-stems --midi-out demo/erhu.mid --report demo/erhu.report.json
	for piece in jazz funk erhu; do $(BIN)/partimento score plot demo/$$piece.mid -o demo/$$piece.png; done

lint: setup
	$(BIN)/ruff check partimento tests
	$(BIN)/ruff format --check partimento tests

type: setup
	$(BIN)/mypy

test: lint type
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not gpu" tests

test-all: lint type
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not gpu" tests

bench: setup
	$(BIN)/partimento bench

clean:
	rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
