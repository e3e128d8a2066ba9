-- Trouble, who was told of it, and how the telling went.

create table monitors (
    id integer not null,
    name text not null,
    -- One life of the monitor.
    boot_id blob not null,
    version text not null,
    booted_at integer not null,
    last_beat_at integer not null,
    -- What keeps it from telling; empty when nothing does.
    problem text not null default '',
    constraint monitors_pk primary key (id),
    constraint monitors_boot_unique unique (boot_id)
) strict;

create table incidents (
    id integer not null,
    revision integer not null default 1,
    rule text not null,
    subject_kind text not null,
    subject_id integer not null,
    subject_name text not null,
    -- Rule and subject while it lasts: two monitors cannot open the same twice.
    open_key text,
    since_at integer not null,
    opened_at integer not null,
    last_trouble_at integer not null,
    trouble_count integer not null,
    openings integer not null,
    well_since integer,
    resolved_at integer,
    told_at integer,
    told_count integer not null default 0,
    -- What somebody must still be told, and since when.
    owed text,
    owed_at integer,
    acknowledged_at integer,
    acknowledged_by text,
    evidence text not null,
    constraint incidents_pk primary key (id),
    constraint incidents_open_unique unique (open_key),
    constraint incidents_open check ((resolved_at is null) = (open_key is not null)),
    constraint incidents_owed check ((owed is null) = (owed_at is null))
) strict;

create index incidents_by_subject on incidents (subject_kind, subject_id, opened_at);
create index incidents_owing on incidents (owed_at) where owed_at is not null;

-- What is told once, as it was when it was told: incidents as JSON.
create table announcements (
    id integer not null,
    made_at integer not null,
    content text not null,
    constraint announcements_pk primary key (id)
) strict;

create table announced_incidents (
    incident_id integer not null,
    announcement_id integer not null,
    constraint announced_incidents_pk primary key (incident_id, announcement_id)
) strict;

-- One effort to hand an announcement to one address.
create table deliveries (
    id integer not null,
    announcement_id integer not null,
    channel text not null,
    address text not null,
    state text not null default 'waiting',
    token blob,
    attempts integer not null default 0,
    -- When somebody may try: while one sends it, when his lease ends; null when it is over.
    try_at integer,
    ended_at integer,
    result text not null default '',
    constraint deliveries_pk primary key (id),
    constraint deliveries_state check (state in ('waiting', 'sending', 'sent', 'given_up')),
    constraint deliveries_over check ((try_at is null) = (state in ('sent', 'given_up')))
) strict;

create index deliveries_by_announcement on deliveries (announcement_id);
create index deliveries_due on deliveries (try_at) where try_at is not null;

create table mutes (
    id integer not null,
    rule text,
    subject_kind text,
    subject_id integer,
    reason text not null,
    made_by text not null,
    from_at integer not null,
    until_time integer not null,
    constraint mutes_pk primary key (id)
) strict;

create index mutes_by_end on mutes (until_time);

-- Where mail about the group's jobs goes: null to the default, empty to nobody.
alter table job_groups add column mail_to text;
