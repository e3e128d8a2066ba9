-- The tick and everything it needs: jobs, their history, runs, nodes, and the one row that all agents watch.
-- Times are microseconds since 1970 in UTC. Words in columns are the words of the glossary, checked by name.

create table cluster (
    id integer not null,
    -- Counters that a writer raises in its own transaction; an agent that reads an unchanged row has nothing to do.
    jobs_revision integer not null default 0,
    offers_revision integer not null default 0,
    commands_revision integer not null default 0,
    -- Every tick up to here has its outcome or an owner.
    audited_until integer not null,
    -- No tick up to here is claimed any more.
    closed_until integer not null,
    created_at integer not null,
    constraint cluster_pk primary key (id),
    constraint cluster_is_one check (id = 1)
) strict;

create table job_groups (
    id integer primary key autoincrement,
    name text not null,
    description text not null default '',
    created_at integer not null,
    constraint job_groups_name_unique unique (name)
) strict;

create table jobs (
    id integer primary key autoincrement,
    group_id integer not null,
    name text not null,
    -- The name while the job is not deleted: what uniqueness is judged by.
    live_name text,
    description text not null,
    enabled integer not null,
    schedule text not null,
    zone text not null,
    dst text not null,
    spec text not null,
    -- The overlap policy, kept beside the spec because the claim decides by it.
    overlap text not null,
    -- The line of a crontab it came from, so that importing twice changes nothing.
    import_key text,
    version integer not null,
    -- The cluster's jobs_revision that its last change raised.
    revision integer not null,
    valid_from integer not null,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer,
    constraint jobs_name_unique unique (group_id, live_name),
    constraint jobs_import_unique unique (import_key),
    constraint jobs_group_fk foreign key (group_id) references job_groups (id)
) strict;

create index jobs_by_revision on jobs (revision);
create index jobs_by_name on jobs (live_name);

-- What a job was from one edit to the next: judges ticks of the past by the version they belong to.
create table job_versions (
    job_id integer not null,
    version integer not null,
    name text not null,
    group_id integer not null,
    description text not null,
    enabled integer not null,
    schedule text not null,
    zone text not null,
    dst text not null,
    spec text not null,
    valid_from integer not null,
    valid_until integer,
    edited_by text not null,
    constraint job_versions_pk primary key (job_id, version)
) strict;

create index job_versions_by_end on job_versions (valid_until);

create table nodes (
    id integer primary key autoincrement,
    name text not null,
    duty text not null default 'active',
    duty_reason text not null default '',
    -- One life of the agent, and one life of the host.
    boot_id blob not null,
    booted_at integer not null,
    -- When the life before this one was replaced.
    replaced_boot_at integer,
    host_boot text not null,
    host_booted_at integer not null,
    -- The agent's life that first saw this life of the host: it runs what is due at a boot.
    host_boot_seen_by blob not null,
    beat_count integer not null default 0,
    last_beat_at integer not null,
    left_at integer,
    is_claiming integer not null default 1,
    not_claiming_reason text not null default '',
    labels text not null default '{}',
    running_max integer not null,
    running integer not null default 0,
    version text not null,
    tzdb_version text not null,
    clock_offset_us integer not null default 0,
    clock_uncertainty_us integer not null default 0,
    load_milli integer not null default 0,
    memory_total integer not null default 0,
    memory_available integer not null default 0,
    created_at integer not null,
    constraint nodes_name_unique unique (name),
    constraint nodes_duty check (duty in ('active', 'drained', 'retired'))
) strict;

-- One row a decided tick; its key is the proof that it was decided once. No foreign keys: the claim must not wait for them.
create table runs (
    fire_time integer not null,
    job_id integer not null,
    -- 0 scheduled, 1 manual.
    kind integer not null,
    slot integer not null,
    state text not null,
    outcome text,
    reason text,
    detail text,
    run_trigger text not null,
    job_version integer not null,
    attempt integer not null default 1,
    token blob,
    node_id integer,
    boot_id blob,
    not_before integer not null,
    start_until integer not null,
    preference text not null default 'any',
    preferred_node integer,
    claimed_at integer,
    started_at integer,
    ended_at integer,
    exit_code integer,
    exit_signal integer,
    -- One record for a long outage: so many ticks, the last of them then.
    until_time integer,
    tick_count integer not null default 1,
    requested_by text,
    request_key text,
    parameters text,
    -- The job while the run is not done: finds what lives or waits without touching history.
    open_job integer,
    -- The fire time of every run that did not succeed: finds trouble without touching the rest.
    trouble_time integer,
    constraint runs_pk primary key (fire_time, job_id, kind, slot),
    constraint runs_request_unique unique (job_id, request_key),
    constraint runs_state check (state in ('offered', 'claimed', 'running', 'done')),
    constraint runs_outcome check ((state = 'done') = (outcome is not null)),
    constraint runs_open_job check ((state = 'done') = (open_job is null))
) strict;

create index runs_by_job on runs (job_id, fire_time);
create index runs_open on runs (open_job, state) where open_job is not null;
create index runs_in_trouble on runs (trouble_time) where trouble_time is not null;

-- Attempts that were followed by another one; the last attempt stands in the run itself.
create table attempts (
    fire_time integer not null,
    job_id integer not null,
    kind integer not null,
    slot integer not null,
    attempt integer not null,
    token blob,
    node_id integer,
    outcome text not null,
    reason text,
    detail text,
    claimed_at integer,
    started_at integer,
    ended_at integer not null,
    exit_code integer,
    exit_signal integer,
    constraint attempts_pk primary key (fire_time, job_id, kind, slot, attempt)
) strict;

create table run_outputs (
    fire_time integer not null,
    job_id integer not null,
    kind integer not null,
    slot integer not null,
    attempt integer not null,
    chunk integer not null,
    -- 1 standard output, 2 standard error.
    stream integer not null,
    stream_offset integer not null,
    written_at integer not null,
    content blob not null,
    constraint run_outputs_pk primary key (fire_time, job_id, kind, slot, attempt, chunk)
) strict;

-- What operators want of one node: kill a run, reload, drain. Rows, so that no agent needs an open port.
create table node_commands (
    id integer primary key autoincrement,
    node_id integer not null,
    verb text not null,
    -- The run it is about, as its id.
    run text,
    asked_by text not null,
    asked_at integer not null,
    done_at integer,
    result text
) strict;

create index node_commands_pending on node_commands (node_id, done_at);

-- News owed to a human, written with the end of the run it is about; the monitor takes and deletes them.
create table notices (
    id integer primary key autoincrement,
    made_at integer not null,
    fire_time integer not null,
    job_id integer not null,
    kind integer not null,
    slot integer not null,
    outcome text not null
) strict;

-- Totals by minute and node, so that no page counts runs.
create table run_totals (
    minute_time integer not null,
    node_id integer not null,
    outcome text not null,
    runs integer not null,
    lateness_us integer not null,
    lateness_max_us integer not null,
    constraint run_totals_pk primary key (minute_time, node_id, outcome)
) strict;

-- Who changed what. Rows are only ever added.
create table audit_log (
    id integer primary key autoincrement,
    made_at integer not null,
    actor text not null,
    address text,
    verb text not null,
    object text not null,
    group_id integer,
    before_text text,
    after_text text
) strict;

create index audit_log_by_object on audit_log (object, id);

insert into cluster (id, audited_until, closed_until, created_at)
select 1, t.us, t.us, t.us
from (select cast(unixepoch('subsec') * 1000000 as integer) as us) as t;

insert into job_groups (name, description, created_at)
select 'default', '', created_at from cluster;
