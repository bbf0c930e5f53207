#!/bin/sh
# Installs requirements.txt and ./local/aws into a virtual environment: setup.sh PYTHON FOLDER
# PYTHON may be empty; then the first suitable one on the PATH is taken. Ends with one clear
# sentence where something is missing, and leaves the stamp FOLDER/.installed only when all is there.
set -eu

named=$1
venv=$2
log=.state/setup.log
uv_version=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements.txt)

suitable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' \
        2>/dev/null
}

fail() {
    echo "$1" >&2
    exit 1
}

# The command of the wheel, for a clone, in which the package is no wheel.
launcher() {
    printf '#!/bin/sh\nPYTHONPATH="%s/plugins" exec "%s/bin/python" -m batch_transform.cli "$@"\n' \
        "$(pwd)" "$(cd "$venv" && pwd)"
}

mkdir -p .state 2>/dev/null || fail "Cannot write to $(pwd): check its permissions and free space."

python=
for candidate in ${named:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
    if suitable "$candidate"; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "Python 3.11 to 3.14 with venv is needed, and ${named:-the PATH} has none:\
 install one, or name it with: make setup PYTHON=/path/to/python3"

echo "Installing into $venv with $("$python" --version)"
if ! {
    "$python" -m venv --clear "$venv" &&
        "$venv/bin/python" -m pip install --quiet --no-cache-dir "uv==$uv_version" &&
        "$venv/bin/uv" pip sync --quiet --python "$venv/bin/python" requirements.txt &&
        "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --editable ./local/aws &&
        launcher >"$venv/bin/batch-transform" && chmod +x "$venv/bin/batch-transform"
} >"$log" 2>&1; then
    fail "The installation failed: $(grep -v '^[[:space:]]*$' "$log" | tail -n 1)
All of it: $log. It needs a package registry and 2 GB of disk; run it again once these are there."
fi
touch "$venv/.installed"
