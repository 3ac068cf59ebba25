#!/usr/bin/env bash
# dependency-injector 4.49.1 with werkzeug 3.1.8 and PyYAML 6.0.3 (Python 3.11): naming a class by a string.
#
# Guess:  Factory("package.module.Class") exists so that a container can name a class without importing its module; the
#         module is imported when the first object is wanted. Importing the library itself loads little.
# Seen:   the module is imported while the container's class body runs, as with an ordinary import; a module that is not
#         there fails there. A callable that imports when it is called is the way to a lazy provider. Importing
#         dependency_injector.containers also imports asyncio, and werkzeug and yaml where they are installed, although
#         nothing of them is used.
#
# Output seen:
#   after declaring a provider by a string: heavy imported: True
#   after declaring a provider by a callable: heavy imported: False, after the first call: True
#   a string that names no module fails at: declaration (ModuleNotFoundError)
#   imported along with containers: asyncio werkzeug yaml
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    dependency-injector==4.49.1 werkzeug==3.1.8 PyYAML==6.0.3
for name in heavy other; do echo "class Thing: pass" > "$folder/$name.py"; done
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib import import_module

sys.path.insert(0, ".")
before = set(sys.modules)
from dependency_injector import containers, providers

along = sorted({"asyncio", "werkzeug", "yaml"} & (set(sys.modules) - before))


class ByString(containers.DeclarativeContainer):
    thing = providers.Factory("heavy.Thing")


eager = "heavy" in sys.modules
print("after declaring a provider by a string: heavy imported:", eager)


def thing():
    return import_module("other").Thing()


class ByCallable(containers.DeclarativeContainer):
    thing = providers.Factory(thing)


early = "other" in sys.modules
ByCallable().thing()
late = "other" in sys.modules
print(f"after declaring a provider by a callable: heavy imported: {early}, after the first call: {late}")

try:
    missing = providers.Factory("no_such_module.Thing")
    fails = "the first call"
except ModuleNotFoundError as error:
    fails = f"declaration ({type(error).__name__})"
print("a string that names no module fails at:", fails)
print("imported along with containers:", *along)

as_described = (
    eager and not early and late and fails.startswith("declaration") and len(along) == 3
)
sys.exit(not as_described)
PYTHON
