"""All that is looked at, side by side and within a time limit, whatever hangs."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from django.db import connections
from django.utils import translation

from generation.doctor import card, configuration, database, models, packages, service, storage
from generation.doctor.finding import Finding, bad, one_line

LIMIT_S = 7.5
"""With the start of Python and Django, on a busy machine, it makes ten seconds."""
DEEP_LIMIT_S = 3_600.0

Section = Callable[[], Iterable[Finding]]


def examine(*, is_deep: bool = False) -> list[Finding]:
    """Every finding, in the order of the sections.

    is_deep: read every byte of the models, which takes as long as the disk takes.
    """
    sections: dict[str, Section] = {
        "packages": packages.examine,
        "card": card.examine,
        "models": lambda: models.examine(is_deep=is_deep),
        "storage": storage.examine,
        "database": _database_and_queue,
        "settings": configuration.examine,
    }
    return run(sections, DEEP_LIMIT_S if is_deep else LIMIT_S)


def run(sections: Mapping[str, Section], limit_s: float) -> list[Finding]:
    """What the sections find, each in a thread of its own.

    One that hangs, in a dead network drive or a driver, is told as a finding beside what it had
    found before; its thread ends with the process.
    """
    give_up_at = time.monotonic() + limit_s
    looks = [Look(name, section) for name, section in sections.items()]
    return [
        finding
        for look in looks
        for finding in look.results(give_up_at - time.monotonic(), limit_s)
    ]


class Look:
    """One section at work in its thread."""

    def __init__(self, name: str, section: Section) -> None:
        self._name = name
        self._section = section
        self._findings: list[Finding] = []
        self._thread = threading.Thread(target=self._look, name=name, daemon=True)
        self._thread.start()

    def results(self, patience_s: float, limit_s: float) -> list[Finding]:
        """What was found by then. limit_s: what the words tell."""
        self._thread.join(max(0.0, patience_s))
        found = list(self._findings)
        if self._thread.is_alive():
            remedy = "dmesg | tail  (a drive, driver or server that does not answer)"
            found.append(bad(self._name, f"no answer within {limit_s:g} seconds", remedy))
        return found

    def _look(self) -> None:
        with translation.override("en"):  # a new thread has the site's language
            try:
                for finding in self._section():
                    self._findings.append(finding)
            except Exception as error:  # noqa: BLE001  whoever is in trouble needs no traceback
                words = one_line(f"could not be examined: {type(error).__name__}: {error}")
                remedy = "report it as a fault of Imagen, with this line"
                self._findings.append(bad(self._name, words, remedy))
            finally:
                connections.close_all()


def _database_and_queue() -> Iterable[Finding]:
    """The queue can be asked only where the tables are those of this code."""
    findings = list(database.examine())
    yield from findings
    if database.has_tables(findings):
        yield from service.examine()
