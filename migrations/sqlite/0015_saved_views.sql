-- Filters of lists that people keep under a name: for themselves, for whoever sees a group, or for everybody.
create table saved_views (
    id integer primary key autoincrement,
    user_id integer not null,
    list text not null,
    name text not null,
    -- The filter as it stands in the address of the list.
    query text not null,
    audience text not null,
    group_id integer,
    created_at integer not null,
    constraint saved_views_name_unique unique (user_id, list, name),
    constraint saved_views_list check (list in ('jobs', 'runs')),
    constraint saved_views_audience check (audience in ('own', 'group', 'everybody')),
    constraint saved_views_group check ((audience = 'group') = (group_id is not null))
) strict;

create index saved_views_by_audience on saved_views (audience);
