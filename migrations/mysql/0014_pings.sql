-- What somebody outside is told of a job's runs: their starts and ends, until they are told. An end is written with the
-- end of the run itself; a start stays until its run has ended, so that it is told once.
create table pings (
    id bigint not null auto_increment,
    fire_time bigint not null,
    job_id bigint not null,
    kind tinyint not null,
    slot bigint not null,
    event varchar(16) not null,
    outcome varchar(16),
    exit_code int,
    made_at bigint not null,
    -- Whoever is at it.
    token binary(16),
    attempts int not null default 0,
    -- When somebody may try: while one pings, when his lease ends; null when it is over.
    try_at bigint,
    constraint pings_pk primary key (id),
    constraint pings_unique unique (job_id, fire_time, kind, slot, event),
    constraint pings_event check (event in ('start', 'end')),
    constraint pings_outcome check ((event = 'end') = (outcome is not null)),
    key pings_due (try_at),
    key pings_by_age (made_at)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- How the last ping of each job went.
create table job_pings (
    job_id bigint not null,
    run varchar(100) not null,
    told varchar(32) not null,
    ended_at bigint not null,
    is_told tinyint not null,
    attempts int not null,
    result varchar(500) not null,
    constraint job_pings_pk primary key (job_id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- 1 while the job has an address to ping, which stands in its spec: kept beside it because ends of runs ask for it.
alter table jobs add column pings tinyint, add key jobs_by_pings (pings);
