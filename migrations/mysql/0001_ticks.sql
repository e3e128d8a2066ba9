-- The tick and everything it needs: jobs, their history, runs, nodes, and the one row that all agents watch.
-- Times are microseconds since 1970 in UTC. Words in columns are the words of the glossary, checked by name.

create table cluster (
    id int not null,
    -- Counters that a writer raises in its own transaction; an agent that reads an unchanged row has nothing to do.
    jobs_revision bigint not null default 0,
    offers_revision bigint not null default 0,
    commands_revision bigint not null default 0,
    -- Every tick up to here has its outcome or an owner.
    audited_until bigint not null,
    -- No tick up to here is claimed any more.
    closed_until bigint not null,
    created_at bigint not null,
    constraint cluster_pk primary key (id),
    constraint cluster_is_one check (id = 1)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table job_groups (
    id bigint not null auto_increment,
    name varchar(190) not null,
    description varchar(1000) not null default '',
    created_at bigint not null,
    constraint job_groups_pk primary key (id),
    constraint job_groups_name_unique unique (name)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table jobs (
    id bigint not null auto_increment,
    group_id bigint not null,
    name varchar(190) not null,
    -- The name while the job is not deleted: what uniqueness is judged by.
    live_name varchar(190),
    description text not null,
    enabled boolean not null,
    schedule varchar(500) not null,
    zone varchar(64) not null,
    dst varchar(8) not null,
    spec mediumtext not null,
    -- The overlap policy, kept beside the spec because the claim decides by it.
    overlap varchar(16) not null,
    -- The line of a crontab it came from, so that importing twice changes nothing.
    import_key varchar(190),
    version bigint not null,
    -- The cluster's jobs_revision that its last change raised.
    revision bigint not null,
    valid_from bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    deleted_at bigint,
    constraint jobs_pk primary key (id),
    constraint jobs_name_unique unique (group_id, live_name),
    constraint jobs_import_unique unique (import_key),
    key jobs_by_revision (revision),
    key jobs_by_name (live_name),
    constraint jobs_group_fk foreign key (group_id) references job_groups (id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- What a job was from one edit to the next: judges ticks of the past by the version they belong to.
create table job_versions (
    job_id bigint not null,
    version bigint not null,
    name varchar(190) not null,
    group_id bigint not null,
    description text not null,
    enabled boolean not null,
    schedule varchar(500) not null,
    zone varchar(64) not null,
    dst varchar(8) not null,
    spec mediumtext not null,
    valid_from bigint not null,
    valid_until bigint,
    edited_by varchar(190) not null,
    constraint job_versions_pk primary key (job_id, version),
    key job_versions_by_end (valid_until)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table nodes (
    id bigint not null auto_increment,
    name varchar(190) not null,
    duty varchar(8) not null default 'active',
    duty_reason varchar(500) not null default '',
    -- One life of the agent, and one life of the host.
    boot_id binary(16) not null,
    booted_at bigint not null,
    -- When the life before this one was replaced.
    replaced_boot_at bigint,
    host_boot varchar(64) not null,
    host_booted_at bigint not null,
    -- The agent's life that first saw this life of the host: it runs what is due at a boot.
    host_boot_seen_by binary(16) not null,
    beat_count bigint not null default 0,
    last_beat_at bigint not null,
    left_at bigint,
    is_claiming boolean not null default true,
    not_claiming_reason varchar(500) not null default '',
    labels varchar(4000) not null default '{}',
    running_max int not null,
    running int not null default 0,
    version varchar(40) not null,
    tzdb_version varchar(40) not null,
    clock_offset_us bigint not null default 0,
    clock_uncertainty_us bigint not null default 0,
    load_milli bigint not null default 0,
    memory_total bigint not null default 0,
    memory_available bigint not null default 0,
    created_at bigint not null,
    constraint nodes_pk primary key (id),
    constraint nodes_name_unique unique (name),
    constraint nodes_duty check (duty in ('active', 'drained', 'retired'))
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- One row a decided tick; its key is the proof that it was decided once. No foreign keys: the claim must not wait for them.
create table runs (
    fire_time bigint not null,
    job_id bigint not null,
    -- 0 scheduled, 1 manual.
    kind tinyint not null,
    slot bigint not null,
    state varchar(8) not null,
    outcome varchar(16),
    reason varchar(24),
    detail varchar(1000),
    run_trigger varchar(10) not null,
    job_version bigint not null,
    attempt int not null default 1,
    token binary(16),
    node_id bigint,
    boot_id binary(16),
    not_before bigint not null,
    start_until bigint not null,
    preference varchar(10) not null default 'any',
    preferred_node bigint,
    claimed_at bigint,
    started_at bigint,
    ended_at bigint,
    exit_code int,
    exit_signal int,
    -- One record for a long outage: so many ticks, the last of them then.
    until_time bigint,
    tick_count bigint not null default 1,
    requested_by varchar(190),
    request_key varchar(190),
    parameters text,
    -- The job while the run is not done: finds what lives or waits without touching history.
    open_job bigint,
    -- The fire time of every run that did not succeed: finds trouble without touching the rest.
    trouble_time bigint,
    constraint runs_pk primary key (fire_time, job_id, kind, slot),
    key runs_by_job (job_id, fire_time),
    key runs_open (open_job, state),
    key runs_in_trouble (trouble_time),
    constraint runs_request_unique unique (job_id, request_key),
    constraint runs_state check (state in ('offered', 'claimed', 'running', 'done')),
    constraint runs_outcome check ((state = 'done') = (outcome is not null)),
    constraint runs_open_job check ((state = 'done') = (open_job is null))
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- Attempts that were followed by another one; the last attempt stands in the run itself.
create table attempts (
    fire_time bigint not null,
    job_id bigint not null,
    kind tinyint not null,
    slot bigint not null,
    attempt int not null,
    token binary(16),
    node_id bigint,
    outcome varchar(16) not null,
    reason varchar(24),
    detail varchar(1000),
    claimed_at bigint,
    started_at bigint,
    ended_at bigint not null,
    exit_code int,
    exit_signal int,
    constraint attempts_pk primary key (fire_time, job_id, kind, slot, attempt)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table run_outputs (
    fire_time bigint not null,
    job_id bigint not null,
    kind tinyint not null,
    slot bigint not null,
    attempt int not null,
    chunk bigint not null,
    -- 1 standard output, 2 standard error.
    stream tinyint not null,
    stream_offset bigint not null,
    written_at bigint not null,
    content mediumblob not null,
    constraint run_outputs_pk primary key (fire_time, job_id, kind, slot, attempt, chunk)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- What operators want of one node: kill a run, reload, drain. Rows, so that no agent needs an open port.
create table node_commands (
    id bigint not null auto_increment,
    node_id bigint not null,
    verb varchar(16) not null,
    -- The run it is about, as its id.
    run varchar(100),
    asked_by varchar(190) not null,
    asked_at bigint not null,
    done_at bigint,
    result varchar(500),
    constraint node_commands_pk primary key (id),
    key node_commands_pending (node_id, done_at)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- News owed to a human, written with the end of the run it is about; the monitor takes and deletes them.
create table notices (
    id bigint not null auto_increment,
    made_at bigint not null,
    fire_time bigint not null,
    job_id bigint not null,
    kind tinyint not null,
    slot bigint not null,
    outcome varchar(16) not null,
    constraint notices_pk primary key (id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- Totals by minute and node, so that no page counts runs.
create table run_totals (
    minute_time bigint not null,
    node_id bigint not null,
    outcome varchar(16) not null,
    runs bigint not null,
    lateness_us bigint not null,
    lateness_max_us bigint not null,
    constraint run_totals_pk primary key (minute_time, node_id, outcome)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- Who changed what. Rows are only ever added.
create table audit_log (
    id bigint not null auto_increment,
    made_at bigint not null,
    actor varchar(190) not null,
    address varchar(64),
    verb varchar(40) not null,
    object varchar(190) not null,
    group_id bigint,
    before_text mediumtext,
    after_text mediumtext,
    constraint audit_log_pk primary key (id),
    key audit_log_by_object (object, id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

insert into cluster (id, audited_until, closed_until, created_at)
select 1, t.us, t.us, t.us
from (select cast(unix_timestamp(sysdate(6)) * 1000000 as signed) as us) as t;

insert into job_groups (name, description, created_at)
select 'default', '', created_at from cluster;
