"""Children that end when their parent dies, however it dies. Linux only."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def end_with_this_process() -> Callable[[], None]:
    """A `preexec_fn` for a child that shall get SIGTERM from the kernel when this process dies.

    For parents without threads, as every preexec_fn.
    """
    parent_pid = os.getpid()

    def arrange() -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent_pid:  # it died before the line above
            os._exit(1)

    return arrange
