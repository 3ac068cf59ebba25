"""A sample of the official templates is converted like ComfyUI's front end exports them.

``make front-end`` compares all of them.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from adapters.comfyui_graph.bundled_node_types import bundled_node_types
from tests.front_end.comparison import compared, is_known, templates
from tests.front_end.judge import Judge
from tests.front_end.site import served, static_folder
from tests.web.availability import REQUIRED, needed_chromium
from tests.web.chromium import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE = 30
# Each has a special feature: nested and bypassed subgraphs, promoted values, choices with
# inputs of their own, growing groups, switches, songs.
_CHOSEN = ("flux1_dev_uso_reference_image_gen", "audio_ace_step_1_5_checkpoint", "image_flux2")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """The front end in a browser, with the node types that ship with the program."""
    if static_folder() is None or not templates():
        missing = "the front end is not installed; make slow installs it"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    program = needed_chromium()
    with served(bundled_node_types()[0]) as address, chromium(program) as browser:
        yield Judge(browser, address)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sample_of_the_templates_is_converted_like_the_front_end(judge: Judge) -> None:
    """Nodes, links and values agree in all of them."""
    info, _ = bundled_node_types()
    files = templates()
    sample = {*files[:: len(files) // _SAMPLE], *(f for f in files if f.stem.startswith(_CHOSEN))}
    different = []
    count = 0
    for file in sorted(sample):
        workflow = json.loads(file.read_bytes())
        exported = judge.export(workflow) if is_known(workflow, info) else None
        if exported is not None:
            count += 1
            comparison = compared(file.name, workflow, exported, info)
            if comparison.refusal or comparison.structure or comparison.values:
                different.append(comparison)
    assert count >= _SAMPLE
    assert not different
