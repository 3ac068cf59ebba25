"""Contract tests of the server renderer, with a server double."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.comfyui_double import running_double
from tests.contract.media_renderer_contract import Behaviour, MediaRendererContract
from tests.integration.comfyui_server.renderers import renderer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from application.ports.media_renderer import MediaRenderer


class TestServerRenderer(MediaRendererContract):
    _open: ExitStack

    @pytest.fixture(autouse=True)
    def _world(self) -> Iterator[None]:
        with ExitStack() as self._open:
            yield

    def renderer(self, behaviour: Behaviour, folder: Path) -> MediaRenderer:
        double = self._open.enter_context(running_double(folder / "server"))
        match behaviour:
            case Behaviour.SUCCEED:
                pass
            case Behaviour.FAIL:
                for output in ("SaveImage", "SaveAudioMP3"):
                    double.behaviour.fail(output, "exception", times=None)
            case Behaviour.TAKE_LONG:
                double.behaviour.step_seconds = 0.2
                double.behaviour.fail("VAEDecode", "hold", times=None)
            case Behaviour.BE_BROKEN:
                double.stop()
        return self._open.enter_context(renderer(folder / "workflows", [double.url]))
