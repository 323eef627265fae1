"""Files that install and start Enlace agree with the code."""

import gettext
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import environ
import pytest

from config.write_env import write_env

ROOT = Path(__file__).resolve().parent.parent
CATALOGS = sorted((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))


LOCKED = ["requirements.txt", "tests/requirements.txt"]
SOURCES = ["requirements.in", "tests/requirements.in"]


def requirement_lines(name: str) -> list[str]:
    """Return each requirement with its hashes, if any, on one line."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "-r "))]


def pins(name: str) -> dict[str, str]:
    """Return versions by normalised names."""
    pairs = (re.split(r"==| ", line)[:2] for line in requirement_lines(name))
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in pairs}


@pytest.mark.parametrize("name", LOCKED + SOURCES)
def test_every_requirement_is_pinned_to_one_version(name: str) -> None:
    lines = requirement_lines(name)
    assert [line for line in lines if not re.match(r"[A-Za-z0-9_-]+==[0-9][0-9.a-z]*( |$)", line)] == []
    assert len(pins(name)) == len(lines) > 10, "none is named twice"


@pytest.mark.parametrize("name", LOCKED)
def test_every_requirement_has_hashes_and_no_address(name: str) -> None:
    bare = [line for line in requirement_lines(name) if not re.search(r" --hash=sha256:[0-9a-f]{64}", line)]
    assert bare == [], "make requirements"
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_locked_requirements_match_their_sources() -> None:
    """Require that `make requirements` was run after the last change."""
    runtime, tests = pins("requirements.txt"), pins("tests/requirements.txt")
    assert pins("requirements.in").items() <= runtime.items()
    assert pins("tests/requirements.in").items() <= tests.items()
    assert runtime.items() <= tests.items(), "make test needs no second file"


def test_installed_packages_match_the_lock_file() -> None:
    from importlib.metadata import version

    optional = {"async-timeout", "colorama"}  # other Pythons, other systems
    assert {name: version(name) for name in pins("requirements.txt").keys() - optional} == {
        name: version for name, version in pins("requirements.txt").items() if name not in optional
    }


FAKE_PYTHON = """\
#!/bin/sh
if [ "$1 $2" = '-m venv' ]; then
    mkdir -p "$3/bin"
    ln -s /bin/true "$3/bin/python"
    printf '%s\\n' '#!/bin/sh' 'for last; do :; done' 'while [ "$1" != --requirement ]; do shift; done' \
        'named=$2' 'while [ "$1" != --output ]; do shift; done' '{audit}' > "$3/bin/pip-audit"
    chmod +x "$3/bin/pip-audit"
else
    exec {python} "$@"
