"""Workers, one by one; their buttons stand on the page of the queue."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from generation.admin.read_only import ReadOnlyAdmin
from generation.models import Worker
from generation.spec.plans import PLAN_NAMES, plan_called


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = (
        "title",
        "machine",
        "profile_names",
        "release",
        "started",
        "seen",
        "error_time",
    )
    fields = (
        "title",
        "machine",
        "equipment",
        "memory",
        "profile_name",
        "profile_names",
        "release",
        "started",
        "seen",
        "draining",
        "drained",
        "stopped",
        "error",
        "error_time",
    )

    @admin.display(description=_("name"), ordering="name")
    def title(self, worker: Worker) -> str:
        return worker.name

    @admin.display(description=_("host"), ordering="host")
    def machine(self, worker: Worker) -> str:
        return worker.host

    @admin.display(description=_("device"))
    def equipment(self, worker: Worker) -> str:
        return worker.device

    @admin.display(description=_("graphics memory"))
    def memory(self, worker: Worker) -> str:
        """The plan by which it paints, and what its card had free."""
        if worker.memory_plan not in PLAN_NAMES:  # none, or one of another release
            return worker.memory_plan or "-"
        plan = plan_called(worker.memory_plan)
        return f"{worker.memory_gib:.1f} GiB: {plan.name}, {plan.summary}"

    @admin.display(description=_("profile of jobs that name none"))
    def profile_name(self, worker: Worker) -> str:
        return worker.profile

    @admin.display(description=_("profiles"))
    def profile_names(self, worker: Worker) -> str:
        """All that it can serve."""
        return ", ".join(worker.profiles)

    @admin.display(description=_("version"))
    def release(self, worker: Worker) -> str:
        return worker.version

    @admin.display(description=_("started"), ordering="started_at")
    def started(self, worker: Worker) -> object:
        return worker.started_at

    @admin.display(description=_("last seen"), ordering="seen_at")
    def seen(self, worker: Worker) -> object:
        return worker.seen_at

    @admin.display(description=_("draining since"))
    def draining(self, worker: Worker) -> object:
        return worker.draining_since

    @admin.display(description=_("drained"))
    def drained(self, worker: Worker) -> object:
        return worker.drained_at

    @admin.display(description=_("stopped"))
    def stopped(self, worker: Worker) -> object:
        return worker.stopped_at

    @admin.display(description=_("last error"))
    def error(self, worker: Worker) -> str:
        return worker.last_error

    @admin.display(description=_("last error at"), ordering="last_error_at")
    def error_time(self, worker: Worker) -> object:
        return worker.last_error_at
