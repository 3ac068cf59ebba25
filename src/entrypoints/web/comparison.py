"""The prompts of a label as a grid: what the page ``/compare`` shows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from entrypoints.web import labels_api
from entrypoints.web.labels_api import LabelParameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entrypoints.web.labels_api import AxisItem, ComparedPrompt, Comparison
    from entrypoints.web.services import Services


@dataclass(frozen=True, slots=True)
class Grid:
    """One table of prompts.

    Attributes:
        title: the values of what is neither in its rows nor in its columns; "" if there are none.
        rows: for each value of the rows' axis its text and its cells, by column. Each cell has
            the prompts of these values, the newest last; most have one.
    """

    title: str
    rows: Sequence[tuple[str, Sequence[Sequence[ComparedPrompt]]]]


def compare_context(services: Services) -> dict[str, object]:
    """What the page shows: the label that the request names, or a list of labels.

    Raises:
        ApiError: no prompt has the label.
        RepositoryError: the database cannot be used.
    """
    label = request.args.get("label", "").strip()
    if not label:
        return {"labels": labels_api.list_labels(services).labels, "label": ""}
    comparison = labels_api.comparison(services, LabelParameters(label))
    paths = [axis.path for axis in comparison.axes]
    # The rows are what was varied first, which changes least from one prompt to the next. What has
    # one value only needs neither rows nor columns.
    varied = [axis.path for axis in comparison.axes if len(axis.values) > 1] or paths
    column = _chosen(request.args.get("columns"), paths, varied[1:2] or varied[:1])
    not_columns = [path for path in paths if path != column]
    row = _chosen(
        request.args.get("rows"),
        not_columns,
        [path for path in varied if path != column] or not_columns[:1],
    )
    whole = [prompt for prompt in comparison.prompts if None not in prompt.place]
    return {
        "label": label,
        "comparison": comparison,
        "paths": paths,
        "rows": row,
        "columns": column,
        "heads": _axis(comparison, column).texts if column else [],
        "grids": _grids(comparison, whole, row, column) if column else [],
        "rest": [prompt for prompt in comparison.prompts if not column or None in prompt.place],
        "busy": sum(p.status in {"pending", "processing"} for p in comparison.prompts),
    }


def _chosen(path: str | None, paths: Sequence[str], default: Sequence[str]) -> str:
    return path if path and path in paths else next(iter(default), "")


def _axis(comparison: Comparison, path: str) -> AxisItem:
    return next(axis for axis in comparison.axes if axis.path == path)


def _grids(
    comparison: Comparison, prompts: Sequence[ComparedPrompt], row: str, column: str
) -> list[Grid]:
    """A grid for each combination of what is neither in rows nor in columns."""
    paths = [axis.path for axis in comparison.axes]
    cells: dict[tuple[int | None, ...], list[ComparedPrompt]] = {}
    for prompt in prompts:
        cells.setdefault(tuple(prompt.place), []).append(prompt)
    further = [axis for axis in comparison.axes if axis.path not in {row, column}]
    grids: list[Grid] = []
    for chosen in itertools.product(*(range(len(axis.values)) for axis in further)):
        places = dict(zip((axis.path for axis in further), chosen, strict=True))
        title = ", ".join(
            f"{short(axis.path)} {axis.texts[place]}"
            for axis, place in zip(further, chosen, strict=True)
        )
        rows: list[tuple[str, list[list[ComparedPrompt]]]] = []
        row_texts = _axis(comparison, row).texts if row else [""]
        for number, text in enumerate(row_texts):
            across: list[list[ComparedPrompt]] = []
            for place in range(len(_axis(comparison, column).texts)):
                numbers = places | {row: number, column: place}
                across.append(cells.get(tuple(numbers[path] for path in paths), []))
            if any(across):
                rows.append((text, across))
        if rows:
            grids.append(Grid(title, rows))
    return grids


def short(path: str) -> str:
    """The last name of a path, which says enough in a caption."""
    return path.rpartition(".")[2]
