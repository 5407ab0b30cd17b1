"""Settings as a fresh process sees them."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command, get_commands, load_command_class

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "generation" / "miniature" / "weights"


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_deployment_check_is_clean_behind_https() -> None:
    done = manage(
        "check", "--deploy", "--fail-level=WARNING", IMAGEN_PUBLIC_URL="https://imagen.example.org"
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("IMAGEN_PORT", "x", "a whole number from 1 to 65535"),
        ("IMAGEN_QUEU_LIMIT", "5", "did you mean IMAGEN_QUEUE_LIMIT"),
    ],
)
def test_start_is_refused_for_a_setting_that_makes_no_sense(name, value, words) -> None:
    done = manage("check", **{name: value})
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"imagen: {name} ")
    assert words in line


def test_web_process_refuses_them_in_one_line_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "imagen_site.web"],
        cwd=ROOT,
        env=os.environ | {"IMAGEN_QUEUE_LIMIT": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("imagen: IMAGEN_QUEUE_LIMIT must be")
    assert "Traceback" not in done.stderr


def test_database_that_is_not_there_is_one_line() -> None:
    done = manage("create_token", "a", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("imagen: the database cannot be used; check DATABASE_URL")


def test_media_folder_that_cannot_be_written_is_found_at_the_start() -> None:
    done = manage("check", IMAGEN_MEDIA_ROOT="/proc/nowhere")
    assert done.returncode != 0
    assert "imagen.E002" in done.stderr
    assert "IMAGEN_MEDIA_ROOT" in done.stderr


def test_injected_fault_is_warned_of() -> None:
    done = manage("check", IMAGEN_FAULT="slow:0.1")
    assert done.returncode == 0
    assert "imagen.W001" in done.stderr


def test_time_outs_of_the_cluster_follow_the_jobs() -> None:
    assert (settings.Q_CLUSTER["timeout"], settings.Q_CLUSTER["retry"]) == (615, 3_600)
    script = "from django.conf import settings; print(settings.Q_CLUSTER)"
    done = manage("shell", "-v0", "-c", script, IMAGEN_JOB_TIMEOUT="7200")
    cluster = ast.literal_eval(done.stdout)
    assert (cluster["timeout"], cluster["retry"]) == (7_215, 28_860)


@pytest.mark.parametrize(
    "command",
    [
        "create_token",
        "create_user",
        "demo",
        "imagen_worker",
        "invite",
        "profiles",
        "reset_password",
        "serve",
    ],
)
def test_every_command_explains_itself(command) -> None:
    explained = load_command_class("generation", command).create_parser("", command).format_help()
    assert len(explained) > 200
    assert command in get_commands()


def test_limits_are_not_forgotten_while_many_visitors_are_counted() -> None:
    for number in range(2_000):
        cache.add(f"visitor-{number}", 0, 3_600)
    assert all(f"visitor-{number}" in cache for number in range(2_000))
    cache.clear()


@pytest.mark.parametrize(("site", "secure"), [("https://i.example.org", True), ("http://i", False)])
def test_cookie_of_the_language_is_kept_as_the_others_are(site: str, secure: bool) -> None:
    names = ("LANGUAGE_COOKIE_AGE", "LANGUAGE_COOKIE_SAMESITE", "LANGUAGE_COOKIE_SECURE")
    script = f"from django.conf import settings; print([getattr(settings, n) for n in {names}])"
    done = manage("shell", "-v0", "-c", script, IMAGEN_PUBLIC_URL=site)
    assert ast.literal_eval(done.stdout) == [365 * 86_400, "Lax", secure]


def test_debug_is_off_and_one_worker_serves_a_cluster() -> None:
    assert not settings.DEBUG
    assert settings.Q_CLUSTER["workers"] == 1


def test_profiles_lists_what_is_installed(capsys) -> None:
    call_command("profiles")
    told = capsys.readouterr().out
    assert told.split()[:3] == ["*", "miniature", "64-512"]
    miniature, *others = told.splitlines()
    assert miniature.endswith("installed")
    assert [line.split()[0] for line in others] == ["sdxl", "sdxl-turbo", "sdxl-lightning"]
    for line in others:
        name = line.split()[0]
        assert f"not installed: Run manage.py install_profile {name}, which" in line
        assert "It needs 11.5 GB." in line
    assert "1-4 steps   Euler a SGM Uniform" in others[1]
    assert others[1].endswith("(https://stability.ai/license).")
    assert " 4 steps " in others[2]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("IMAGEN_PROFILE", "flux", "miniature, sdxl, sdxl-turbo, sdxl-lightning, or path:FOLDER"),
        ("IMAGEN_PROFILE", "path:/nowhere", "no /nowhere/model_index.json"),
        ("IMAGEN_PROFILE", "path:", "no FOLDER/model_index.json"),
        ("IMAGEN_REFERENCE", "../secret.png", "no path"),
        ("IMAGEN_MODELS", "sdxl", "must be path:FOLDER, or several with commas between them"),
        ("IMAGEN_MODELS", f"path:{WEIGHTS}, path:/nowhere", "no /nowhere/model_index.json"),
        ("IMAGEN_MODELS", "path:", "IMAGEN_MODELS is 'path:', but there is no FOLDER/model_index"),
    ],
)
def test_profile_and_reference_are_checked(name, value, words) -> None:
    done = manage("check", **{name: value})
    assert done.returncode != 0
    assert words in done.stderr.splitlines()[-1]


def test_profile_that_is_not_installed_is_a_warning_with_the_command(tmp_path) -> None:
    done = manage("check", IMAGEN_PROFILE="sdxl", IMAGEN_MODELS_DIR=str(tmp_path))
    assert done.returncode == 0
    assert "imagen.W002" in done.stderr
    assert "manage.py install_profile sdxl" in done.stderr


def test_any_folder_can_be_a_profile() -> None:
    done = manage("profiles", IMAGEN_PROFILE=f"path:{WEIGHTS}")
    (chosen,) = [line for line in done.stdout.splitlines() if line.startswith("*")]
    assert chosen.split()[1] == "path:weights"
    assert "64-512 px" in chosen


@pytest.fixture
def folders(tmp_path) -> list[str]:
    """Three models in folders, two of which have one name."""
    made = []
    for name in ("dreams", "ink", "other/ink"):
        folder = tmp_path / name
        shutil.copytree(WEIGHTS, folder, ignore=shutil.ignore_patterns("*.safetensors"))
        made.append(f"path:{folder}")
    return made


def test_any_number_of_folders_can_stand_beside_the_default(folders) -> None:
    done = manage("profiles", IMAGEN_MODELS=", ".join([*folders[:2], folders[0]]))
    lines = done.stdout.splitlines()
    assert [line[2:].split()[0] for line in lines[-2:]] == ["path:dreams", "path:ink"]
    assert lines[0].startswith("* miniature")
    assert all(line.endswith("installed") for line in lines[-2:])


def test_the_default_may_stand_among_them(folders) -> None:
    done = manage("profiles", IMAGEN_PROFILE=folders[1], IMAGEN_MODELS=",".join(folders[:2]))
    by_path = [line.split(" px")[0] for line in done.stdout.splitlines() if "path:" in line]
    assert [line.split() for line in by_path] == [
        ["*", "path:ink", "64-512"], ["path:dreams", "64-512"]
    ]  # fmt: skip


@pytest.mark.parametrize("chosen", ["miniature", 1])
def test_two_folders_of_one_name_stop_the_start(folders, chosen) -> None:
    profile = chosen if isinstance(chosen, str) else folders[chosen]
    models = folders[1:] if isinstance(chosen, str) else folders[2:]
    done = manage("check", IMAGEN_PROFILE=profile, IMAGEN_MODELS=",".join(models))
    assert done.returncode != 0
    assert "would both be called path:ink; rename one" in done.stderr.splitlines()[-1]


def test_a_name_that_no_job_could_note_stops_the_start(tmp_path) -> None:
    folder = tmp_path / ("x" * 200)
    folder.mkdir()
    (folder / "model_index.json").write_text("{}")
    done = manage("check", IMAGEN_MODELS=f"path:{folder}")
    assert done.returncode != 0
    assert "longer than a job can note" in done.stderr.splitlines()[-1]
