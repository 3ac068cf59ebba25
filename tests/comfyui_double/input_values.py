"""Constant values in a graph: converted as ComfyUI converts them, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Problem = dict[str, Any]

_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "INT": int,
    "FLOAT": float,
    "STRING": str,
    "BOOLEAN": bool,
}
_LONGEST_LIST = 20


def problem(kind: str, message: str, details: str = "", **extra: object) -> Problem:
    """An error in ComfyUI's format."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def converted(inputs: dict[str, Any], name: str, config: list[Any]) -> Problem | None:
    """Convert a value in place; returns what is wrong with it."""
    kind, options = config[0], config[1] if len(config) > 1 else {}
    told = {"input_name": name, "input_config": config}
    if isinstance(kind, str) and kind in _CONVERSIONS:
        try:
            inputs[name] = _CONVERSIONS[kind](inputs[name])
        except (ValueError, TypeError) as error:
            return problem(
                "invalid_input_type",
                f"Failed to convert an input value to a {kind} value",
                f"{name}, {inputs[name]}, {error}",
                **told,
                received_value=inputs[name],
                exception_message=str(error),
            )
    value = inputs[name]
    told["received_value"] = value
    if "min" in options and value < options["min"]:
        message = f"Value {value} smaller than min of {options['min']}"
        return problem("value_smaller_than_min", message, name, **told)
    if "max" in options and value > options["max"]:
        message = f"Value {value} bigger than max of {options['max']}"
        return problem("value_bigger_than_max", message, name, **told)
    if isinstance(kind, list) and value not in kind:
        listed = str(kind) if len(kind) <= _LONGEST_LIST else f"(list of length {len(kind)})"
        details = f"{name}: '{value}' not in {listed}"
        return problem("value_not_in_list", "Value not in list", details, **told)
    return None
