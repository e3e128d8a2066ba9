-- Named sets of blackouts. Jobs hold a copy of the rules in their spec, so that each version knows its own fire times.
create table calendars (
    id integer primary key autoincrement,
    name text not null,
    zone text not null,
    -- The lines as they were written, with their comments.
    content text not null,
    version integer not null,
    -- The version that last changed what jobs hold of it: name, zone or rules, and not a comment.
    rules_version integer not null,
    edited_by text not null,
    created_at integer not null,
    updated_at integer not null,
    constraint calendars_name_unique unique (name)
) strict;
-- Which calendar a job that is not deleted keeps to, and the rules_version that its spec holds.
alter table jobs add column calendar_id integer;
alter table jobs add column calendar_version integer;
create index jobs_by_calendar on jobs (calendar_id, calendar_version);
