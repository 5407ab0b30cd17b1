"""The SQL of the queue. Only jobs.transitions moves a job; one UPDATE is one transition.

statement_timestamp() is one moment for all conditions of a statement, so that they agree. A claim
may wait for others before it begins, so its moment is clock_timestamp(), read once.
"""

BELL = "imagen"
"""The channel on which PostgreSQL tells the workers that there may be something to do."""

MOVE = """
WITH moved AS (
         {update}
         RETURNING id, public_id, attempt, created_at, status, worker, error_code, error_detail,
                   adjustments, owner_id, profile, width, height, steps, ip_strength,
                   guidance_scale, prompt, negative_prompt, claimed_at, finished_at),
     swept AS (DELETE FROM generation_jobpreview USING moved
                WHERE job_id = moved.id AND moved.status <> 'running'),
     logged AS (INSERT INTO generation_jobtransition
                       (job_id, at, from_status, to_status, attempt, worker, actor_id, reason,
                        detail)
                SELECT id,
                       CASE %(reason)s WHEN 'claimed' THEN claimed_at
                                       ELSE statement_timestamp() END,
                       {origin}, status, attempt, worker, %(actor)s,
                       CASE status WHEN 'cancelled' THEN 'cancel_requested'
                                   WHEN 'failed' THEN error_code
                                   ELSE %(reason)s END,
                       CASE WHEN status = 'failed' OR %(reason)s IN ('out_of_memory', 'worker_lost')
                            THEN error_detail
                            WHEN status = 'succeeded' THEN array_to_string(adjustments, ' ')
                            ELSE '' END
                  FROM moved),
     turned AS (INSERT INTO generation_ownerturn (owner_id, served_at)
                SELECT owner_id, claimed_at FROM moved WHERE %(reason)s = 'claimed'
                    ON CONFLICT (owner_id) DO UPDATE SET served_at = EXCLUDED.served_at),
     timed AS (INSERT INTO generation_paintingtime AS known
                      (profile, width, height, steps, has_reference, has_guidance, prompt_size,
                       seconds, updated_at)
               SELECT profile, width, height, steps, ip_strength > 0, guidance_scale > 1,
                      width_bucket(length(prompt) + length(negative_prompt), %(prompt_sizes)s),
                      ARRAY[extract(epoch FROM finished_at - claimed_at)::float], finished_at
                 FROM moved WHERE status = 'succeeded' AND finished_at > claimed_at
                   ON CONFLICT (profile, width, height, steps, has_reference, has_guidance,
                                prompt_size) DO UPDATE
                  SET seconds = (known.seconds || EXCLUDED.seconds)[
                          greatest(cardinality(known.seconds) + 2 - %(kept_times)s, 1):],
                      updated_at = EXCLUDED.updated_at)
SELECT status, id, public_id, attempt, created_at,
       CASE WHEN status <> 'running' THEN pg_notify(%(bell)s, '') END
  FROM moved
"""
"""Around an UPDATE that moves jobs: the log has it, and the preview of an ended attempt goes.

A claim notes its owner's turn, a finished picture how long it took. A worker that is free again,
and a job that waits again, wake the workers.
"""

RUNNABLE = "status = 'queued' AND (not_before IS NULL OR not_before <= clock_timestamp())"

MAY_BEGIN = """NOT EXISTS (SELECT FROM generation_pause
                             WHERE ended_at IS NULL AND worker IN ('', %(worker)s))
           AND NOT EXISTS (SELECT FROM generation_worker
                            WHERE name = %(worker)s AND draining_since IS NOT NULL)"""
"""Neither the queue nor this worker is paused, and the worker is not being drained."""

RUNS_HERE = """EXISTS (SELECT FROM generation_generationjob
                        WHERE status = 'running' AND worker = %(worker)s)"""

IN_TURN = "(attempt > 0) DESC, is_batch, served_at NULLS FIRST, id"
IN_ORDER_OF_ACCEPTANCE = "(attempt > 0) DESC, id"