fi
"""
VULNERABLE = '{"dependencies": [{"name": "p", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]}'
CLEAN = '{"dependencies": [{"name": "p", "version": "1", "vulns": []}]}'
NOT_FOUND = '{"dependencies": [{"name": "p", "skip_reason": "not found"}]}'


@pytest.mark.parametrize(
    ("known", "ours", "code", "message"),
    [
        (VULNERABLE, VULNERABLE, 1, "p 1: CVE-1, fixed in 2"),
        (VULNERABLE, CLEAN, 0, "no vulnerability is known"),
        (NOT_FOUND, CLEAN, 0, "no source of advisories answers"),
        ("", "", 0, "no source of advisories answers"),
        (VULNERABLE, "", 0, "the source of advisories went away"),
    ],
    ids=["vulnerable", "clean", "a source that knows nothing", "no source", "a source that goes away"],
)
def test_audit_fails_only_for_a_known_vulnerability(
    tmp_path: Path, known: str, ours: str, code: int, message: str
) -> None:
    """Run the script as CI does, with a pip-audit that writes what the real one writes."""
    (tmp_path / "known").write_text(known)
    (tmp_path / "ours").write_text(ours)
    audit = f'case $named in *known.txt) cat {tmp_path}/known;; *) cat {tmp_path}/ours;; esac > "$2"'
    python = tmp_path / "python"
    python.write_text(FAKE_PYTHON.replace("{audit}", audit).replace("{python}", sys.executable))
    python.chmod(0o755)
    done = subprocess.run(["bash", "tests/audit.sh", python], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, message in done.stdout + done.stderr) == (code, True), done


def test_image_is_built_without_test_requirements() -> None:
    expression = re.search(r"sed '([^']+)' requirements\.txt", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert expression is not None
    remaining = subprocess.run(
        ["sed", expression[1], "requirements.txt"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"^django==", remaining, re.MULTILINE)
    assert re.search(r"^vine==", remaining, re.MULTILINE)
    assert not re.search(r"^pytest", remaining, re.MULTILINE)
    left = subprocess.run(["grep", "-c", "^[^ #]"], input=remaining, capture_output=True, text=True, check=True).stdout
    assert int(left) == len(requirement_lines("requirements.txt")) - 2, "pytest and pytest-django, nothing else"
    lines = remaining.splitlines()
    alone = [line for before, line in pairwise(lines) if line.startswith(" ") and not before.endswith("\\")]
    assert alone == [], "no hash without its requirement"


def test_env_example_explains_every_variable_that_settings_read() -> None:
    sources = [ROOT / "config/settings.py", ROOT / "config/gunicorn.py"]
    sources += [*ROOT.glob("config/parts/*.py"), *ROOT.glob("integrations/providers/*/settings.py")]
    source = "".join(path.read_text(encoding="utf-8") for path in sources)
    read = set(re.findall(r"""env\.\w+\(\s*["']([A-Z0-9_]+)["']""", source))
    assert len(read) > 60
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    explained = set(re.findall(r"^#?([A-Z0-9_]+)=", example, re.MULTILINE))
    assert read - explained == set()


def test_new_env_is_private_complete_and_unique(tmp_path: Path) -> None:
    first, second = tmp_path / "first.env", tmp_path / "second.env"
    assert write_env(first) is True
    assert write_env(second) is True
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.env", "second.env"]

    values, others = read_env(first), read_env(second)
    secret_names = {"SECRET_KEY", "ANYMAIL_WEBHOOK_SECRET", "METRICS_TOKEN", "WEBHOOK_CONFIG_PASSWORD"}
    secret_names |= {"KAJABI_WEBHOOK_SECRET", *(f"{name}_WEBHOOK_TOKEN" for name in PROVIDERS)}
    assert set(values) == secret_names | {"NSSA_KAJABI_PRODUCT_ID"}
    assert values["NSSA_KAJABI_PRODUCT_ID"] == "off_456"
    assert len(values["SECRET_KEY"]) >= 50
    for name in secret_names:
        assert len(values[name]) >= 32
        assert values[name] != others[name]


PROVIDERS = ("KAJABI", "NOWCERTS", "GHL", "CHATWOOT")
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("integrations/providers/*/*.md"))]


def test_new_env_holds_every_token_of_the_documented_commands(tmp_path: Path) -> None:
    write_env(tmp_path / ".env")
    there_are = set(read_env(tmp_path / ".env"))
    blocks = [block for path in DOCUMENTS for block in re.findall(r"```\w*\n(.*?)```", path.read_text(), re.DOTALL)]
    used = {name for block in blocks for name in re.findall(r"\$\{?([A-Z0-9_]+_(?:TOKEN|SECRET|PASSWORD))\b", block)}
    assert {"NOWCERTS_WEBHOOK_TOKEN", "GHL_WEBHOOK_TOKEN"} <= used
    assert used - there_are == {"ENLACE_TOKEN"}  # somebody's own, made in the console


def read_env(path: Path) -> dict[str, str]:
    """Return the values of a file by django-environ, without touching this process's environment."""
    names = re.findall(r"^([A-Z0-9_]+)=", path.read_text(encoding="utf-8"), re.MULTILINE)

    class SeparateEnv(environ.Env):
        ENVIRON: ClassVar[dict[str, str]] = {}

    SeparateEnv.read_env(str(path))
    return {name: SeparateEnv().str(name) for name in names}


