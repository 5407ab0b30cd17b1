"""Small storms with a purpose: each is ended well by one guard of the product.

A scene runs on a fleet with a web. The mutant without the guard makes a check of the verdict fall.
"""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.chaos.clients import Clients
from tests.chaos.fleet import Fleet, Host, kill, mutation
from tests.chaos.storm import drain

STEPS = 12
LEASE_LIMIT_S = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """play: what happens; guard: the mutant that lacks what ends it well; falls: by which check."""

    play: Callable[[Fleet, Clients], None]
    guard: str
    falls: frozenset[str]
    hosts: tuple[str, ...] = ("a",)


def stopped_worker_goes_on(fleet: Fleet, clients: Clients) -> None:
    """A worker stops beyond its lease, and goes on while another one paints its job.

    The other one is two steps ahead then, so that two hands would show in the row.
    """
    job_id = clients.order(STEPS).job_id
    pid = fleet.installation.wait_for_step(job_id, 2)
    kill(pid, signal.SIGSTOP)
    assert fleet.wait_tending(
        lambda: fleet.query(
            "SELECT 1 FROM generation_generationjob"
            " WHERE public_id = %s AND attempt = 2 AND step >= 5",
            [job_id],
        ),
        limit_s=LEASE_LIMIT_S,
    ), "nobody else took the stopped worker's job"
    kill(pid, signal.SIGCONT)
    drain(fleet, limit_s=30)


def killed_supervisor_comes_back(fleet: Fleet, clients: Clients) -> None:
    """A supervisor is killed while its cluster paints; its successor is there at once."""
    job_id = clients.order(STEPS).job_id
    fleet.installation.wait_for_step(job_id, 2)
    kill(fleet.hosts[0].supervisor.pid, signal.SIGKILL)
    fleet.hosts[0].supervisor.wait()
    drain(fleet, limit_s=60)


def killed_crew_is_replaced(fleet: Fleet, clients: Clients) -> None:
    """All processes of an idle cluster die; a job that comes then does not wait long."""
    for process in fleet.hosts[0].crew():
        kill(process.pid, signal.SIGKILL)
    clients.order(1)
    drain(fleet, limit_s=25)


def host_is_lost(fleet: Fleet, clients: Clients) -> None:
    """A machine goes in the middle of a job, for good; the other one takes the job over."""
    job_id = clients.order(STEPS // 2).job_id
    fleet.installation.wait_for_step(job_id, 2)
    fleet.lose_host(holder_of(fleet, job_id))
    drain(fleet, limit_s=LEASE_LIMIT_S)


def holder_of(fleet: Fleet, job_id: str) -> Host:
    """The host whose worker has the job."""
    ((name,),) = fleet.query(
        "SELECT worker FROM generation_generationjob WHERE public_id = %s", [job_id]
    )
    return next(host for host in fleet.hosts if host.name == name)


SCENES: Mapping[str, Scene] = {
    scene.play.__name__: scene
    for scene in (
        Scene(
            play=stopped_worker_goes_on,
            guard="no-fence",
            falls=frozenset({"one_hand_each", "one_picture_each"}),
            hosts=("a", "b"),
        ),
        Scene(
            play=killed_supervisor_comes_back,
            guard="no-lock",
            falls=frozenset({"one_generator_each"}),
        ),
        Scene(
            play=killed_crew_is_replaced,
            guard="no-watchdog",
            falls=frozenset({"nothing_stuck"}),
        ),
        Scene(
            play=host_is_lost,
            guard="no-reaper",
            falls=frozenset({"nothing_stuck"}),
            hosts=("a", "b"),
        ),
    )
}


def raise_curtain(fleet: Fleet, scene: Scene, mutant: str | None) -> None:
    """Start the scene's hosts, as this mutant if one is named."""
    for name in scene.hosts:
        fleet.start_host(name, **(mutation(mutant) if mutant else {}))
    fleet.wait_until_whole()
