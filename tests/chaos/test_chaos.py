"""One storm in full."""

from tests.chaos import report, storm
from tests.chaos.clients import Clients
from tests.chaos.fleet import open_fleet
from tests.chaos.storm import Kind, plan
from tests.chaos.verdict import fallen, judge

SEED = 1


def test_storm_loses_nothing_doubles_nothing_and_leaves_nothing_behind() -> None:
    with open_fleet() as fleet:
        clients = Clients(fleet.installation, storm.USERS)
        for name in ("a", "b"):
            fleet.start_host(name)
        fleet.wait_until_whole()
        ended = storm.rage(fleet, clients, SEED)
        history = report.read_history(fleet, clients)
        findings = judge(history)
        numbers = report.figures(history, ended.struck, 0)
        assert not fallen(findings), report.table(f"seed {SEED}", numbers, findings)
    assert len(clients.accepted) > 0.8 * storm.JOBS
    assert ended.struck.total() > 15
    assert ended.struck[Kind.STOP]
    assert ended.struck[Kind.DATABASE]
    assert history.reruns
    assert fleet.watch.samples > 200


def test_seed_decides_the_storm() -> None:
    assert plan(7, 2) == plan(7, 2) != plan(8, 2)
    for seed in range(20):
        kinds = [fault.kind for fault in plan(seed, 2)]
        assert kinds.count(Kind.STOP) == kinds.count(Kind.DATABASE) == 2
        assert {fault.host for fault in plan(seed, 2)} == {0, 1}
