"""Users who order pictures over HTTP, change their minds, and keep what they were told."""

import http.client
import json
import random
import time
from collections import Counter
from threading import Event
from typing import Any

from tests.chaos.history import Order
from tests.stack.harness import Installation

SIDE = 64
CANCEL_SHARE = 0.2


class Clients:
    """Some users with a token each. Their orders stand in `orders`, as they know of them."""

    def __init__(self, installation: Installation, users: int) -> None:
        self.installation = installation
        self.tokens = installation.new_tokens(users)
        self.orders: list[Order] = []
        self.answers: Counter[int] = Counter()

    @property
    def accepted(self) -> list[Order]:
        return [order for order in self.orders if order.is_accepted]

    def order(self, steps: int, user: int = 0) -> Order:
        """Ask for one picture, once."""
        number = len(self.orders)
        prompt = f"storm {number}"
        wanted = {"prompt": prompt, "steps": steps, "width": SIDE, "height": SIDE, "seed": number}
        status, body = self._ask("/api/v1/jobs", self.tokens[user], wanted)
        order = Order(
            prompt=prompt, answer=status, code=body.get("code", ""), job_id=body.get("id", "")
        )
        self.orders.append(order)
        return order

    def cancel(self, order: Order, user: int = 0) -> None:
        """Ask for it once; whether it was heard is unknown when the answer is lost."""
        order.is_cancel_asked = True
        path = f"/api/v1/jobs/{order.job_id}/cancel"
        status, body = self._ask(path, self.tokens[user], {})
        order.was_told_cancelled |= status == 200 and body["status"] == "cancelled"

    def order_in_storm(self, draw: random.Random, count: int, length_s: float, end: Event) -> None:
        """Order until so many are accepted, spread over the time, and cancel some in flight."""
        pause_s = length_s / count
        while len(self.accepted) < count and not end.is_set():
            user = draw.randrange(len(self.tokens))
            order = self.order(draw.randint(3, 8), user)
            if order.is_accepted and draw.random() < CANCEL_SHARE:
                end.wait(draw.uniform(0, pause_s))
                self.cancel(order, user)
            end.wait(draw.uniform(0, 1.6 * pause_s))

    def _ask(self, path: str, token: str, body: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON; status 0 when no answer came."""
        try:
            status, _headers, text = self.installation.ask("POST", path, body, token)
        except (http.client.HTTPException, TimeoutError):
            status, text = 0, b""
        self.answers[status] += 1
        if not status:
            time.sleep(0.2)  # a web that starts again refuses connections
        return status, json.loads(text) if status in (200, 202, 503) else {}
