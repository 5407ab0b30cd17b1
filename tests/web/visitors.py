"""People at the gate: names, passwords, and browsers from chosen addresses."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.db import connection
from django.db.models import F
from django.test import Client

PASSWORD = "a long dusk over water"
ENGLISH = {"accept-language": "en"}


def browser(address: str = "203.0.113.7", **options: Any) -> Client:
    return Client(headers=ENGLISH, REMOTE_ADDR=address, **options)


def sign_in(client: Client, name: str = "ada", password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in", {"username": name, "password": password, **more})


def is_signed_in(client: Client) -> bool:
    return client.get("/account").status_code == 200


def minutes_pass(minutes: float) -> None:
    """For axes, which compares the time of an attempt."""
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=minutes))


def all_at_once(count: int, act: Callable[[int], None]) -> None:
    """Run `act` in so many threads that start together, each with a connection of its own."""
    start = threading.Barrier(count)

    def run(number: int) -> None:
        start.wait()
        try:
            act(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