CLAIM = f"""
UPDATE generation_generationjob
   SET status = 'running', attempt = attempt + 1, step = 0, not_before = NULL,
       worker = %(worker)s, worker_pid = %(pid)s,
       claimed_at = moment, heartbeat_at = moment, first_step_at = NULL,
       deadline_at = moment + make_interval(secs => %(timeout_s)s)
  FROM (SELECT clock_timestamp() AS moment) AS clock
 WHERE id = (SELECT id FROM generation_generationjob LEFT JOIN generation_ownerturn USING (owner_id)
              WHERE {RUNNABLE} AND profile = ANY(%(profiles)s) AND {MAY_BEGIN} AND NOT {RUNS_HERE}
              ORDER BY {{order}}
              LIMIT 1
                FOR UPDATE OF generation_generationjob SKIP LOCKED)
"""

IN_LINE = "SELECT pg_advisory_xact_lock(%(claim_lock)s);"
"""Before the claim, in the same message: PostgreSQL runs both as one transaction.

So claims come one after another, each sees the turns that the one before has noted, and no client
that stops between two messages can hold the lock.
"""

TAKE_TICKET = f"""
UPDATE django_q_ormq SET lock = statement_timestamp() + make_interval(secs => %(retry_s)s)
 WHERE id = (SELECT id FROM django_q_ormq
              WHERE key = %(key)s AND lock <= statement_timestamp()
              ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
   AND (%(is_first)s
        OR EXISTS (SELECT FROM generation_generationjob
                    WHERE {RUNNABLE} AND profile = ANY(%(profiles)s))
           AND {MAY_BEGIN}
           AND NOT {RUNS_HERE})
RETURNING id, payload
"""
"""A worker that cannot begin anything now leaves the ticket to others."""

PUT_TICKET = """
WITH put AS (INSERT INTO django_q_ormq (key, payload, lock)
             VALUES (%(key)s, %(payload)s, statement_timestamp()) RETURNING id)
SELECT id, pg_notify(%(bell)s, '') FROM put
"""

MISSING_TICKETS = """
SELECT greatest((SELECT count(*) FROM generation_generationjob WHERE status = 'queued')
                - (SELECT count(*) FROM django_q_ormq WHERE lock <= statement_timestamp()), 0)
"""

PURGE_TICKETS = """
DELETE FROM django_q_ormq
 WHERE lock > statement_timestamp()
   AND lock < statement_timestamp() + make_interval(secs => %(retry_s)s - %(held_s)s)
    OR lock < statement_timestamp() - make_interval(secs => %(held_s)s)
   AND NOT EXISTS (SELECT FROM generation_generationjob WHERE status = 'queued')
"""

FORGET_KINDS = """
DELETE FROM generation_paintingtime
 WHERE id IN (SELECT id
                FROM (SELECT id, row_number() OVER (
                                 PARTITION BY profile
                                 ORDER BY cardinality(seconds) DESC, updated_at DESC) AS place
                        FROM generation_paintingtime) AS known
               WHERE place > %(kinds)s)
"""

PASSED_OVER = f"""
SELECT EXISTS (SELECT FROM generation_generationjob
                WHERE {RUNNABLE} AND profile = ANY(%(profiles)s))
   AND {MAY_BEGIN}
   AND NOT {RUNS_HERE}
   AND NOT EXISTS (SELECT FROM generation_worker
                    WHERE name = %(worker)s
                      AND loading_since > statement_timestamp() - make_interval(secs => %(load_s)s))
   AND NOT EXISTS (SELECT FROM generation_jobtransition
                    WHERE at > statement_timestamp() - make_interval(secs => %(quiet_s)s)
                      AND worker = %(worker)s)
"""
"""A job waits that this worker could begin, and nothing has begun, ended or loaded here lately."""

NOT_TO_DISK = "SET LOCAL synchronous_commit TO off;"
"""Before a sign of life, in the same message: it need not outlive a crash of PostgreSQL."""

REPORT = """
UPDATE generation_generationjob
   SET step = %(step)s, heartbeat_at = statement_timestamp(),
       first_step_at = coalesce(first_step_at, statement_timestamp())
 WHERE id = %(id)s AND attempt = %(attempt)s AND status = 'running'
RETURNING cancel_requested, statement_timestamp() > deadline_at
"""

