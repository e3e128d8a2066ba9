"""APScheduler: a pool of threads with room for all jobs of a second, no misfire limit.

So its documentation has it for jobs that wait for something; one instance more than the default, so that a slow second does
not cost the next one. `COMMAND JOBS WHEN`.
"""
import datetime
import subprocess
import sys

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger

command, jobs, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
scheduler = BlockingScheduler(
    timezone="UTC",
    executors={"default": ThreadPoolExecutor(max(10, min(jobs, 1000)))},
    job_defaults={"max_instances": 2, "misfire_grace_time": None, "coalesce": False},
)


def run(number):
    subprocess.run(
        f"CARILLON_JOB_ID={number} {command}", shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def trigger():
    if when == "every":
        return CronTrigger(second="*", timezone="UTC")
    if when == "never":
        return CronTrigger(month=1, day=1, timezone="UTC")
    return DateTrigger(datetime.datetime.fromtimestamp(int(when), datetime.timezone.utc))


for number in range(jobs):
    scheduler.add_job(run, trigger(), args=[number], id=str(number))
scheduler.start()
