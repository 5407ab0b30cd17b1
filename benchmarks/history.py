"""How quick the history is among a million jobs: `python benchmarks/history.py [--rows 1000000]`.

Makes a database of its own beside the one of DATABASE_URL (or the embedded one), fills it, asks
Django's own views for pages as one of ten owners, prints p50 and p95 in milliseconds, and drops it.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagen_site.settings")

import django

FILL = """
INSERT INTO generation_generationjob
       (public_id, owner_id, created_at, prompt, negative_prompt, width, height, steps,
        guidance_scale, seed, ip_strength, profile, status, step, cancel_requested, attempt,
        oom_count, crash_count, worker, claimed_at, finished_at, output, public_filename,
        error_code, error_detail, review_note)
SELECT gen_random_uuid(), owners.ids[1 + n %% 10], now() - (%(rows)s - n) * interval '1 second',
       format('a %%s %%s by the %%s at %%s, number %%s',
              (ARRAY['red','old','tall','quiet','lone','bright','broken'])[1 + n %% 7],
              (ARRAY['castle','ship','forest','city','dragon','tower','house','well'])[1 + n %% 8],
              (ARRAY['sea','lake','river','hill','desert'])[1 + n %% 5],
              (ARRAY['dawn','noon','dusk','night'])[1 + n %% 4], n),
       '', 1024, 1024, 30, 7.5, n, 0, 'sdxl',
       CASE WHEN n %% 50 = 0 THEN 'failed' ELSE 'succeeded' END, 30, false, 1, 0, 0, 'gpu-0',
       now(), now(),
       CASE WHEN n %% 50 = 0 THEN '' ELSE 'outputs/' || n || '.png' END,
       '20260101_000000_' || lpad(to_hex(n), 8, '0') || '.png',
       CASE WHEN n %% 50 = 0 THEN 'out_of_memory' ELSE '' END, '', ''
  FROM generate_series(1, %(rows)s) AS n, (SELECT %(owners)s::int[] AS ids) AS owners
"""
PAGES = {
    "first page": "",
    "painted": "?status=painted",
    "failed (2 in 100)": "?status=failed",
    "search: castle": "?q=castle",
    "search: cas": "?q=cas",
    "search: one in a million": "?q=999991",
    "search: nothing": "?q=zebra",
    "search: two words, failed": "?q=old+dragon&status=failed",
}


def measure(ask: Callable[[], None], times: int) -> tuple[float, float]:
    """Median and 95th percentile, in milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="jobs, a tenth of them one's own"
    )
    parser.add_argument("--times", type=int, default=40, help="requests a page")
    options = parser.parse_args()
    django.setup(set_prefix=False)
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    from imagen_site import database_server

    database_server.join_if_embedded()
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        run(options.rows, options.times)
    finally:
        teardown_databases(databases, verbosity=0)


def run(rows: int, times: int) -> None:
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    owners = [User.objects.create(username=f"owner{number}").pk for number in range(10)]
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"rows": rows, "owners": owners})
        cursor.execute("VACUUM ANALYZE generation_generationjob")
    print(
        f"{rows:,} jobs, {rows // 10:,} of the owner's, made in {time.perf_counter() - began:.0f} s"
    )
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(User.objects.get(pk=owners[0]))
    print(f"{'page':<28}{'p50 ms':>8}{'p95 ms':>8}")
    for name, query in PAGES.items():
        address = f"/pictures{query}"
        assert browser.get(address).status_code == 200
        median, p95 = measure(lambda address=address: browser.get(address), times)
        print(f"{name:<28}{median:>8.1f}{p95:>8.1f}")


if __name__ == "__main__":
    main()
