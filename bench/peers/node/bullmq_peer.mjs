// BullMQ: a job scheduler for each line, and a worker with room for all lines of a second; both on one Redis.
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { expression, jobs, run } from './work.mjs';

// A worker waits on its connection, so each has one of its own.
const connect = () => new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const queue = new Queue('carillon', { connection: connect() });
const kept = { removeOnComplete: true, removeOnFail: true };
const ids = Array.from({ length: jobs }, (_, job) => job);
for (let from = 0; from < jobs; from += 100) {
  await Promise.all(ids.slice(from, from + 100).map((job) => queue.upsertJobScheduler(
    `job-${job}`, { pattern: expression(), tz: 'UTC' }, { name: 'run', data: { job }, opts: kept },
  )));
}
new Worker('carillon', (task) => run(task.data.job), {
  connection: connect(), concurrency: Math.max(10, Math.min(jobs, 500)),
});
