"""The files of ``ops`` refer to what is there, and hold settings that are valid.

They were checked by hand against the schemas of Kubernetes 1.37 (kubernetes-validate), of the
Compose specification (dclint) and of KubeRay 1.7 (the chart's template and the CRD), and the
Dockerfile by hadolint; these are too large to be kept here.
"""

from __future__ import annotations

import json
import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from domain.prompt import Kind
from entrypoints.settings.ray import slot_demands
from entrypoints.settings.workflows import named_workflows
from tests.config_folder import make_config_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

yaml: Any = import_module("yaml")
ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops"
MANIFESTS = ("kubernetes.yaml", "kuberay-daemon.yaml")

# What the template of the chart ray-cluster 1.7 reads; other keys are ignored without a word.
OF_CHART = {
    *("additionalWorkerGroups", "common", "fullnameOverride", "head", "image", "nameOverride"),
    "worker",
}
OF_GROUP = {
    *("podSecurityContext", "rayStartParams", "resources", "securityContext", "sidecarContainers"),
    *("volumeMounts", "volumes"),
}


def documents(name: str) -> list[dict[str, Any]]:
    """The documents of a file."""
    return [one for one in yaml.safe_load_all((OPS / name).read_text("utf-8")) if one]


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The pod of every workload, with its name."""
    for file in MANIFESTS:
        for document in documents(file):
            if document["kind"] in {"Deployment", "Job"}:
                yield document["metadata"]["name"], document["spec"]["template"]["spec"]


@pytest.mark.parametrize(("name", "pod"), [pytest.param(*pod, id=pod[0]) for pod in pods()])
def test_pods_have_what_they_mount_and_probe(name: str, pod: dict[str, Any]) -> None:
    """And run without rights."""
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert pod["securityContext"]["runAsNonRoot"], name
    for container in pod["containers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        paths = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert len(set(paths)) == len(paths)
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        ports = {port["name"] for port in container.get("ports", ())}
        for probe in (value for key, value in container.items() if key.endswith("Probe")):
            assert (
                probe[next(key for key in probe if key in {"httpGet", "tcpSocket"})]["port"]
                in ports
            )


def test_selectors_find_their_pods() -> None:
    """Of deployments, of the disruption budget, and of the service of the page."""
    labels = []
    selectors = []
    for document in (one for file in MANIFESTS for one in documents(file)):
        spec = document.get("spec", {})
        if document["kind"] == "Deployment":
            labels.append(spec["template"]["metadata"]["labels"])
            assert spec["selector"]["matchLabels"] == labels[-1]
        elif document["kind"] in {"PodDisruptionBudget", "Service"}:
            selectors.append(spec["selector"].get("matchLabels", spec["selector"]))
    assert len(labels) == len({tuple(sorted(one.items())) for one in labels}) == 3
    assert selectors
    assert all(selector in labels for selector in selectors)


def configurations() -> dict[str, str]:
    """The settings of every configuration, by the file that holds them."""
    texts = {"config": (OPS / "config" / "media_generator_config.json").read_text("utf-8")}
    for file in MANIFESTS:
        [text] = [
            d["data"]["media_generator_config.json"]
            for d in documents(file)
            if d["kind"] == "ConfigMap"
        ]
        texts[file] = text
    return texts


@pytest.mark.parametrize("where", ["config", *MANIFESTS])
def test_settings_are_valid(where: str, tmp_path: Path) -> None:
    """As the daemon would load them; the files of secrets are there."""
    settings = json.loads(configurations()[where])
    secret = tmp_path / "secret"
    secret.write_text("of the database")
    settings["database"]["password"] = f"@{secret}"
    loaded = make_config_folder(tmp_path).load(settings)
    assert loaded.settings.database.password == "of the database"  # noqa: S105


def test_the_nodes_of_kuberay_have_what_the_slots_take(tmp_path: Path) -> None:
    """The chart passes these values on, KubeRay accepts them, and Ray is the one of the lock."""
    [values] = documents("kuberay-values.yaml")
    head, worker = values["head"], values["worker"]
    assert values.keys() == OF_CHART
    assert head.keys() <= OF_GROUP | {"rayVersion"}
    assert worker.keys() <= OF_GROUP | {"groupName", "replicas", "minReplicas", "maxReplicas"}
    lock = (ROOT / "requirements-kuberay.lock").read_text("utf-8")
    locked = re.search(r"^ray==([\d.]+)", lock, re.MULTILINE)
    assert locked is not None
    assert head["rayVersion"] == locked[1]
    for group in (head, worker):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        assert "labels" not in group["rayStartParams"]  # refused: they belong to the group's labels
    settings = json.loads(configurations()["kuberay-daemon.yaml"])
    del settings["database"]
    media = make_config_folder(tmp_path).load(settings).settings.media
    assert media.ray.address == f"{values['fullnameOverride']}-head-svc:6379"
    [word] = shlex.split(worker["rayStartParams"]["resources"])  # it becomes a word of a command
    offered = json.loads(word) | {"GPU": float(worker["rayStartParams"]["num-gpus"])}
    keys = [one.key for kind in Kind for one in named_workflows(media, kind)]
    [demand] = slot_demands(media.ray, keys)
    assert {"GPU": demand.num_gpus, **demand.resources}.items() <= offered.items()
    assert demand.count <= worker["replicas"]


def test_services_of_compose_have_what_they_name() -> None:
    """Secrets, volumes and other services."""
    [compose] = documents("compose.yaml")
    services = compose["services"]
    for service in services.values():
        assert set(service["secrets"]) <= compose["secrets"].keys()
        named = {volume.partition(":")[0] for volume in service["volumes"]}
        assert {name for name in named if not name.startswith(".")} <= compose["volumes"].keys()
        assert service.get("depends_on", {}).keys() <= services.keys()
        assert not service.get("restart") or service["restart"] in {"no", "unless-stopped"}


def test_the_image_is_built_from_locks_that_are_there() -> None:
    """With the build's own argument, and with that of the image for Ray."""
    text = (OPS / "Dockerfile").read_text("utf-8")
    locks = re.findall(r"LOCK=(\S+)", text)
    assert sorted(set(locks)) == ["requirements-container.lock", "requirements-kuberay.lock"]
    assert all((ROOT / lock).is_file() for lock in locks)
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / path).exists() for path in copied.split() if "$" not in path)
