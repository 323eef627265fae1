#!/usr/bin/env bash
# What a newcomer does, in a fresh clone with an empty home: `make run`, then `simulate` and README's requests in another
# shell. Proves that the mail arrives, that the requests are answered as README says, that SIGTERM leaves nothing behind,
# and that the second start is quick and keeps the data.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)

INSTALL_SECONDS=420 # the first start installs everything
RESTART_SECONDS=30
MAIL_SECONDS=10
STOP_SECONDS=25

scratch=$(mktemp -d)
server=
clone=$scratch/enlace
mkdir "$scratch/home"

# Nothing of this shell's environment but how to reach the package index.
environment=(HOME="$scratch/home" PATH="$PATH" LC_ALL=C.UTF-8)
for name in $(compgen -e); do
    case $name in PIP_* | *_proxy | *_PROXY | SSL_CERT_FILE | REQUESTS_CA_BUNDLE) environment+=("$name=${!name}") ;; esac
done
run_clean() { env -i "${environment[@]}" "$@"; }

ours() { # the processes that work in the clone
    local process
    for process in /proc/[0-9]*; do
        if [ "$(readlink "$process/cwd" 2>/dev/null)" = "$clone" ]; then echo "${process#/proc/}"; fi
    done
}

clean_up() {
    local code=$? pid
    if [ "$code" -ne 0 ] && [ -f "$scratch/log" ]; then
        echo '--- log of make run'
        tail -n 60 "$scratch/log"
    fi
    for pid in $server $(ours); do kill -KILL "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

wait_for() { # wait_for SECONDS WHAT COMMAND...: until the command succeeds
    local seconds=$1 what=$2 deadline=$((SECONDS + $1))
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || fail "$what did not happen within $seconds seconds"
        sleep 0.2
    done
}

ready() {
    kill -0 "$server" 2>/dev/null || fail 'make run ended by itself'
    grep -q "^ready: http://127.0.0.1:$port" "$scratch/log"
}

start() { # start SECONDS: until it serves
    local begun=$SECONDS
    : >"$scratch/log"
    (cd "$clone" && exec env -i "${environment[@]}" PORT="$port" make run) >"$scratch/log" 2>&1 </dev/null &
    server=$!
    wait_for "$1" 'ready' ready
    echo "ready after $((SECONDS - begun)) s"
}

stopped() { ! kill -0 "$server" 2>/dev/null; }
nothing_left() { [ -z "$(ours)" ]; }

stop() {
    kill -TERM "$server"
    wait_for "$STOP_SECONDS" 'the stop after SIGTERM' stopped
    wait "$server" && code=0 || code=$?
    # make ends by the signal that it handed on.
    [ "$code" -eq 0 ] || [ "$code" -eq 143 ] || [ "$code" -eq 2 ] || fail "make run ended with $code"
    wait_for 5 'the end of every process' nothing_left
    server=
    echo 'stopped, nothing left behind'
}

mails() { if [ -d "$clone/var/mail" ]; then find "$clone/var/mail" -type f | wc -l; else echo 0; fi; }
more_mails_than() { [ "$(mails)" -gt "$1" ]; }

simulate() { # simulate ADDRESS NAME, and wait for its mail
    local before
    before=$(mails)
    (cd "$clone" && run_clean PORT="$port" .venv/bin/python manage.py simulate kajabi offer.purchased \
        --email "$1" --first-name "$2")
    wait_for "$MAIL_SECONDS" 'the mail' more_mails_than "$before"
    grep -rqs "$1" "$clone/var/mail" || fail "no mail in var/mail is addressed to $1"
    echo "mail for $1 arrived"
}

# The requests that README prints, as they stand there but for the port, and what each is answered: health, an insured, a
# contact, a sync by hand (503: nothing to write to is configured yet), and the same event twice.
EXPECTED='200 200 200 503 200 409'
readme_requests() {
    local answered requests=$scratch/requests
    python3 - "$clone/README.md" "$port" >"$requests" <<'PYTHON'
import re, sys
path, port = sys.argv[1:]
for block in re.findall(r"```bash\n(.*?)```", open(path, encoding="utf-8").read(), re.DOTALL):
    print(block.replace("localhost:8000", f"localhost:{port}"))
PYTHON
    answered=$(
        cd "$clone"
        ENLACE_TOKEN=$(run_clean .venv/bin/python manage.py shell --no-imports -c "
from accounts.models import User
from accounts.staff import tokens
print(tokens.make(User.objects.get(is_superuser=True), name='newcomer', scopes=['sync'])[1])" 2>/dev/null)
        curl() { command curl --silent --noproxy '*' --output /dev/null --write-out '%{http_code} ' "$@"; }
        # shellcheck disable=SC1090
        . "$requests"
    )
    [ "$answered" = "$EXPECTED " ] || fail "README's requests were answered $answered, not $EXPECTED"
    echo "README's requests were answered: $answered"
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
git clone --quiet --no-local "$repository" "$clone"

start "$INSTALL_SECONDS"
simulate jane@example.com Jane
readme_requests
[ "$(stat -c %a "$clone/.env")" = 600 ] || fail '.env can be read by others'
secrets=$(sha256sum "$clone/.env")
if (cd "$clone" && run_clean PORT="$port" .venv/bin/python manage.py run) >"$scratch/second" 2>&1 </dev/null; then
    fail 'a second instance on the same var/ was not refused'
fi
echo "a second instance was refused: $(tail -n 1 "$scratch/second")"
stop

kept=$(mails)
start "$RESTART_SECONDS"
[ "$(mails)" -ge "$kept" ] || fail 'the second start lost data'
[ "$secrets" = "$(sha256sum "$clone/.env")" ] || fail 'the second start changed .env'
simulate john@example.com John
stop
[ -z "$(git -C "$clone" status --porcelain)" ] || fail "running changed the checkout: $(git -C "$clone" status --porcelain)"
echo 'newcomer: passed'
