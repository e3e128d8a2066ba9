-- A group may keep fewer runs of each job than the cluster, or for fewer days: null is as much.
alter table job_groups add column keep_runs integer;
alter table job_groups add column keep_days integer;
