# One word for each thing that is done here; `make` alone lists them. Needs Python 3.11 or later, nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input --quiet
INSTALLED := $(VENV)/.installed
TESTS_INSTALLED := $(VENV)/.tests-installed
# The compose file's linter is a Node program: it is used where npm can fetch it.
DCLINT := npm_config_fetch_retries=1 npm_config_fetch_timeout=30000 npx --yes dclint@3.1.0

# Which interpreter builds .venv: PYTHON3=/path/to/python if given, else the first of these that works.
PYTHON3 ?= python3.13 python3.12 python3.11 python3 python

# What pytest is given besides: `make test ARGS='-k signature -x'`; `-n 0` keeps the tests in one process.
ARGS ?=

# Checks and tests are judged by what stands in the repository, not by somebody's .env or shell.
CLEAN_ENV := env -u PYTHONDONTWRITEBYTECODE -u DATABASE_URL -u REDIS_URL -u CELERY_BROKER_URL -u DEBUG -u VAR_DIR ENV_FILE=

# What `check --deploy` is asked about: an installation behind https, as docs/deployment.md describes it.
PRODUCTION_ENV := $(CLEAN_ENV) DEBUG=false FRONTEND_URL=https://hub.example.com ADMIN_2FA=required \
	DATABASE_URL=postgres://enlace:enlace@127.0.0.1/enlace REDIS_URL=redis://127.0.0.1/0 \
	DEFAULT_FROM_EMAIL=hello@example.com EMAIL_BACKEND=django.core.mail.backends.smtp.EmailBackend \
	EMAIL_HOST=smtp.example.com EMAIL_USE_TLS=true ADMIN_EMAIL=staff@example.com TRUSTED_PROXY_COUNT=1 \
	ANYMAIL_WEBHOOK_SECRET=lint:only-for-the-system-checks KAJABI_WEBHOOK_SECRET=only-for-the-system-checks \
	KAJABI_WEBHOOK_TOKEN=only-for-the-system-checks NSSA_KAJABI_PRODUCT_ID=off_456

# What `make lint` consists of; .pre-commit-config.yaml names the same.
LINTS := lint-style lint-format lint-types lint-imports lint-deploy lint-migrations lint-docker lint-compose

.PHONY: help run dev shell fmt test lint $(LINTS) bench chaos messages requirements

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: $(INSTALLED) .env ## start Enlace on this machine; Ctrl-C stops it
	@exec $(PYTHON) manage.py run

dev: $(INSTALLED) .env ## the same, started anew whenever a file changes
	@exec $(PYTHON) config/reload.py

shell: $(INSTALLED) .env ## Python with the models of this installation
	@exec $(PYTHON) manage.py shell

fmt: $(TESTS_INSTALLED) ## format the code, and mend what can be mended by a tool
	@$(PYTHON) -m ruff check --fix-only --quiet .
	@$(PYTHON) -m ruff format .

# make test ARGS='...'     both runs with these arguments of pytest
# make test TOPIC=folder   one folder, or file, on SQLite only: seconds instead of minutes while you work on it
TOPIC ?=
test: $(TESTS_INSTALLED) ## every test: on SQLite, and on a real PostgreSQL and Redis; TOPIC=folder: one topic, on SQLite
ifeq ($(TOPIC),)
	@exec $(PYTHON) -m tests.both $(ARGS)
else
	@$(CLEAN_ENV) $(PYTHON) -m pytest -n auto $(TOPIC) $(ARGS)
	@echo "on SQLite only; on both databases: make test ARGS='$(TOPIC)'"
endif

lint: $(LINTS) ## the static checks

lint-style: $(TESTS_INSTALLED)
	$(PYTHON) -m ruff check .

lint-format: $(TESTS_INSTALLED)
	$(PYTHON) -m ruff format --check .

lint-types: $(TESTS_INSTALLED)
	@$(CLEAN_ENV) $(PYTHON) -m mypy .

