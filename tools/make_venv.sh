#!/bin/sh
# Makes the Python environment of tools/: build/venv, or the folder that $ASSAY_VENV names.
# An environment that already has the pinned versions is left as it is.
#   tools/make_venv.sh && build/venv/bin/python tools/make_op_vectors.py
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
venv=${ASSAY_VENV:-$root/build/venv}

if [ ! -x "$venv/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$venv"
fi
missing=$("$venv/bin/python" - "$root/tools/requirements.txt" <<'PYTHON'
import importlib.metadata as metadata
import sys
for line in open(sys.argv[1]):
    name, _, wanted = line.split("#")[0].strip().partition("==")
    if not name:
        continue
    try:
        have = metadata.version(name).split("+")[0]
    except metadata.PackageNotFoundError:
        have = "none"
    if have != wanted:
        print(f"{name}: have {have}, want {wanted}")
PYTHON
)
if [ -n "$missing" ]; then
    printf '%s\n' "$missing" >&2
    "$venv/bin/python" -m pip install --quiet -r "$root/tools/requirements.txt"
fi
printf '%s\n' "$venv/bin/python"
