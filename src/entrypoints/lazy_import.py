"""Classes and functions that are imported when they are first called.

Start-up is measured: a command that only looks at the queue must not import what renders. So the
container and the registry of renderers, which name many classes and use few, name them like this.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Lazy:
    """A callable in a module that may not be imported yet. Safe from any thread.

    Args:
        path: the module and the name in it, such as "adapters.system_clock:SystemClock".
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._target: Callable[..., Any] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the target decides
        """Call the target; raises what it raises."""
        return self.resolve()(*args, **kwargs)

    def __repr__(self) -> str:
        """The path, for messages of the injector."""
        return f"Lazy({self.path!r})"

    def resolve(self) -> Callable[..., Any]:
        """The target, imported by the first call.

        Raises:
            ImportError: there is no such module.
            AttributeError: the module has no such name.
        """
        if self._target is None:
            module, _, name = self.path.partition(":")
            self._target = getattr(import_module(module), name)
        return self._target
