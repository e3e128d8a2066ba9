"""APScheduler doing what Carillon's agents do in the same run: so many jobs of every second, each a shell command.

As its documentation says for jobs that wait: a pool of threads, here with room for all jobs of a second, one instance more
than the default so that a slow second does not cost the next one, and no misfire limit.
"""
import subprocess
import sys

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

command, jobs = sys.argv[1], int(sys.argv[2])
scheduler = BlockingScheduler(
    timezone="UTC",
    executors={"default": ThreadPoolExecutor(max(10, jobs))},
    job_defaults={"max_instances": 2, "misfire_grace_time": None, "coalesce": False},
)


def run():
    subprocess.run(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


for number in range(jobs):
    scheduler.add_job(run, CronTrigger(second="*", timezone="UTC"), id=str(number))
scheduler.start()
