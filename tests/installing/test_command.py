"""What the operator sees: the bar, the command, the refusal of a job."""

import dataclasses
import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from generation.installing.errors import InstallFailed
from generation.installing.installer import LOCAL, install
from generation.installing.recipe import BASE
from generation.jobs.services import submit_job
from generation.models import GenerationJob
from generation.spec.errors import InvalidRequest
from generation.spec.profiles import ModelProfile
from tests import factories
from tests.installing.files import (
    COMMAND,
    PIECE,
    TARGETS,
    UNET_AT_HUB,
)
from tests.installing.hub_server import HubServer


def test_the_bar_ends_at_the_whole_also_when_resumed(
    hub: HubServer, profile: ModelProfile, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.break_off(UNET_AT_HUB, after=10 * PIECE)
    with pytest.raises(InstallFailed):
        install("sdxl", profile.folder)
    broken = capsys.readouterr().err
    hub.mend()

    record = install("sdxl", profile.folder)

    last = capsys.readouterr().err.rstrip().rpartition("\r")[2]
    megabytes = f"{record.size_bytes / 1e6:.2f}M"
    assert "100%" not in broken
    assert "100%" in last
    assert f"{megabytes}/{megabytes}" in last


def test_the_command_tells_revisions_files_size_and_folder(
    hub: HubServer, models_dir: Path
) -> None:
    told = io.StringIO()

    call_command("install_profile", "sdxl", stdout=told)

    lines = told.getvalue().splitlines()
    assert lines[0] == f"{BASE}  {hub.newest(BASE).revision}"
    assert lines[3].startswith(f"sdxl: {len(TARGETS)} files, 0.0 GB in {models_dir / 'sdxl'}")
    assert "IMAGEN_PROFILE=sdxl" in lines[4]


def test_the_command_passes_on_what_it_was_told(clones: dict[str, Path], models_dir: Path) -> None:
    told = io.StringIO()

    call_command("install_profile", "sdxl", "--from", str(clones[BASE].parent), stdout=told)

    assert told.getvalue().startswith(f"{BASE}  {LOCAL}\n")
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("install_profile", "sdxl", "--from", "x", "--upgrade")
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("install_profile", "miniature")


def test_the_command_fails_in_one_sentence(hub: HubServer, models_dir: Path) -> None:
    hub.stop()

    with pytest.raises(CommandError) as caught:
        call_command("install_profile", "sdxl")

    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "no answer from the hub" in str(caught.value)


@pytest.mark.django_db
def test_a_job_for_it_is_refused_with_the_command_to_type(
    clones: dict[str, Path], models_dir: Path
) -> None:
    request = dataclasses.replace(factories.make_request(), profile="sdxl")
    owner = factories.make_user()

    with pytest.raises(InvalidRequest, match=COMMAND):
        submit_job(request, owner_id=owner.pk)
    assert not GenerationJob.objects.exists()

    call_command(
        "install_profile", "sdxl", "--from", str(clones[BASE].parent), stdout=io.StringIO()
    )
    assert submit_job(request, owner_id=owner.pk).profile == "sdxl"