lint-imports: $(TESTS_INSTALLED)
	@$(CLEAN_ENV) $(PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

lint-deploy: $(TESTS_INSTALLED)
	@SECRET_KEY="$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(64))')"; export SECRET_KEY; \
		$(PRODUCTION_ENV) $(PYTHON) manage.py check --deploy --fail-level WARNING

lint-migrations: $(TESTS_INSTALLED)
	@$(CLEAN_ENV) SECRET_KEY=only-for-this-check $(PYTHON) manage.py makemigrations --check --dry-run

lint-docker: $(TESTS_INSTALLED)
	$(VENV)/bin/hadolint Dockerfile

lint-compose:
	@if $(DCLINT) --version >/dev/null 2>&1; \
		then echo 'dclint compose.yaml'; $(DCLINT) --max-warnings 0 compose.yaml; \
		else echo 'compose.yaml: not linted, because npx cannot run dclint here (npm is missing, old or offline)'; fi

bench: $(TESTS_INSTALLED) ## how fast webhooks are accepted and processed, and pages shown with a million events; writes var/bench.json
	@exec env ENV_FILE= $(PYTHON) -m tests.services --postgres --redis -- $(PYTHON) -m tests.bench $(ARGS)

chaos: $(TESTS_INSTALLED) ## the fault tests in their long form
	@exec env ENV_FILE= CHAOS=long $(PYTHON) -m tests.services --postgres --redis -- \
		$(PYTHON) -m pytest -m chaos tests/chaos tests/large $(ARGS)

messages: $(INSTALLED) ## collect what is to be translated and compile the translations (needs gettext)
	$(CLEAN_ENV) SECRET_KEY=only-for-this-command $(PYTHON) manage.py makemessages --all --no-obsolete --no-location --ignore=.venv --ignore=var
	$(CLEAN_ENV) SECRET_KEY=only-for-this-command $(PYTHON) manage.py compilemessages --ignore=.venv --ignore=var

# After a change of requirements.in or tests/requirements.in. What is pinned stays; UPGRADE=--upgrade looks for newer
# versions of what those two leave open. The hashes are those of every platform's files.
UPGRADE ?=
COMPILE := $(CURDIR)/var/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command 'make requirements' $(UPGRADE)
requirements: $(PYTHON) ## write requirements.txt and tests/requirements.txt, with hashes, from the .in files
	@mkdir -p var && $(PYTHON) -m venv var/uv && var/uv/bin/python -m pip --disable-pip-version-check --quiet install uv==0.13.9
	@$(COMPILE) --output-file requirements.txt requirements.in
	@cd tests && $(COMPILE) --constraint ../requirements.txt --output-file requirements.txt requirements.in

.env: | $(INSTALLED)
	@$(PYTHON) config/write_env.py

$(INSTALLED): requirements.txt $(PYTHON)
	@echo 'installing requirements.txt into $(VENV) ...'
	@$(PIP) install --requirement requirements.txt
	@touch $@

$(TESTS_INSTALLED): requirements.txt tests/requirements.txt $(PYTHON)
	@echo 'installing tests/requirements.txt into $(VENV) ...'
	@$(PIP) install --requirement tests/requirements.txt
	@touch $@ $(INSTALLED)

# A .venv that cannot be used (its interpreter is gone, or it was left half made) is made anew.
ifneq ($(shell $(PYTHON) -c 'import sys, pip; print(sys.version_info >= (3, 11))' 2>/dev/null),True)
.PHONY: $(PYTHON)
endif

# A name on PATH proves little: version managers leave names there that only print an error. So each is asked.
$(PYTHON):
	@without_venv=; \
	for candidate in $(PYTHON3); do \
		"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
		"$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1 || { without_venv="$$candidate"; continue; }; \
		echo "making $(VENV) with $$("$$candidate" --version)"; \
		exec "$$candidate" -m venv --clear $(VENV); \
	done; \
	if [ -n "$$without_venv" ]; then \
		echo "$$without_venv has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	else \
		echo 'Enlace needs Python 3.11 or later; none of these works: $(PYTHON3). Name one: make PYTHON3=/path/to/python' >&2; \
	fi; \
	exit 1
