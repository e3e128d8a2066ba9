-- What somebody outside is told of a job's runs: their starts and ends, until they are told. An end is written with the
-- end of the run itself; a start stays until its run has ended, so that it is told once.
create table pings (
    id integer primary key autoincrement,
    fire_time integer not null,
    job_id integer not null,
    kind integer not null,
    slot integer not null,
    event text not null,
    outcome text,
    exit_code integer,
    made_at integer not null,
    -- Whoever is at it.
    token blob,
    attempts integer not null default 0,
    -- When somebody may try: while one pings, when his lease ends; null when it is over.
    try_at integer,
    constraint pings_unique unique (job_id, fire_time, kind, slot, event),
    constraint pings_event check (event in ('start', 'end')),
    constraint pings_outcome check ((event = 'end') = (outcome is not null))
) strict;

create index pings_due on pings (try_at) where try_at is not null;
create index pings_by_age on pings (made_at);

-- How the last ping of each job went.
create table job_pings (
    job_id integer not null,
    run text not null,
    told text not null,
    ended_at integer not null,
    is_told integer not null,
    attempts integer not null,
    result text not null,
    constraint job_pings_pk primary key (job_id)
) strict;

-- 1 while the job has an address to ping, which stands in its spec: kept beside it because ends of runs ask for it.
alter table jobs add column pings integer;
create index jobs_by_pings on jobs (pings) where pings is not null;
