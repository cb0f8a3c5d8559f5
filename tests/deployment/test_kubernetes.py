"""The manifests for Kubernetes: it understands them, and so do the services.

Nothing here runs on a cluster: the schemas lie in a package, and the commands run on this machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from central_bank.settings import Settings as CentralBankSettings
from deployment.limits import STOP_TIMEOUT_S
from operator_bank.settings import Settings as BankSettings
from runtime import health
from runtime.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = sorted((ROOT / "deployment" / "kubernetes").glob("*.yaml"))
SERVICES = [path for path in MANIFESTS if not path.stem.endswith("-migrate")]
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
PYTHON = ["/opt/dcep/bin/python", "-m"]
by_name = pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
of_services = pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)


def objects(path: Path) -> dict[str, list[dict[str, Any]]]:
    """By kind, what a file describes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in yaml.safe_load_all(path.read_text()):
        found.setdefault(one["kind"], []).append(one)
    return found


def pod(path: Path) -> dict[str, Any]:
    """The one pod of a file."""
    found = objects(path)
    [holder] = found.get("StatefulSet", []) + found.get("Job", [])
    made: dict[str, Any] = holder["spec"]["template"]["spec"]
    return made


def containers(path: Path) -> list[dict[str, Any]]:
    return [*pod(path).get("initContainers", []), *pod(path)["containers"]]


def commands(path: Path) -> list[list[str]]:
    """What is run of ours, of the service and its probes, each once."""
    [container] = pod(path)["containers"]
    probes = [container[probe]["exec"]["command"] for probe in PROBES if probe in container]
    return [container["command"], *(one for i, one in enumerate(probes) if one not in probes[:i])]


@by_name
@pytest.mark.parametrize("version", ["1.34", kubernetes_validate.latest_version()])
def test_kubernetes_knows_every_field(path: Path, version: str) -> None:
    for one in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(one, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    [one] = objects(SERVICES[0])["StatefulSet"]
    one["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(one, "1.34", strict=True)


@by_name
def test_no_root_and_nothing_written_beside_what_is_mounted(path: Path) -> None:
    of_pod = pod(path)["securityContext"]
    assert (of_pod["runAsNonRoot"], of_pod["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    assert of_pod["runAsUser"] >= 10_000 and of_pod["runAsGroup"] >= 10_000
    assert not pod(path)["automountServiceAccountToken"] and not pod(path)["enableServiceLinks"]
    for container in containers(path):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}


@of_services
def test_one_replica_that_is_not_ended_by_the_way(path: Path) -> None:
    found = objects(path)
    [of_service], [budget] = found["StatefulSet"], found["PodDisruptionBudget"]
    assert of_service["spec"]["replicas"] == budget["spec"]["minAvailable"] == 1
    assert of_service["spec"]["selector"] == budget["spec"]["selector"]
    labels = of_service["spec"]["template"]["metadata"]["labels"]
    assert of_service["spec"]["selector"]["matchLabels"] == labels
    assert {one["metadata"]["name"] for one in found["Service"]} >= {
        of_service["spec"]["serviceName"]
    }
    assert all(one["spec"]["selector"] == labels for one in found["Service"])


@of_services
def test_a_service_has_time_to_drain(path: Path) -> None:
    [service] = pod(path)["containers"]
    pause = service["lifecycle"]["preStop"]["sleep"]["seconds"]
    unit = (ROOT / "deployment/systemd/dcep-bank@.service").read_text()
    systemd = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert systemd is not None and int(systemd[1]) > STOP_TIMEOUT_S
    assert pod(path)["terminationGracePeriodSeconds"] >= int(systemd[1]) + pause


@of_services
def test_a_key_comes_only_where_nobody_else_may_read_it(path: Path) -> None:
    volumes = {volume["name"]: volume for volume in pod(path)["volumes"]}
    [copy], [service] = pod(path)["initContainers"], pod(path)["containers"]
    assert volumes["keys"]["emptyDir"]["medium"] == "Memory"
    assert "install -m 0400 " in copy["command"][-1]
    mounted = {mount["name"]: mount["mountPath"] for mount in service["volumeMounts"]}
    assert "secret" not in mounted, "a mounted secret is open to the group"
    for name in ("tls", "secret"):
        assert volumes[name]["secret"]["defaultMode"] == 0o440
    named = re.findall(r"pin-source=file:(\S+)/pin", path.read_text())
    assert set(named) == {mounted["keys"]}


@of_services
def test_the_settings_are_those_of_the_service(path: Path, tmp_path: Path) -> None:
    [config] = objects(path)["ConfigMap"]
    file = tmp_path / "settings.toml"
    file.write_text(config["data"]["settings.toml"])
    kind = CentralBankSettings if path.stem == "central-bank" else BankSettings
    load_settings(kind, file, {"DCEP_DATABASE_URL": "postgresql+psycopg://host/name"})
    told = tomllib.loads(file.read_text())
    assert "keys_in_files" not in told
    [service] = pod(path)["containers"]
    mounted = [mount["mountPath"] for mount in service["volumeMounts"]]
    for name, value in told.items():
        if str(value).startswith("/"):
            assert str(Path(value).parent) in mounted, name
    listens = {
        int(value.rpartition(":")[2])
        for name, value in told.items()
        if name in ("listen_address", "public_address", "inner_address")
    }
    assert listens == {port["containerPort"] for port in service["ports"]}
    for probe in PROBES:
        words = service[probe]["exec"]["command"]
        asked = {word for word in words if word.startswith("localhost:")}
        assert asked == {f"localhost:{port}" for port in listens}
        assert ("--live" in words) == (probe != "readinessProbe")


@by_name
def test_the_commands_are_taken(path: Path) -> None:
    """They go as far as the files, which are not there."""
    for command in commands(path):
        assert command[:2] == PYTHON
        words = [word.removeprefix("dcep.") for word in command[2:]]
        done = subprocess.run(
            [sys.executable, "-m", *words], capture_output=True, text=True, timeout=120, cwd=ROOT
        )
        assert done.returncode == 2
        assert re.search(r"/etc/dcep/\S+ cannot be read|No such file", done.stderr), done.stderr
        assert "usage:" not in done.stderr


def test_a_probe_is_given_up_after_the_command_gives_up() -> None:
    for path in SERVICES:
        [service] = pod(path)["containers"]
        for probe in PROBES:
            asked = sum(word.startswith("localhost:") for word in service[probe]["exec"]["command"])
            assert service[probe]["timeoutSeconds"] > asked * health.WITHIN_S
