# make demo and make test need only Python 3.10+ and this file; each makes its own .venv when absent.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROCESSES := from medsam2.threads import physical_cores; print(physical_cores() + 1)
QUIET := PYTHONWARNINGS="ignore:Editable installation"

.PHONY: demo check test lint bench results icons lists screenshots clean

demo: $(VENV)/.demo
	$(BIN)/medsam2 demo -o demo --overwrite

# What a change needs first: a minute.
check: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile -m "not network and not process and not slicer" Testing/unit

# A process of one thread on each core, and one more for when others wait for processes that they started; files
# stay whole, as their tests share servers, and in their order: by default those of few tests come last, which
# are the long ones, and one core would wait for another.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $$($(BIN)/python -c "$(PROCESSES)") \
		--dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python Testing/benchmarks/bench.py --record

# CASES is the folder of the real cases, which are not part of the project.
results: $(VENV)/.dev
	@test -n "$(CASES)" || { echo "Say where the real cases are: make results CASES=FOLDER"; exit 1; }
	$(BIN)/medsam2-lab real-cases $(CASES) --record
	$(BIN)/medsam2-lab background-and-doubt --cases $(CASES) --record
	$(BIN)/medsam2-lab box-through-slices $(CASES) --record
	$(BIN)/medsam2-lab drawn-lines --cases $(CASES) --record
	$(BIN)/medsam2-lab image-sets $(VENV)/image_sets.jsonl
	$(BIN)/medsam2-lab colour-sets
	$(BIN)/medsam2-lab ablation --cases $(CASES)

icons: $(VENV)/.dev
	$(BIN)/python docs/make_icons.py

# What Slicer installs; run it after adding or removing a file of the module.
lists: $(VENV)/.dev
	$(BIN)/python Testing/unit/packaging/cmake_lists.py

screenshots: $(VENV)/.dev
	$(BIN)/python Testing/screenshots/panel.py
	$(BIN)/python Testing/screenshots/effect.py
	$(BIN)/python Testing/screenshots/review.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=24" "setuptools>=77"

# Without build isolation, so that nothing pulls another torch than the pinned one.
# Setuptools warns that an editable package can be hidden by a folder of its name, which no folder here has.
$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(QUIET) $(BIN)/pip install --quiet --no-build-isolation -c constraints.txt -e ".[backend]"
	touch $@

$(VENV)/.dev: $(VENV)/.demo lab/pyproject.toml
	$(QUIET) $(BIN)/pip install --quiet --no-build-isolation -c constraints.txt -e ".[dev,evaluate,parity,ray,slicer,train]" -e lab
	SAM2_BUILD_CUDA=0 $(BIN)/pip install --quiet --no-deps --no-build-isolation "sam2==1.1.0"
	touch $@

clean:
	rm -rf $(VENV) demo
