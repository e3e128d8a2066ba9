-- Jobs that incidents start.
create table command_channels (
    id integer primary key autoincrement,
    job_id integer not null,
    -- The account on whose authority it is started; null for whoever commands the database.
    user_id integer,
    made_by text not null,
    made_at integer not null,
    constraint command_channels_job_unique unique (job_id)
) strict;

-- What went to one address, newest first.
create index deliveries_by_address on deliveries (address, id);
