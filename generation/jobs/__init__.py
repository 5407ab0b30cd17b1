"""The life of a job: submitted, claimed, reported, settled, recovered."""
