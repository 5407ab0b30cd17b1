"""The SQL of jobs.transitions, which alone runs it. One UPDATE is one transition.

statement_timestamp() is one moment for all conditions of a statement, so that they agree.
"""

MOVE = """
WITH moved AS (
         {update}
         RETURNING id, public_id, attempt, created_at, status, worker, error_code, error_detail),
     swept AS (DELETE FROM generation_jobpreview USING moved
                WHERE job_id = moved.id AND moved.status <> 'running'),
     logged AS (INSERT INTO generation_jobtransition
                       (job_id, at, from_status, to_status, attempt, worker, actor_id, reason,
                        detail)
                SELECT id, statement_timestamp(), {origin}, status, attempt, worker, %(actor)s,
                       CASE status WHEN 'cancelled' THEN 'cancel_requested'
                                   WHEN 'failed' THEN error_code
                                   ELSE %(reason)s END,
                       CASE WHEN status = 'failed' OR %(reason)s IN ('out_of_memory', 'worker_lost')
                            THEN error_detail ELSE '' END
                  FROM moved)
SELECT status, id, public_id, attempt, created_at FROM moved
"""
"""Around an UPDATE that moves jobs: the log has it, and the preview of an ended attempt goes."""

CLAIM = """
UPDATE generation_generationjob
   SET status = 'running', attempt = attempt + 1, step = 0, not_before = NULL,
       worker = %(worker)s, worker_pid = %(pid)s,
       claimed_at = statement_timestamp(), heartbeat_at = statement_timestamp(),
       deadline_at = statement_timestamp() + make_interval(secs => %(timeout_s)s)
 WHERE id = (SELECT id FROM generation_generationjob
              WHERE status = 'queued'
                AND (not_before IS NULL OR not_before <= statement_timestamp())
              ORDER BY (attempt > 0) DESC, id
              LIMIT 1
                FOR UPDATE SKIP LOCKED)
"""

REPORT = """
UPDATE generation_generationjob
   SET step = %(step)s, heartbeat_at = statement_timestamp()
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