BEAT = """
UPDATE generation_generationjob
   SET heartbeat_at = CASE
           WHEN statement_timestamp() > deadline_at THEN heartbeat_at
           ELSE statement_timestamp() END
 WHERE id = %(id)s AND attempt = %(attempt)s AND status = 'running'
RETURNING cancel_requested, statement_timestamp() > deadline_at
"""

RECOVER = """
UPDATE generation_generationjob
   SET status = CASE
           WHEN cancel_requested THEN 'cancelled'
           WHEN statement_timestamp() > deadline_at THEN 'failed'
           WHEN crash_count + 1 >= %(tries)s THEN 'failed'
           ELSE 'queued' END,
       error_code = CASE
           WHEN cancel_requested THEN ''
           WHEN statement_timestamp() > deadline_at THEN 'timeout'
           WHEN crash_count + 1 >= %(tries)s THEN 'worker_crashed'
           ELSE '' END,
       error_detail = 'attempt ' || attempt || ' on ' || worker || ' was given up',
       finished_at = CASE
           WHEN cancel_requested OR statement_timestamp() > deadline_at
                OR crash_count + 1 >= %(tries)s THEN statement_timestamp() END,
       crash_count = CASE
           WHEN statement_timestamp() > deadline_at THEN crash_count ELSE crash_count + 1 END
 WHERE id = %(id)s AND attempt = %(attempt)s AND status = 'running'
   AND heartbeat_at = %(heartbeat_at)s
"""

POSTPONE = """
UPDATE generation_generationjob
   SET status = CASE
           WHEN cancel_requested THEN 'cancelled'
           WHEN oom_count + 1 >= %(tries)s THEN 'failed'
           ELSE 'queued' END,
       error_code = CASE
           WHEN NOT cancel_requested AND oom_count + 1 >= %(tries)s THEN 'out_of_memory'
           ELSE '' END,
       error_detail = %(detail)s,
       finished_at = CASE
           WHEN cancel_requested OR oom_count + 1 >= %(tries)s THEN statement_timestamp() END,
       not_before = CASE
           WHEN NOT cancel_requested AND oom_count + 1 < %(tries)s
           THEN statement_timestamp() + make_interval(secs => %(delay_s)s) END,
       oom_count = oom_count + 1
 WHERE id = %(id)s AND attempt = %(attempt)s AND status = 'running'
"""

RELEASE = """
UPDATE generation_generationjob
   SET status = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END,
       finished_at = CASE WHEN cancel_requested THEN statement_timestamp() END
 WHERE worker = %(worker)s AND status = 'running'
"""

CANCEL = """
UPDATE generation_generationjob
   SET status = CASE status WHEN 'queued' THEN 'cancelled' ELSE status END,
       finished_at = CASE status WHEN 'queued' THEN statement_timestamp() END,
       cancel_requested = true
 WHERE id = %(id)s AND (status = 'queued' OR status = 'running' AND NOT cancel_requested)
"""

SETTLE = """
UPDATE generation_generationjob
   SET status = %(status)s, finished_at = statement_timestamp(), output = %(output)s,
       adjustments = %(adjustments)s,
       step = CASE %(status)s WHEN 'succeeded' THEN steps ELSE step END,
       error_code = %(error_code)s,
       error_detail = CASE %(error_code)s WHEN '' THEN error_detail ELSE %(error_detail)s END
 WHERE id = %(id)s AND attempt = %(attempt)s AND status = 'running'
"""

PREVIEW = """
INSERT INTO generation_jobpreview (job_id, attempt, step, image, updated_at)
SELECT id, attempt, %(step)s, %(image)s, statement_timestamp() FROM generation_generationjob
 WHERE id = %(id)s AND attempt = %(attempt)s AND status = 'running'
   FOR SHARE
ON CONFLICT (job_id) DO UPDATE
   SET attempt = EXCLUDED.attempt, step = EXCLUDED.step, image = EXCLUDED.image,
       updated_at = EXCLUDED.updated_at
"""
