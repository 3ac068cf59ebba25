#!/usr/bin/env bash
# dependency-injector 4.49.1 (Python 3.11): an object that stands as an argument of a provider in a container's class.
#
# Guess:  Factory(Service, table) gives every service the table that was named, as functools.partial would. Two containers of one class,
#         and the module that the table comes from, share it.
# Seen:   an instance of a container has deep copies of the objects among the arguments of its providers: each container has a table of
#         its own, and what the module writes into its table later reaches none. The class itself, used without an
#         instance, passes the original, so a test that calls it there sees nothing. A lock cannot be copied: making
#         the container fails. The same table wrapped in providers.Object is passed on as it is.
#
# Output seen:
#   Factory(dict, table=TABLE):          the class passes the original: True, a container: False, two containers share one: False
#   Factory(dict, table=Object(TABLE)):  the class passes the original: True, a container: True, two containers share one: True
#   written to the module's table: {'new': 1}, seen by the container: {} and, through Object, {'new': 1}
#   a lock as an argument: NonCopyableArgumentError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dependency-injector==4.49.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import threading

from dependency_injector import containers, errors, providers

TABLE = {}


class Container(containers.DeclarativeContainer):
    plain = providers.Factory(dict, table=TABLE)
    wrapped = providers.Factory(dict, table=providers.Object(TABLE))


class WithLock(containers.DeclarativeContainer):
    guarded = providers.Factory(dict, lock=threading.Lock())


first, second = Container(), Container()
seen = []
for name, label in (("plain", "table=TABLE"), ("wrapped", "table=Object(TABLE)")):
    of_class, of_first, of_second = (getattr(owner, name)()["table"] for owner in (Container, first, second))
    facts = (of_class is TABLE, of_first is TABLE, of_first is of_second)
    print(f"{f'Factory(dict, {label}):':36} the class passes the original: {facts[0]}, a container: {facts[1]}, "
          f"two containers share one: {facts[2]}")
    seen.append(facts)
TABLE["new"] = 1
late = (first.plain()["table"], first.wrapped()["table"])
print(f"written to the module's table: {TABLE}, seen by the container: {late[0]} and, through Object, {late[1]}")
try:
    WithLock()
    answer = "accepted"
except errors.NonCopyableArgumentError as error:
    answer = type(error).__name__
print("a lock as an argument:", answer)
sys.exit(
    (seen, late, answer)
    != ([(True, False, False), (True, True, True)], ({}, {"new": 1}), "NonCopyableArgumentError")
)
PYTHON
