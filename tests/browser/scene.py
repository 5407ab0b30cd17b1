"""One service with something in every state, for the tests that look at pages."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.browser.visitor import Person, make_people
from tests.stack.harness import Installation

HANGS_AT = 36
STEPS = 60
PICTURES = (
    ("snowy mountains behind a lake at sunset, orange sky", 192, 128),
    ("northern lights above snowy mountains, night, stars", 192, 80),
    ("a sailing ship on the sea at sunset, violet palette", 168, 96),
    ("a pyramid in the desert, bright day, blue sky", 128, 128),
    ("a city at night, neon lights, full moon", 104, 152),
    ("green hills, a hot-air balloon, bright day", 152, 112),
)
ENDED_BADLY = """
from django.contrib.auth.models import User
from tests import factories
owner = User.objects.get(username="camille")
tower = "the tower of Babel as a library, seen from far below"
job, claim = factories.running_job(owner, prompt=tower, width=192, height=192)
factories.transitions.report_step(claim, 21)
factories.transitions.fail(claim, "out_of_memory", "CUDA out of memory. Tried to allocate 2 GiB.")
print(job.public_id)
job = factories.queued_job(owner, prompt="a thought that was given up", negative_prompt="people")
factories.services.cancel_job(job, actor_id=owner.pk)
print(job.public_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Camille has pictures, a failed, a cancelled and a hidden job and one in the queue; Noor is
    new, and so is Kim; for Sasha a picture stands still at step 36 of 60; Robin is an operator.

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
        installation.submit(camille.token, prompt=prompt, width=width, height=height, steps=20)
        for prompt, width, height in PICTURES
    ]
    hidden = installation.submit(camille.token, prompt="a picture that nobody sees", steps=2)
    running = installation.submit(
        sasha.token, prompt=PICTURES[0][0], steps=STEPS, negative_prompt="people, text"
    )
    queued = installation.submit(camille.token, prompt="a castle of glass, gouache", steps=STEPS)
    installation.start_worker(IMAGEN_FAULT=f"hang:{HANGS_AT}", IMAGEN_STALE_AFTER="3600")
    installation.wait_for_status(camille.token, hidden, "SUCCESS", limit_s=180)
    with installation.connect() as connection:
        connection.execute(
            "UPDATE generation_generationjob SET hidden_at = now() WHERE public_id = %s", [hidden]
        )
    installation.wait_for_step(running, HANGS_AT)
    jobs = {
        "painted": pictures[0],
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
