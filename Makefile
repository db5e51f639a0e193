# Needs python3 (3.10 or later) with pip, and nothing else: tox makes each environment.

PYTHON ?= python3
ROUNDS ?= 300
JOBS ?= 2
CALLS ?= 2000
export UV_PYTHON_DOWNLOADS = never

TOX = .venv/bin/tox

.PHONY: demo test lint races crashes fuzz timing clean

demo: $(TOX)  ## Serve the example project on http://127.0.0.1:8000
	@$(TOX) run -e demo

test: $(TOX)  ## Test on SQLite and on a real PostgreSQL, with a real Valkey
	@$(TOX) run -e test

lint: $(TOX)  ## Check style, floors, types and migrations
	@$(TOX) run -e lint

races: $(TOX)  ## Attack running servers with simultaneous clients, each scenario ROUNDS times on each database
	@$(TOX) run -e races -- --rounds $(ROUNDS) --jobs $(JOBS)

crashes: $(TOX)  ## Kill workers at every step of the verbs, lose Valkey, the database and the provider; --chaos in tox.ini
	@$(TOX) run -e crashes

fuzz: $(TOX)  ## Throw at a running server what nobody wrote by hand; tox.ini has the long ones
	@$(TOX) run -e fuzz

timing: $(TOX)  ## Measure whether answers tell by their time what a number is; the machine must be quiet
	@$(TOX) run -e timing -- --calls $(CALLS)

clean:  ## Remove what the other commands made
	rm -rf .venv .tox .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis mutants build dist *.egg-info
	rm -f db.sqlite3* .coverage*

# Debian's python3 comes without ensurepip, so pip is lent from the system's.
$(TOX):
	$(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m pip --python .venv/bin/python install --quiet --disable-pip-version-check "tox>=4.30" "tox-uv>=1.20"
