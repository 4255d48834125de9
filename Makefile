# One command per job. `make` alone lists them. Works with GNU make 3.81 and later and any POSIX shell.

EXTRAS ?= book,test,all# extras of pyproject.toml that are installed
PYTHON ?=# interpreter to make .venv with; empty: the first of 3.11, 3.12, 3.13 that works
OPEN ?= smollm2# open model that `make setup` fetches; empty: none
PAGE ?=# page for `make notebook`; empty: every page
JOBS ?= 2# notebooks that are tested side by side
BESIDE ?=# not empty: `make test` runs the notebooks beside the unit tests (shorter, but five processes at once)
UNIT_JOBS ?= 3# processes of the unit tests: some wait for a browser or for a time limit
PAGES ?=# pages for `make test-wobble` and `make test-open`; empty: every page
SEEDS ?= 1# disturbances of the weights for `make test-wobble`; 0 is none
SETTINGS ?= here sse41# processors it plays: here, two-threads, avx2, sse41, or all
DEVICE ?= cuda# where `make gpu` runs: cuda, cpu, or far, which only refuses what a GPU refuses
MINUTES ?= 8# time of `make gpu`; the next run goes on where it stopped
DRY ?=# `make gpu DRY=1 DEVICE=cpu`: a tiny selection, to see that every part works
WHEELHOUSE ?=# folder of wheels: `make wheelhouse` fills it, `make gpu` installs from it without a network
TARGET_PYTHON ?= 3.12# Python of the machine that `make wheelhouse` is for
WITHOUT ?=# torch: `make wheelhouse` leaves out torch and CUDA, as that machine has them
CHANGED ?=# a commit: only pages that differ from there
SECTION ?= gpt# section whose exercises `make scorm` packs
PORT ?= 8000# port of `make serve`
OUT ?= _build# where the site is built

BIN := .venv/bin
SITE := $(OUT)/html
TEXT := index.md companion book tests .github .ci README.md AGENTS.md CHANGELOG.md Makefile pyproject.toml
# The key changes when the dependencies change, so a set-up that is still good is not repeated.
KEY := $(shell (cat pyproject.toml constraints.txt; echo '$(EXTRAS) $(PYTHON)') | cksum | tr ' ' '-')
READY := .venv/ready-$(KEY)
# Two notebooks at a time: with more than one thread each, they would wait for one another.
NBVAL := $(BIN)/python -m pytest --nbval book/notebooks -q -n $(JOBS) --dist loadfile -p no:cacheprovider

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup book serve pdf epub scorm wheel notebook diagrams test lint unit fresh notebooks side-by-side test-slow test-wobble test-open gpu wheelhouse format constraints clean distclean

help:  ## list the commands (this text)
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile
	@echo "  Variables: PAGE, SECTION, PAGES, SEEDS, SETTINGS, CHANGED, EXTRAS, OPEN, PYTHON, JOBS, UNIT_JOBS, BESIDE, DEVICE, MINUTES, DRY, WHEELHOUSE, PORT, OUT (see the top of the Makefile)"

setup: $(READY)  ## make .venv with what the other commands need (they do this by themselves), fetch the open model
	@sh .ci/venv open_model '$(OPEN)'
	@echo ".venv is ready"

$(READY):
	@PYTHON='$(PYTHON)' sh .ci/venv install '$(EXTRAS)' '$@'

# -- the book ----------------------------------------------------------------------------------------------

book: $(READY)  ## build the site from the pages and their notebooks, and say where it is
	@$(BIN)/python book/_tools/build_site.py --out '$(OUT)'
	@echo "To look at it: make serve"

serve: book  ## build the site and show it on http://127.0.0.1:8000 (PORT=...)
	@echo "== http://127.0.0.1:$(PORT) (stop with Ctrl+C)"
	@$(BIN)/python -m http.server '$(PORT)' --bind 127.0.0.1 --directory '$(SITE)'

pdf: $(READY)  ## make a PDF of the site that was built last (needs Chromium), and offer it there
	@test -f '$(SITE)/index.html' || $(MAKE) --no-print-directory book
	@$(BIN)/python book/_tools/pdf_file.py --site '$(SITE)' --out '$(OUT)'

epub: $(READY)  ## make an EPUB of the site that was built last, and offer it there
	@test -f '$(SITE)/index.html' || $(MAKE) --no-print-directory book
	@$(BIN)/python book/_tools/epub_file.py --site '$(SITE)' --out '$(OUT)'

scorm: book  ## pack a page of exercises for a learning platform: SECTION=gpt
	@$(BIN)/python book/_tools/scorm.py '$(SECTION)' --site '$(SITE)' --out '$(OUT)/$(SECTION)-scorm.zip'

wheel: $(READY)  ## pack the package as the notebooks' first cell fetches it (make book then names it in them)
	@$(BIN)/python book/_tools/wheel_file.py --out '$(OUT)'

