"""One service with something in every state, for the tests that look at pages."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.browser.visitor import Person, make_people
from tests.stack.harness import Installation

HANGS_AT = 36
STEPS = 60
PICTURE_STEPS = 20 if os.environ.get("SCREENSHOTS") else 4
"""Those that are only measured need not be beautiful."""
PICTURES = (
    ("snowy mountains behind a lake at sunset, orange sky", 320, 192),
    ("northern lights above snowy mountains, night, stars", 320, 128),
    ("a sailing ship on the sea at sunset, violet palette", 320, 192),
    ("a pyramid in the desert, bright day, blue sky", 256, 256),
    ("a city at night, neon lights, full moon", 192, 320),
    ("green hills, a hot-air balloon, bright day", 288, 224),
)
ENDED_BADLY = """
from django.contrib.auth.models import User
from tests import factories
owner = User.objects.get(username="camille")
tower = "the tower of Babel as a library, seen from far below"
job, claim = factories.running_job(owner, prompt=tower, width=192, height=192)
factories.transitions.report_step(claim, 12)
factories.transitions.release(factories.WORKER.name)
job.refresh_from_db()
claim = factories.claim()
factories.transitions.report_step(claim, 21)
factories.transitions.fail(claim, "out_of_memory", "CUDA out of memory. Tried to allocate 2 GiB.")
print(job.public_id)
job = factories.queued_job(owner, prompt="a thought that was given up", negative_prompt="people")
factories.services.cancel_job(job, actor_id=owner.pk)
print(job.public_id)
"""

CROWD = """
INSERT INTO generation_worker
       (name, host, device, profile, profiles, version, last_error, last_error_at, seen_at,
        stopped_at, loading_since, draining_since, drained_at)
VALUES ('studio/gpu-0', 'studio', 'NVIDIA A', 'sdxl', '{miniature,sdxl}', '1', '', NULL, now(),
        NULL, NULL, NULL, NULL),
       ('studio/gpu-1', 'studio', 'NVIDIA A', 'sdxl', '{sdxl}', '1', '', NULL, now(),
        NULL, now(), NULL, NULL),
       ('studio/gpu-2', 'studio', 'NVIDIA B', 'sdxl', '{sdxl}', '1', '', NULL, now(),
        NULL, NULL, now(), NULL),
       ('studio/gpu-3', 'studio', 'NVIDIA B', 'sdxl', '{sdxl}', '1', '', NULL, now(),
        NULL, NULL, now(), now()),
       ('studio/gpu-4', 'studio', 'NVIDIA B', 'sdxl', '{sdxl}', '1', 'lost process [71]',
        now() - interval '2 hours', now() - interval '9 minutes', NULL, NULL, NULL, NULL),
       ('studio/gpu-5', 'studio', 'NVIDIA B', 'sdxl', '{sdxl}', '1', '', NULL, now(),
        NULL, NULL, NULL, NULL),
       ('studio/gpu-6', 'studio', 'NVIDIA B', 'sdxl', '{sdxl}', '1', '', NULL,
        now() - interval '2 hours', now(), NULL, NULL, NULL);
INSERT INTO generation_pause (worker, reason, began_at, began_by_id, ended_at, ended_by_id)
SELECT '', 'A new disk is being built in. Painting goes on at about 15:30.',
       now() - interval '4 minutes', robin.id, NULL::timestamptz, NULL::int
  FROM auth_user robin WHERE username = 'robin'
 UNION ALL
SELECT 'studio/gpu-5', 'its fan is loud', now() - interval '2 days', NULL, NULL, NULL
 UNION ALL
SELECT '', 'an upgrade', now() - interval '3 days', robin.id, now() - interval '71 hours', robin.id
  FROM auth_user robin WHERE username = 'robin'
"""
NO_CROWD = """
DELETE FROM generation_worker WHERE host = 'studio';
DELETE FROM generation_pause
"""


def pause(installation: Installation, *, is_paused: bool) -> None:
    """Pause the queue and have a worker in every state, or let it run without them."""
    with installation.connect() as connection:
        connection.execute(NO_CROWD)
        if is_paused:
            connection.execute(CROWD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Camille has pictures, a failed, a cancelled and a hidden job and one in the queue; Noor is
    new, and so is Kim; Sasha has a picture of what the model does not know, and one that stands
    still at step 36 of 60; Robin is an operator.

    addresses: by the words that stand for them in a page's address, such as {painted}.
    """

    people: dict[str, Person]
    addresses: dict[str, str]


def set_scene(installation: Installation) -> Scene:
    """A worker paints the pictures and then hangs in the long job, for ever."""
    people = {
        person.name: person
        for person in (
            *make_people(installation, ["camille", "noor", "kim", "sasha"]),
            *make_people(installation, ["robin"], is_operator=True),
        )
    }
    camille, sasha = people["camille"], people["sasha"]
    failed, cancelled = installation.manage("shell", "-v0", "-c", ENDED_BADLY).split()
    pictures = [
        installation.submit(
            camille.token, prompt=prompt, width=width, height=height, steps=PICTURE_STEPS
        )
        for prompt, width, height in PICTURES
    ]
    hidden = installation.submit(camille.token, prompt="a picture that nobody sees", steps=2)
    outside = installation.submit(sasha.token, prompt="a cat in a spaceship", steps=PICTURE_STEPS)
    installation.start_worker(IMAGEN_FAULT=f"hang:{HANGS_AT}", IMAGEN_STALE_AFTER="3600")
    installation.wait_for_status(camille.token, hidden, "SUCCESS", limit_s=180)
    installation.wait_for_status(sasha.token, outside, "SUCCESS", limit_s=180)
    with installation.connect() as connection:
        connection.execute(
            "UPDATE generation_generationjob SET hidden_at = now() WHERE public_id = %s", [hidden]
        )
    running = installation.submit(
        sasha.token, prompt=PICTURES[0][0], steps=STEPS, negative_prompt="people, text"
    )
    installation.wait_for_step(running, HANGS_AT)
    queued = installation.submit(camille.token, prompt="a castle of glass, gouache", steps=STEPS)
    jobs = {
        "painted": pictures[0],
        "outside": outside,
        "hidden": hidden,
        "running": running,
        "queued": queued,
        "failed": failed,
        "cancelled": cancelled,
    }
    keys = {f"{name}_key": installation.row(job, "id")[0] for name, job in jobs.items()}
    link = installation.manage("reset_password", "noor")
    return Scene(
        people=people,
        addresses={**jobs, **keys, "reset": urlsplit(link).path},
    )
