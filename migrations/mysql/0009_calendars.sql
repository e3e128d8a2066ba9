-- Named sets of blackouts. Jobs hold a copy of the rules in their spec, so that each version knows its own fire times.
create table calendars (
    id bigint not null auto_increment,
    name varchar(100) not null,
    zone varchar(64) not null,
    -- The lines as they were written, with their comments.
    content mediumtext not null,
    version bigint not null,
    -- The version that last changed what jobs hold of it: name, zone or rules, and not a comment.
    rules_version bigint not null,
    edited_by varchar(190) not null,
    created_at bigint not null,
    updated_at bigint not null,
    constraint calendars_pk primary key (id),
    constraint calendars_name_unique unique (name)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;
alter table jobs
    -- Which calendar a job that is not deleted keeps to, and the rules_version that its spec holds.
    add column calendar_id bigint,
    add column calendar_version bigint,
    add key jobs_by_calendar (calendar_id, calendar_version);
