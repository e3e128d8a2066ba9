// What all schedulers of the bench are asked to do: `COMMAND JOBS WHEN`.
import { exec } from 'node:child_process';

export const [command, jobs, when] = [process.argv[2], Number(process.argv[3]), process.argv[4]];

// When, as a cron expression with seconds.
export function expression() {
  if (when === 'every') return '* * * * * *';
  if (when === 'never') return '0 0 0 1 1 *';
  const at = new Date(Number(when) * 1000);
  return `${at.getUTCSeconds()} ${at.getUTCMinutes()} ${at.getUTCHours()} ${at.getUTCDate()} ${at.getUTCMonth() + 1} *`;
}

// Runs the line of a job in a shell; resolves when it has ended.
export function run(job) {
  return new Promise((resolve) => {
    exec(`CARILLON_JOB_ID=${job} ${command}`, (error) => {
      if (error) console.error(error.message);
      resolve();
    });
  });
}
