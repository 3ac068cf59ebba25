"""The settings of a Ray cluster: errors, and the resulting slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from domain.prompt import Kind
from entrypoints.daemon.slots import planned_slots
from entrypoints.settings.errors import SettingsError
from entrypoints.settings.ray import slot_demands
from tests.config_folder import make_config_folder

if TYPE_CHECKING:
    from pathlib import Path


def media(audio: str = "ray", **ray: Any) -> dict[str, Any]:  # noqa: ANN401
    """Pictures, and perhaps songs, rendered on a cluster."""
    ray = {"address": "head:6379", **ray}
    return {"media": {"renderer": {"image": "ray", "audio": audio}, "ray": ray}}


def test_slots_follow_from_the_cluster(tmp_path: Path) -> None:
    """Each entry as often as its count, without kinds that another renderer makes."""
    slots = [{"kinds": ["image"], "count": 2, "resources": {"model:flux": 1}}, {"num_gpus": 0.5}]
    loaded = make_config_folder(tmp_path).load(media("script", slots=slots))
    image, audio = frozenset({Kind.IMAGE}), frozenset({Kind.AUDIO})
    assert [plan.kinds for plan in planned_slots(loaded.settings)] == [image] * 3 + [audio]
    flux, other = slot_demands(loaded.settings.media.ray, [(Kind.IMAGE, "")])
    assert (flux.kinds, flux.num_gpus, dict(flux.resources)) == (image, 1.0, {"model:flux": 1.0})
    assert str(flux) == "num_gpus 1, model:flux 1"
    assert (other.kinds, other.num_gpus) == (image, 0.5)


NAMED = (
    {"name": "flux", "renderer": "ray", "when": {"style": "photo"}},
    {"name": "draft", "renderer": "sketch", "when": {"style": "draft"}},
    {"name": "plain", "renderer": "ray"},
)


def named(**ray: Any) -> dict[str, Any]:  # noqa: ANN401
    """Named workflows, of which some are rendered on a cluster, although the kind is not."""
    ray = {"address": "head:6379", **ray}
    return {"media": {"workflows": {"image": list(NAMED)}, "ray": ray}}


def test_slots_follow_from_named_workflows(tmp_path: Path) -> None:
    """Also where another renderer is that of the kind; an entry may have workflows of its own."""
    slots = [{"workflows": ["flux"], "count": 2}, {"workflows": ["plain"], "kinds": ["image"]}]
    loaded = make_config_folder(tmp_path).load(named(slots=slots))
    image, audio = frozenset({Kind.IMAGE}), frozenset({Kind.AUDIO})
    assert [plan.kinds for plan in planned_slots(loaded.settings)] == [image] * 3 + [audio]
    keys = [(Kind.IMAGE, "flux"), (Kind.IMAGE, "plain")]
    flux, plain = slot_demands(loaded.settings.media.ray, keys)
    assert (flux.count, plain.count) == (2, 1)
    assert [[demand.renders(key) for key in keys] for demand in (flux, plain)] == [
        [True, False],
        [False, True],
    ]


@pytest.mark.parametrize(
    ("slots", "complaint"),
    [
        ([{"workflows": ["fluxx"]}], 'Did you mean "flux"'),
        ([{"workflows": []}], "workflows is an empty list"),
        ([{"workflows": ["flux"]}], 'the kind "image" and the workflow "plain"'),
        ([{"workflows": ["flux"]}, {"kinds": ["audio"]}], 'the workflow "plain"'),
    ],
)
def test_workflows_of_slots_are_checked(slots: list[Any], complaint: str, tmp_path: Path) -> None:
    """Each is known, and each workflow has a slot."""
    with pytest.raises(SettingsError) as raised:
        make_config_folder(tmp_path).load(named(slots=slots))
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("ray", "complaint"),
    [
        ({"address": None}, "media.ray.address is not set"),
        ({"address": "ray://head:10001"}, "Ray Client"),
        ({"address": "head"}, "not a host and a port"),
        ({"slots": []}, "is empty"),
        ({"slots": [{"gpus": 1}]}, 'Did you mean "num_gpus"'),
        ({"slots": [{"count": 0}]}, "count is 0"),
        ({"slots": [{"num_gpus": -1}]}, "num_gpus is -1"),
        ({"slots": [{"kinds": ["image"]}]}, 'has the kind "audio"'),
        ({"slots": [{"kinds": ["video"]}]}, 'a list of "image" and "audio"'),
        ({"slots": [{"resources": {"GPU": 1}}]}, 'Use "num_gpus"'),
        ({"slots": [{"resources": {"model:flux": "1"}}]}, "the resource model:flux"),
        ({"slots": [{"resources": 1}]}, "no object"),
        ({"slots": [{"labels": {"zone": 1}}]}, "the label zone"),
        ({"runs": "server"}, "media.workflows.image is not set"),
    ],
)
def test_impossible_settings_are_explained(
    ray: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    """Before the cluster is contacted."""
    with pytest.raises(SettingsError) as raised:
        make_config_folder(tmp_path).load(media(**ray))
    assert complaint in str(raised.value)
