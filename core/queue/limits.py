"""Time limits of a job: a soft limit below a hard one below the lease.

The soft limit raises SoftTimeLimitExceeded in the work, and the attempt is recorded on its row like any other failure.
What does not react to that (a call in C) is killed with its process at the hard limit, still before the lease ends and
somebody else may begin: two workers never hold a row at the same time. The row falls due again by its lease then.

Celery enforces both by signals, so only in prefork children. The embedded default's worker is a pool of threads, which
nothing can interrupt: there the time-outs of the calls that we make (PATIENCE in each provider, EMAIL_TIMEOUT) bound an
attempt, and the fence keeps one that slept past its lease from writing.
"""

LEASE_SECONDS = 30
HARD_SECONDS = 28
SOFT_SECONDS = 25
# A message holds the keys of up to 20 rows, and the limits count from its first. So that the last one has time for a
# slow call (12 s at most, PATIENCE), no further row is begun after this many seconds: those that are left go into a
# message of their own. That waits behind all others, so it must stay the exception: 20 rows that make no call take
# less than a second, and on a busy machine two.
BEGIN_ROWS_FOR = 5.0
# Housekeeping that holds no row's lease. Below the visibility time-out (600 s), after which it would run twice.
HOUSEKEEPING_SOFT_SECONDS = 240
HOUSEKEEPING_HARD_SECONDS = 270
