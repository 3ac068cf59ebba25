"""The results of ComfyUI's loader nodes, kept from one script to the next."""

from __future__ import annotations

import os
import sys
import types
from collections import OrderedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MAX_MEMOISED = 32


class LoaderMemo:
    """Keeps what ComfyUI's loader nodes returned, as ComfyUI's own server does.

    A result is used again for equal inputs as long as the model files that were read are the
    same. Nodes that say themselves whether their inputs changed are left alone, and so are inputs
    that may change, such as lists.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[object, tuple[object, ...]] = OrderedDict()
        self._wrapped: set[str] = set()
        self._reading: list[dict[str, object]] = []
        self._files_are_followed = False

    def install(self) -> None:
        """Wrap the loader nodes that ComfyUI has by now."""
        nodes = sys.modules.get("nodes")
        for name, cls in dict(getattr(nodes, "NODE_CLASS_MAPPINGS", {})).items():
            if name not in self._wrapped and _is_loader(cls):
                self._wrapped.add(name)
                self._wrap(name, cls)
        folder_paths = sys.modules.get("folder_paths")
        if folder_paths is not None and not self._files_are_followed:
            self._files_are_followed = True
            self._follow_files(folder_paths)

    def _wrap(self, name: str, cls: Any) -> None:  # noqa: ANN401 - a node
        function = cls.FUNCTION
        is_static = not isinstance(getattr(cls, function), types.FunctionType)
        original = getattr(cls, function)

        def load(*arguments: object, **inputs: object) -> object:
            values = arguments if is_static else arguments[1:]
            return self._load(name, values, inputs, lambda: original(*arguments, **inputs))

        setattr(cls, function, staticmethod(load) if is_static else load)

    def _load(
        self,
        name: str,
        values: tuple[object, ...],
        inputs: dict[str, object],
        call: Callable[[], object],
    ) -> object:
        arguments = (*values, *inputs.values())
        if any(isinstance(value, (list, dict, set, bytearray)) for value in arguments):
            return call()
        key = (name, tuple(map(_key, values)), tuple((k, _key(v)) for k, v in inputs.items()))
        kept = self._kept.get(key)
        if kept is not None:
            _, result, files, began, ended = kept
            if {path: _file_state(path) for path in files} == files:  # type: ignore[attr-defined]
                self._kept.move_to_end(key)
                _continue_randomness(began, ended)
                return result
        before = _random_state()
        self._reading.append({})
        try:
            result = call()
        finally:
            files = self._reading.pop()
        if not hasattr(result, "__await__"):
            self._kept[key] = (arguments, result, files, before, _random_state())
            if len(self._kept) > _MAX_MEMOISED:
                self._kept.popitem(last=False)
        return result

    def _follow_files(self, folder_paths: Any) -> None:  # noqa: ANN401 - a module
        original = folder_paths.get_full_path

        def get_full_path(*arguments: object, **named: object) -> object:
            path = original(*arguments, **named)
            if isinstance(path, str):
                for files in self._reading:
                    files[path] = _file_state(path)
            return path

        folder_paths.get_full_path = get_full_path


def _is_loader(cls: Any) -> bool:  # noqa: ANN401 - a node
    try:
        function = getattr(cls, cls.FUNCTION, None)
        if "loaders" not in str(cls.CATEGORY).split("/") or not callable(function):
            return False
        if getattr(cls, "OUTPUT_NODE", False) or hasattr(cls, "IS_CHANGED"):
            return False
        return not any(
            "fingerprint_inputs" in vars(base)
            for base in cls.__mro__
            if not base.__module__.startswith("comfy_api.")
        )
    except Exception:  # noqa: BLE001 - a class of another program
        return False


def _key(value: object) -> object:
    """What stands for an input; objects are equal only to themselves, and are kept meanwhile."""
    if value is None or isinstance(value, (str, int, float, bool, bytes)):
        return type(value), value
    return "object", id(value)


def _file_state(path: str) -> object:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _random_state() -> Any:  # noqa: ANN401 - a tensor
    torch = sys.modules.get("torch")
    return None if torch is None else torch.get_rng_state()


def _continue_randomness(began: Any, ended: Any) -> None:  # noqa: ANN401 - tensors
    """Leave torch's generator as a loader left it that began at the same state."""
    torch = sys.modules.get("torch")
    if torch is not None and began is not None and torch.equal(torch.get_rng_state(), began):
        torch.set_rng_state(ended)
