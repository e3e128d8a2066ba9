// node-cron: a task for each line.
import cron from 'node-cron';
import { expression, jobs, run } from './work.mjs';

for (let job = 0; job < jobs; job += 1) {
  cron.schedule(expression(), () => run(job), { timezone: 'UTC' });
}
