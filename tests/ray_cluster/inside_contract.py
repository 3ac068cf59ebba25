"""The renderer on a Ray cluster fulfils the contract, in both modes of transfer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from domain.prompt import Kind
from tests.contract.media_renderer_contract import Behaviour, MediaRendererContract
from tests.ray_cluster.nodes import (
    WORKFLOWS,
    demand,
    ray_cluster,
    ray_renderer,
    script_workflow,
    workflows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.ray_cluster.renderer import RayRenderer
    from tests.ray_cluster.nodes import Nodes

SCRIPTS = {
    Behaviour.SUCCEED: "good.py",
    Behaviour.FAIL: "fails.py",
    Behaviour.TAKE_LONG: "never_ends.py",
    Behaviour.BE_BROKEN: "good.py",
}


class TestRayRenderer(MediaRendererContract):
    """Files are transferred. Renderers are reused, because each one starts a process on a node."""

    is_shared: ClassVar[bool] = False
    _folder: ClassVar[Path]
    _renderers: ClassVar[dict[Behaviour, RayRenderer]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _cluster(cls, nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        nodes.only(2)
        cls._folder = tmp_path_factory.getbasetemp()
        cls._renderers = {}
        yield
        for renderer in cls._renderers.values():
            renderer.close()

    def renderer(self, behaviour: Behaviour, folder: Path) -> RayRenderer:
        if (kept := self._renderers.get(behaviour)) is not None:
            return kept
        is_broken = behaviour is Behaviour.BE_BROKEN
        interpreter = Path("/no-python" if is_broken else sys.executable)
        script = WORKFLOWS / SCRIPTS[behaviour]
        scripts = {
            (kind, ""): script_workflow(script, self._folder, kind, interpreter) for kind in Kind
        }
        cluster = ray_cluster(
            workflows_of(scripts),
            demand(contract=1),
            shared_folder=self._folder if self.is_shared else None,
        )
        self._renderers[behaviour] = ray_renderer(cluster)
        return self._renderers[behaviour]

    def test_it_is_closed_once_its_jobs_are_over(self, any_kind: Kind, tmp_path: Path) -> None:
        super().test_it_is_closed_once_its_jobs_are_over(any_kind, tmp_path)
        del self._renderers[Behaviour.SUCCEED]


class TestRayRendererWithASharedFolder(TestRayRenderer):
    """The nodes write directly into the job's folder."""

    is_shared = True
