"""manage.py imagen_worker"""

import signal

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from generation import conf
from generation.worker.gpu_lock import AmbiguousDevice, GpuLock, lock_path, visible_device
from generation.worker.supervisor import Supervisor
from imagen_site import database_server


class Command(BaseCommand):
    help = (
        "Paint the queued pictures on one device: supervises one django-q2 cluster, replaces it "
        "when anything in it dies, recovers lost jobs and rings for waiting ones. One worker "
        "serves one GPU, the one that CUDA_VISIBLE_DEVICES shows (else the first), or the CPU for "
        "a profile that needs no more. "
        "SIGTERM or Ctrl-C: the running job goes back to the queue at once. SIGUSR1: it is "
        "finished, no more is taken, and the device is free until `manage.py queue resume`."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            device = visible_device() if _may_use_gpu() else "cpu"
        except AmbiguousDevice as error:
            raise CommandError(str(error)) from error
        supervisor = Supervisor(
            lock=GpuLock(lock_path(settings.IMAGEN_LOCK_DIR, device, _database_name())),
            device=device,
            manage_py=settings.BASE_DIR / "manage.py",
            keep_database=database_server.keep_running,
        )
        for signal_number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signal_number, lambda *_: supervisor.stop())
        signal.signal(signal.SIGUSR1, lambda *_: supervisor.drain())
        supervisor.run()


def _may_use_gpu() -> bool:
    """Whether any job that can be asked for here would run on a GPU."""
    return any(
        profile.device != "cpu" and profile.is_installed for profile in conf.profiles().values()
    )


def _database_name() -> str:
    return "{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
