#!/usr/bin/env bash
# obstore 0.12.1 (Python 3.11): renaming an object onto its own name.
#
# Guess:  a no-op in every store, as rename(2) promises for files and as LocalStore does here. A store in memory is the
#         double that tests use for a folder or a bucket, so code that may compute the same name twice (a normalised
#         path, a retry after a lost answer) behaves in the test as it does in production.
# Seen:   LocalStore keeps the object. MemoryStore returns None like a success, and the object is gone: the rename is a
#         copy followed by a deletion of the source, which is also the destination. With overwrite=False both raise
#         AlreadyExistsError, and nothing is lost.
#
# Output seen:
#   LocalStore   rename(x, x): returned None, then x has 4 bytes
#   MemoryStore  rename(x, x): returned None, then x is gone
#   LocalStore   rename(x, x, overwrite=False): AlreadyExistsError, then x has 4 bytes
#   MemoryStore  rename(x, x, overwrite=False): AlreadyExistsError, then x has 4 bytes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
mkdir "$folder/store"
"$folder/venv/bin/python" - "$folder/store" <<'PYTHON'
import sys

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, MemoryStore


def attempt(store, **options):
    obstore.put(store, "x", b"data")
    try:
        answer = f"returned {obstore.rename(store, 'x', 'x', **options)}"
    except AlreadyExistsError as error:
        answer = type(error).__name__
    try:
        return answer, f"x has {obstore.head(store, 'x')['size']} bytes"
    except FileNotFoundError:
        return answer, "x is gone"


stores = {"LocalStore": LocalStore(sys.argv[1]), "MemoryStore": MemoryStore()}
seen = {}
for options in ({}, {"overwrite": False}):
    label = "rename(x, x" + "".join(f", {name}={value}" for name, value in options.items()) + ")"
    for name, store in stores.items():
        seen[name, bool(options)] = attempt(store, **options)
        print(f"{name:12} {label}: {seen[name, bool(options)][0]}, then {seen[name, bool(options)][1]}")

expected = {
    ("LocalStore", False): ("returned None", "x has 4 bytes"),
    ("MemoryStore", False): ("returned None", "x is gone"),
    ("LocalStore", True): ("AlreadyExistsError", "x has 4 bytes"),
    ("MemoryStore", True): ("AlreadyExistsError", "x has 4 bytes"),
}
sys.exit(seen != expected)
PYTHON