def test_existing_env_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=mine\n", encoding="utf-8")
    assert write_env(path) is False
    assert path.read_text(encoding="utf-8") == "SECRET_KEY=mine\n"
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_procfile_names_installed_programs() -> None:
    processes = {}
    for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines():
        name, separator, command = line.partition(": ")
        assert separator, f"not a line of a Procfile: {line!r}"
        assert re.fullmatch(r"[a-z]+", name)
        processes[name] = shlex.split(command)
    assert list(processes) == ["release", "web", "worker", "beat"]
    for command in processes.values():
        assert (Path(sys.executable).parent / command[0]).exists()


def test_procfile_options_of_worker_and_beat_are_valid() -> None:
    from celery.bin.celery import celery

    for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines():
        name, _, command = line.partition(": ")
        if name in {"worker", "beat"}:
            expanded = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", command)
            options = shlex.split(expanded)[4:]
            parser = celery.commands[name].make_parser(celery.make_context("celery", [], resilient_parsing=True))
            _values, not_understood, _order = parser.parse_args(options)
            assert not_understood == []


def test_gunicorn_accepts_its_configuration_and_logs_no_requests(tmp_path: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--print-config", "-c", "config/gunicorn.py", "config.wsgi"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "SECRET_KEY": "only-for-this-test",
            "VAR_DIR": str(tmp_path),
            "PORT": "28123",
            "WEB_CONCURRENCY": "3",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    printed = dict(re.findall(r"^(\w+)\s+= (.*)$", checked.stdout, re.MULTILINE))
    assert printed["bind"] == "['127.0.0.1:28123']"
    assert printed["workers"] == "3"
    assert printed["accesslog"] == "None"
    assert printed["graceful_timeout"] == "20"


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext is not installed")
@pytest.mark.parametrize("source", CATALOGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_compiled_translations_match_their_sources(source: Path, tmp_path: Path) -> None:
    """`--check` refuses a text without each of the language's plurals, too: Spanish has one for millions."""
    compiled_now = tmp_path / "now.mo"
    subprocess.run(["msgfmt", "--check", "-o", str(compiled_now), str(source)], check=True)
    assert catalog(source.with_suffix(".mo")) == catalog(compiled_now), "run `make messages`"


def catalog(path: Path) -> dict[object, str]:
    """Return the translations of a compiled file; bytes may differ between versions of gettext."""
    with path.open("rb") as file:
        translations: dict[object, str] = vars(gettext.GNUTranslations(file))["_catalog"]
        return translations


def test_command_gets_its_services_and_passes_on_its_exit_code() -> None:
    finished = run_with_services("import os, sys; sys.exit(7 if 'REDIS_URL' in os.environ else 1)")
    assert finished.wait(60) == 7


def test_services_stop_after_the_command_on_sigterm(tmp_path: Path) -> None:
    """Expect the services until the command has cleaned up, and nothing afterwards."""
    note = tmp_path / "note"
    program = f"""
import os, pathlib, signal, sys, time, redis
client = redis.from_url(os.environ["REDIS_URL"])
note = pathlib.Path({str(note)!r})
def stop(*_):
    time.sleep(0.5)
    note.write_text(f"{{client.ping()}} {{client.connection_pool.connection_kwargs['port']}}")
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
note.write_text("ready")
time.sleep(60)
"""
    running = run_with_services(program)
    deadline = time.monotonic() + 30
    while not note.exists() or note.read_text() != "ready":
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 3
    answered, port = note.read_text().split()
    assert answered == "True"
    from tests.services import answers

    assert answers(int(port)) is False


def run_with_services(program: str) -> subprocess.Popen[bytes]:
    """Start a Python program with a private Redis, whatever this process was given."""
    if not (shutil.which("redis-server") or shutil.which("valkey-server")):
        pytest.skip("neither redis-server nor valkey-server is installed")
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    command = [sys.executable, "-m", "tests.services", "--redis", "--", sys.executable, "-c", program]
    return subprocess.Popen(command, cwd=ROOT, env=environment)
