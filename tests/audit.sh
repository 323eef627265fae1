#!/usr/bin/env bash
# Are vulnerabilities known of what Enlace installs? Fails where there are. Where nobody can be asked it says why, within a
# minute, and does not fail: a machine without a network can still be tested.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-.venv/bin/python}

# In a virtual environment of its own: it brings many packages that nothing else here needs.
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
skip() {
    echo "the dependencies are not audited: $*"
    exit 0
}

"$python" -m venv "$tools/venv"
timeout 120 "$tools/venv/bin/python" -m pip --disable-pip-version-check --no-input --quiet --retries 0 --timeout 15 \
    install --no-compile pip-audit==2.10.1 >"$tools/log" 2>&1 || skip 'pip-audit cannot be installed'

audit() { # audit REQUIREMENTS FOUND: nothing is resolved or installed, the file names every package with its hashes
    timeout 90 "$tools/venv/bin/pip-audit" --disable-pip --require-hashes --no-deps --requirement "$1" \
        --timeout 5 --progress-spinner off --format json --output "$2" >"$tools/log" 2>&1 || true
    "$python" - "$2" <<'PYTHON'
import json
import pathlib
import sys

file = pathlib.Path(sys.argv[1])
packages = json.loads(file.read_text())["dependencies"] if file.exists() and file.stat().st_size else []
for package in packages:
    for found in package.get("vulns", []):
        fixed = ", ".join(found["fix_versions"]) or "no version"
        print(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    if "skip_reason" in package:
        print(f"not audited: {package['name']}: {package['skip_reason']}", file=sys.stderr)
sys.exit(not packages)
PYTHON
}

# First a version that is known to be vulnerable: a source that does not know that is no source.
echo "django==2.2.0 --hash=sha256:$(printf '0%.0s' {1..64})" >"$tools/known.txt"
[ -n "$(audit "$tools/known.txt" "$tools/known.json" 2>/dev/null)" ] || skip 'no source of advisories answers here'

found=$(audit tests/requirements.txt "$tools/found.json") || skip "the source of advisories went away: $(tail -n 1 "$tools/log")"
if [ -n "$found" ]; then
    printf 'known vulnerabilities of what tests/requirements.txt names:\n%s\n' "$found" >&2
    exit 1
fi
echo 'no vulnerability is known of what tests/requirements.txt names'
