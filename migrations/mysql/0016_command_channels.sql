-- Jobs that incidents start.
create table command_channels (
    id bigint not null auto_increment,
    job_id bigint not null,
    -- The account on whose authority it is started; null for whoever commands the database.
    user_id bigint,
    made_by varchar(190) not null,
    made_at bigint not null,
    constraint command_channels_pk primary key (id),
    constraint command_channels_job_unique unique (job_id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- What went to one address, newest first.
alter table deliveries add key deliveries_by_address (address(64), id);
