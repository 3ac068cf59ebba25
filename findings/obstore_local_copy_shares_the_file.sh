#!/usr/bin/env bash
# obstore 0.12.1 (Python 3.11) on Linux, ext4: LocalStore.copy.
#
# Guess:  a copy is a second, independent file, as in every object store; copying an object onto itself changes nothing.
# Seen:   (1) The copy is a hard link: both names are one file. A program that edits one of them in place (a tagger that
#         rewrites a header, mmap) changes the other as well. Replacing an object through the store gives it a new file,
#         so the two part then.
#         (2) Each copy of an object onto itself leaves one more link behind, called NAME#0, NAME#1 ... . No listing of
#         the store shows them and deleting the object does not remove them, so the bytes stay on the disk.
#
# Output seen:
#   after copy(a.bin, b.bin): links to the file: 2
#   a.bin edited in place, b.bin now holds: b'DAta'
#   a.bin put again, b.bin still holds: b'DAta'
#   after copy(b.bin, b.bin) three times the folder holds: ['a.bin', 'b.bin', 'b.bin#0', 'b.bin#1', 'b.bin#2']
#   the store lists: ['a.bin', 'b.bin']
#   after both are deleted the folder holds: ['b.bin#0', 'b.bin#1', 'b.bin#2']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
mkdir "$folder/store"
"$folder/venv/bin/python" - "$folder/store" <<'PYTHON'
import sys
from pathlib import Path

import obstore
from obstore.store import LocalStore

root = Path(sys.argv[1])
store = LocalStore(root)


def names():
    return sorted(path.name for path in root.iterdir())


def listed():
    return sorted(entry["path"] for chunk in obstore.list(store) for entry in chunk)


obstore.put(store, "a.bin", b"data")
obstore.copy(store, "a.bin", "b.bin")
links = (root / "a.bin").stat().st_nlink
print("after copy(a.bin, b.bin): links to the file:", links)

with (root / "a.bin").open("r+b") as file:
    file.write(b"DA")
edited = (root / "b.bin").read_bytes()
print("a.bin edited in place, b.bin now holds:", edited)

obstore.put(store, "a.bin", b"new!")
parted = (root / "b.bin").read_bytes()
print("a.bin put again, b.bin still holds:", parted)

for _ in range(3):
    obstore.copy(store, "b.bin", "b.bin")
left, shown = names(), listed()
print("after copy(b.bin, b.bin) three times the folder holds:", left)
print("the store lists:", shown)

obstore.delete(store, ["a.bin", "b.bin"])
remaining = names()
print("after both are deleted the folder holds:", remaining)

extra = ["b.bin#0", "b.bin#1", "b.bin#2"]
as_described = (
    links == 2
    and edited == b"DAta"
    and parted == b"DAta"
    and left == ["a.bin", "b.bin", *extra]
    and shown == ["a.bin", "b.bin"]
    and remaining == extra
)
sys.exit(not as_described)
PYTHON
