"""Keeps one cluster whole, recovers what dies, and rings for what waits."""

import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection

from generation import schema
from generation.jobs import controls, outage, presence, recovery, tickets
from generation.worker import registry
from generation.worker.cluster import Cluster, end_group
from generation.worker.gpu_lock import GpuLock

logger = logging.getLogger(__name__)

WATCH_EVERY_S = 0.5
REAP_EVERY_S = 5.0
REST_AFTER_OUTAGE_S = 10.0
"""No job is taken from a worker that could not beat: each gets this long to do it again."""
TIDY_EVERY_S = 60.0
DEAF_AFTER_S = 15.0
ENROL_EVERY_S = 1.0
STEADY_AFTER_S = 60.0
SHORTEST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0


class Supervisor:
    """The one that is in charge of a device on this host.

    keep_database is called every few seconds to bring an embedded PostgreSQL back.
    """

    def __init__(
        self,
        *,
        lock: GpuLock,
        device: str,
        manage_py: Path,
        keep_database: Callable[[], object],
    ) -> None:
        self.name = settings.IMAGEN_WORKER_NAME or f"{socket.gethostname()}/{lock.name}"
        self.identity = registry.identify(self.name, device, lock.path)
        self.lock = lock
        self.manage_py = manage_py
        self.keep_database = keep_database
        self._is_stopping = False
        self._wants_drain = False
        self._is_draining = False
        self._is_database_away = False
        self._is_waiting_for_job = False
        self._next_reap = self._next_tidy = self._reap_from = 0.0
        self._passed_over_since: float | None = None
        self._refusal = ""

    def stop(self) -> None:
        """Ask `run` to come to its end. Takes no lock, so that a signal handler may call it."""
        self._is_stopping = True

    def drain(self) -> None:
        """Ask it to finish its job, take no more, and free the device. For a signal handler too."""
        self._wants_drain = True

    def run(self) -> None:
        """Supervise until `stop`; then the cluster is killed and its job goes back to the queue."""
        if not (self._take_device() and self._take_name()):
            return
        self._with_database(lambda: recovery.recover_worker(self.name))
        try:
            self._keep_a_cluster()
        except Exception as error:
            self._note_error(f"{type(error).__name__}: {error}")
            raise
        finally:
            is_released = self._with_database(lambda: recovery.release_worker(self.name))
        if is_released:  # else the database is away, and asking again would only take time
            self._do_duty(lambda: registry.note_stop(self.identity))
        logger.info("%s: stopped, nothing runs here any more", self.name)

    def _take_device(self) -> bool:
        """Wait for the device's lock; end the leftovers of a killed supervisor. False: stopped."""
        is_told = False
        while not self.lock.acquire():
            holder = self.lock.holder()
            if holder and holder.is_abandoned:
                left = holder.group_id
                logger.warning("%s: ending what a killed supervisor left (%d)", self.name, left)
                end_group(left)
            elif not is_told:
                is_told = True
                logger.warning("%s: in use by another worker, waiting for it", self.name)
            if self._pause(WATCH_EVERY_S):
                return False
        return True

    def _take_name(self) -> bool:
        """Enrol; wait for the database, and while another device's worker bears this name.

        False: stopped.
        """
        told = ""
        while not self._asks(self._may_enrol):
            if self._refusal and self._refusal != told:
                told = self._refusal
                logger.error("%s: %s", self.name, told)
            if self._pause(ENROL_EVERY_S):
                return False
            self._attempt(self.keep_database)
        return True

    def _may_enrol(self) -> bool:
        self._refusal = ""
        if schema.missing_migrations():
            self._refusal = "the database is not up to date; run manage.py migrate"
        elif not registry.enrol(self.identity):
            self._refusal = (
                "a worker of another device has this name; waiting until it is gone. "
                "Give each worker its own by IMAGEN_WORKER_NAME."
            )
        return not self._refusal

    def _keep_a_cluster(self) -> None:
        """Start one after another, with growing pauses while they do not last, until `stop`."""
        pause_s = SHORTEST_PAUSE_S
        while not self._is_stopping:
            if self._wants_drain:
                self._do_duty(self._begin_drain)
            if self._is_draining:
                self._rest()
                pause_s = SHORTEST_PAUSE_S
                continue
            cluster = self._start_cluster()
            lost: frozenset[int] = frozenset()
            try:
                lost = self._watch(cluster)
            finally:
                cluster.end()
            if not self._is_stopping:
                is_steady = time.monotonic() - cluster.started_at > STEADY_AFTER_S
                pause_s = SHORTEST_PAUSE_S if is_steady else min(2 * pause_s, LONGEST_PAUSE_S)
                self._take_job_back(lost)
                self._pause(0 if self._is_draining else pause_s)

    def _take_job_back(self, lost: frozenset[int]) -> None:
        """From the crew that has ended, once the database is there: its successor needs it gone.

        Only a job whose own worker is lost counts a crash; a crew may be ended for others.
        """

        def take_back() -> None:
            is_worker_lost = recovery.busy_pid(self.name) in lost
            by = recovery.recover_worker if is_worker_lost else recovery.release_worker
            by(self.name)

        while not self._with_database(take_back) and not self._pause(ENROL_EVERY_S):
            self._attempt(self.keep_database)

    def _start_cluster(self) -> Cluster:
        self._with_database(lambda: registry.note_cluster(self.identity))
        cluster = Cluster(self.manage_py, worker_name=self.name, lock=self.lock)
        self._is_waiting_for_job = False
        self._passed_over_since = None
        logger.info("%s: cluster %d starts", self.name, cluster.group_id)
        self._with_database(tickets.ring)  # the first ticket loads the model
        return cluster

    def _watch(self, cluster: Cluster) -> frozenset[int]:
        """Do what is due until the crew is broken, deaf or drained, or until `stop`.

        The processes that it has lost.
        """
        while not self._pause(WATCH_EVERY_S):
            lost = cluster.missing()
            if lost and self._can_restart(cluster, lost):
                self._tell_loss(lost)
                return lost
            if self._do_what_is_due() and cluster.crew and self._is_deaf():
                self._give_up("took no job though one waits, restarting all")
                break
            if self._is_drained():
                break
        return frozenset()

    def _rest(self) -> None:
        """The cluster has ended, the device is free: wait to be resumed or stopped."""
        logger.warning("%s: drained, nothing runs here; resume or stop it", self.name)
        self.lock.recorder()(os.getpid())  # whoever asks for the holder's health finds it well
        self._do_duty(lambda: registry.note_drained(self.identity))
        while self._is_draining and not self._pause(WATCH_EVERY_S):
            if self._do_what_is_due():
                self._do_duty(lambda: registry.note_drained(self.identity))
        if not self._is_draining:
            logger.warning("%s: resumed", self.name)

    def _do_what_is_due(self) -> bool:
        """Reap, ring, give a sign, tidy. Whether it was time to look after jobs and workers."""
        if self._wants_drain:
            self._do_duty(self._begin_drain)
        now = time.monotonic()
        if now >= self._next_tidy:
            self._next_tidy = now + TIDY_EVERY_S
            self._do_duty(recovery.tidy)
            self._do_duty(registry.forget_lost)
        if now < self._next_reap:
            return False
        self._next_reap = now + REAP_EVERY_S
        self._attempt(self.keep_database)  # without asking the database first: it may be away
        self._do_duty(self._give_sign)
        if not self._is_database_away and now >= self._reap_from:
            self._do_duty(recovery.reap_and_ring)
        return True

    def _can_restart(self, cluster: Cluster, lost: frozenset[int]) -> bool:
        """Whether the broken crew can be ended now: not while its worker paints in good health."""
        busy_pids: list[int | None] = []
        if not self._with_database(lambda: busy_pids.append(recovery.busy_pid(self.name))):
            return False
        busy = busy_pids[0]
        if busy is None or busy in lost or not cluster.is_alive(busy):
            return True
        if not self._is_waiting_for_job:
            self._is_waiting_for_job = True
            logger.warning("%s: lost process %s, restart after this job", self.name, sorted(lost))
        return False

    def _is_deaf(self) -> bool:
        """Whether the crew has long taken nothing although a job waits that it could begin."""
        if not self._asks(lambda: presence.is_passed_over(self.name)):
            self._passed_over_since = None
            return False
        now = time.monotonic()
        self._passed_over_since = self._passed_over_since or now
        return now - self._passed_over_since >= DEAF_AFTER_S

    def _is_drained(self) -> bool:
        """Whether no job runs here, and none can be begun: it was not resumed meanwhile."""
        if not (self._is_draining and self._asks(lambda: recovery.busy_pid(self.name) is None)):
            return False
        self._do_duty(self._give_sign)
        return self._is_draining

    def _begin_drain(self) -> None:
        self._give_sign()
        controls.drain(self.name)
        self._wants_drain = False
        self._is_draining = True

    def _give_sign(self) -> None:
        self._is_draining = registry.give_sign(self.identity)

    def _tell_loss(self, lost: frozenset[int]) -> None:
        """As an error, unless a process has said that it ends after a shortage of memory."""
        if self._asks(lambda: presence.has_ended(self.name, lost)):
            logger.warning("%s: memory ran out, a fresh crew begins", self.name)
            self._note_error("memory ran out, a fresh crew begins")
        else:
            self._give_up(f"lost process {sorted(lost)}, restarting all")

    def _give_up(self, words: str) -> None:
        logger.error("%s: %s", self.name, words)
        self._note_error(words)

    def _note_error(self, words: str) -> None:
        self._do_duty(lambda: registry.note_error(self.identity, words))

    def _asks(self, question: Callable[[], bool]) -> bool:
        """The answer; False where it cannot be had now."""
        answers: list[bool] = []
        self._do_duty(lambda: answers.append(question()))
        return answers == [True]

    def _do_duty(self, duty: Callable[[], object]) -> None:
        """Do what is due, unless the database is away."""
        self._attempt(lambda: self._with_database(duty))

    def _attempt(self, duty: Callable[[], object]) -> None:
        """Do it; a failure is logged, and it is tried again when it is due again."""
        try:
            duty()
        except Exception:
            logger.exception("%s: a duty failed, the cluster goes on", self.name)

    def _with_database(self, action: Callable[[], object]) -> bool:
        """Do it; False, and one line in the log for each outage, when the database is away."""
        try:
            if self._is_database_away:
                connection.ensure_connection()  # the action may have nothing to ask
            action()
        except outage.GONE as error:
            connection.close()
            if not self._is_database_away:
                logger.warning("%s: the database is away: %s", self.name, error)
            self._is_database_away = True
            return False
        if self._is_database_away:
            logger.info("%s: the database is back", self.name)
            self._reap_from = time.monotonic() + REST_AFTER_OUTAGE_S
        self._is_database_away = False
        return True

    def _pause(self, seconds: float) -> bool:
        """Wait that long, or until `stop`; whether it was called."""
        give_up_at = time.monotonic() + seconds
        while not self._is_stopping and (left := give_up_at - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        return self._is_stopping
