-- Trouble, who was told of it, and how the telling went.

create table monitors (
    id bigint not null auto_increment,
    name varchar(190) not null,
    -- One life of the monitor.
    boot_id binary(16) not null,
    version varchar(40) not null,
    booted_at bigint not null,
    last_beat_at bigint not null,
    -- What keeps it from telling; empty when nothing does.
    problem varchar(500) not null default '',
    constraint monitors_pk primary key (id),
    constraint monitors_boot_unique unique (boot_id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table incidents (
    id bigint not null auto_increment,
    revision bigint not null default 1,
    rule varchar(24) not null,
    subject_kind varchar(8) not null,
    subject_id bigint not null,
    subject_name varchar(190) not null,
    -- Rule and subject while it lasts: two monitors cannot open the same twice.
    open_key varchar(60),
    since_at bigint not null,
    opened_at bigint not null,
    last_trouble_at bigint not null,
    trouble_count bigint not null,
    openings int not null,
    well_since bigint,
    resolved_at bigint,
    told_at bigint,
    told_count bigint not null default 0,
    -- What somebody must still be told, and since when.
    owed varchar(10),
    owed_at bigint,
    acknowledged_at bigint,
    acknowledged_by varchar(190),
    evidence mediumtext not null,
    constraint incidents_pk primary key (id),
    constraint incidents_open_unique unique (open_key),
    constraint incidents_open check ((resolved_at is null) = (open_key is not null)),
    constraint incidents_owed check ((owed is null) = (owed_at is null)),
    key incidents_by_subject (subject_kind, subject_id, opened_at),
    key incidents_owing (owed_at)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- What is told once, as it was when it was told: incidents as JSON.
create table announcements (
    id bigint not null auto_increment,
    made_at bigint not null,
    content mediumtext not null,
    constraint announcements_pk primary key (id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table announced_incidents (
    incident_id bigint not null,
    announcement_id bigint not null,
    constraint announced_incidents_pk primary key (incident_id, announcement_id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- One effort to hand an announcement to one address.
create table deliveries (
    id bigint not null auto_increment,
    announcement_id bigint not null,
    channel varchar(10) not null,
    address varchar(500) not null,
    state varchar(8) not null default 'waiting',
    token binary(16),
    attempts int not null default 0,
    -- When somebody may try: while one sends it, when his lease ends; null when it is over.
    try_at bigint,
    ended_at bigint,
    result varchar(500) not null default '',
    constraint deliveries_pk primary key (id),
    constraint deliveries_state check (state in ('waiting', 'sending', 'sent', 'given_up')),
    constraint deliveries_over check ((try_at is null) = (state in ('sent', 'given_up'))),
    key deliveries_by_announcement (announcement_id),
    key deliveries_due (try_at)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table mutes (
    id bigint not null auto_increment,
    rule varchar(24),
    subject_kind varchar(8),
    subject_id bigint,
    reason varchar(500) not null,
    made_by varchar(190) not null,
    from_at bigint not null,
    until_time bigint not null,
    constraint mutes_pk primary key (id),
    key mutes_by_end (until_time)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- Where mail about the group's jobs goes: null to the default, empty to nobody.
alter table job_groups add column mail_to varchar(1000);
