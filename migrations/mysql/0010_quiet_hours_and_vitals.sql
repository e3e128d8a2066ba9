-- What is held back for people who are not to be disturbed: such deliveries of one address go out together.
alter table deliveries add column held_until bigint;
-- When news about the group's jobs is held back: null as all, empty never.
alter table job_groups add column quiet_hours varchar(190);
-- What a node says of its data directory's disk, in bytes, and of Redis: empty when it answers, or is not used.
alter table nodes add column disk_total bigint not null default 0;
alter table nodes add column disk_available bigint not null default 0;
alter table nodes add column redis_problem varchar(190) not null default '';
