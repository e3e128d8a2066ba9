"""Celery: beat sends, a worker with threads starts; both on one Redis.

Its crontab knows minutes only, its intervals begin whenever beat does; the schedule below is of the kind that its documentation
lets users add. `COMMAND JOBS WHEN`, and REDIS_URL.
"""
import os
import subprocess
import sys
import tempfile
import time

from celery import Celery
from celery.schedules import schedule, schedstate

command, jobs, when = os.environ["PEER_WORK"].split("\t") if "PEER_WORK" in os.environ else sys.argv[1:4]
jobs = int(jobs)
app = Celery("celery_peer", broker=os.environ["REDIS_URL"])
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    beat_max_loop_interval=1,
)


class OnTheSecond(schedule):
    """Due at every full second."""

    def __init__(self):
        super().__init__(run_every=1)

    def __reduce__(self):
        return OnTheSecond, ()

    def is_due(self, last_run_at):
        now = time.time()
        is_due = int(last_run_at.timestamp()) < int(now)
        return schedstate(is_due, 1 - now % 1)


class Once(schedule):
    """Due at one second."""

    def __init__(self, second):
        super().__init__(run_every=1)
        self.second = second

    def __reduce__(self):
        return Once, (self.second,)

    def is_due(self, last_run_at):
        left = self.second - time.time()
        is_due = left <= 0 and last_run_at.timestamp() < self.second
        return schedstate(is_due, max(left, 0) if left > 0 else 3600)


def when_due():
    if when == "every":
        return OnTheSecond()
    if when == "never":
        return schedule(run_every=365 * 86400)
    return Once(int(when))


@app.task
def run(number):
    subprocess.run(
        f"CARILLON_JOB_ID={number} {command}", shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


app.conf.beat_schedule = {
    str(number): {"task": "celery_peer.run", "schedule": when_due(), "args": (number,)} for number in range(jobs)
}


def start():
    here = os.path.dirname(os.path.abspath(__file__))
    environment = {**os.environ, "PEER_WORK": f"{command}\t{jobs}\t{when}", "PYTHONPATH": here}
    leash = ["setpriv", "--pdeathsig", "KILL", "--"]
    celery = leash + [sys.executable, "-m", "celery", "-A", "celery_peer"]
    kept = os.path.join(tempfile.mkdtemp(prefix="celery-peer-"), "beat")
    threads = str(min(jobs, 50))
    worker = celery + ["worker", "--pool", "threads", "--concurrency", threads, "--loglevel", "WARNING"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    beat = celery + ["beat", "--schedule", kept, "--loglevel", "WARNING"]
    running = [subprocess.Popen(line, env=environment, cwd=here) for line in (worker, beat)]
    sys.exit(running[0].wait() or running[1].wait())


if __name__ == "__main__":
    start()
