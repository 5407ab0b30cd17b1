"""The application: rows, jobs, worker and doors."""

from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "generation"
    verbose_name = "Imagen"

    def ready(self) -> None:
        from generation import checks  # noqa: F401  registers itself
        from generation.jobs import tickets

        tickets.connect_signals()