notebook: $(READY)  ## run a page and write its notebook: PAGE=book/gpt/sampling.md (without PAGE: every page)
	@$(BIN)/python book/_tools/notebook.py $(PAGE)

diagrams: $(READY)  ## draw what changed of the diagrams (needs graphviz) and the tensor pictures
	@$(BIN)/python book/_tools/diagrams.py
	@$(BIN)/python book/_tools/tensor_pictures.py

# -- checks ------------------------------------------------------------------------------------------------

test: lint fresh $(if $(BESIDE),side-by-side,unit notebooks)  ## what CI checks on each push: the next four
	@echo "make test: lint, unit tests, freshness and notebooks passed"

lint: $(READY)  ## ruff and codespell
	@echo "== ruff"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "some files need 'make format':"; $(BIN)/ruff format --check; exit 1; }
	@echo "== codespell"
	@$(BIN)/codespell $(TEXT)

unit: $(READY)  ## unit tests and doctests (also: make test-slow)
	@echo "== unit tests and doctests"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(UNIT_JOBS) --dist loadfile

fresh: $(READY)  ## are exercise pages, diagrams and notebooks those of the catalog and the pages?
	@echo "== freshness of exercise pages, diagrams, notebooks"
	@$(BIN)/python book/_tools/diagrams.py --check
	@$(BIN)/python book/_tools/tensor_pictures.py --check
	@$(BIN)/python book/_tools/exercise_pages.py --check
	@$(BIN)/python book/_tools/notebook.py --check

notebooks: $(READY)  ## run every notebook again and compare every output
	@echo "== notebooks"
	@OMP_NUM_THREADS=1 $(NBVAL)

side-by-side: $(READY)  ## unit tests, and the notebooks in the time in which these wait for a browser or a limit
	@other=$$(mktemp) && { nice -n 5 $(MAKE) --no-print-directory notebooks >"$$other" 2>&1 & notebooks=$$!; \
	trap 'kill $$notebooks; rm -f "$$other"; exit 130' INT TERM; \
	$(MAKE) --no-print-directory unit; unit=$$?; \
	echo "== the notebooks go on"; wait $$notebooks; notebooks=$$?; \
	cat "$$other"; rm -f "$$other"; test $$unit = 0 && test $$notebooks = 0; }

test-slow: $(READY)  ## the unit tests that take long
	@$(BIN)/python -m pytest -q -m 'slow and not gpu and not network'

test-wobble: $(READY)  ## the notebooks again while the numbers under them wobble as on another CPU (PAGES, SEEDS, SETTINGS)
	@$(BIN)/python book/_tools/wobble.py $(PAGES) --seeds $(SEEDS) --settings $(SETTINGS) --jobs $(JOBS) $(if $(CHANGED),--changed '$(CHANGED)')

test-open: $(READY)  ## the pages with the open model in place of the pocket models (PAGES): what carries over
	@$(BIN)/python -m companion fetch smollm2
	@$(BIN)/python book/_tools/carry_over.py $(PAGES) --jobs $(JOBS)

gpu: $(if $(WHEELHOUSE),,$(READY))  ## on a GPU: its tests, the notebooks, speed and memory; writes book/_data/gpu.json (PAGES, MINUTES, DEVICE, DRY)
	@if [ -n '$(WHEELHOUSE)' ] && [ ! -e .venv/wheelhouse ]; then \
	  $(or $(PYTHON),python3) .ci/wheelhouse.py install '$(WHEELHOUSE)' && : >.venv/wheelhouse; fi
	@$(BIN)/python book/_tools/gpu_run.py $(PAGES) --device $(DEVICE) --minutes $(MINUTES) $(if $(DRY),--dry-run)

wheelhouse: $(READY)  ## fill WHEELHOUSE=folder with wheels for a GPU machine without a network (TARGET_PYTHON, WITHOUT=torch)
	@test -n '$(WHEELHOUSE)' || { echo "name a folder: make wheelhouse WHEELHOUSE=wheels"; exit 1; }
	@$(BIN)/python .ci/wheelhouse.py fill '$(WHEELHOUSE)' --python $(TARGET_PYTHON) $(if $(WITHOUT),--without $(WITHOUT))

# -- housekeeping ------------------------------------------------------------------------------------------

format: $(READY)  ## lay out the code (ruff format) and sort the imports
	@$(BIN)/ruff check --quiet --fix --select I --extend-exclude "*.ipynb"
	@$(BIN)/ruff format

constraints:  ## write constraints.txt anew: the newest versions that pyproject.toml allows
	@PYTHON='$(PYTHON)' sh .ci/venv freeze

clean:  ## remove what the commands built, but keep .venv
	rm -rf _build build dist .pytest_cache .ruff_cache .hypothesis .coverage htmlcov llm_measured.egg-info
	find . -path ./.venv -prune -o -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -exec rm -rf {} +

distclean: clean  ## remove .venv too
	rm -rf .venv .venv-newest
