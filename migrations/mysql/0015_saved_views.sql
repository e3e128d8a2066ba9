-- Filters of lists that people keep under a name: for themselves, for whoever sees a group, or for everybody.
create table saved_views (
    id bigint not null auto_increment,
    user_id bigint not null,
    list varchar(8) not null,
    name varchar(60) not null,
    -- The filter as it stands in the address of the list.
    query varchar(2000) not null,
    audience varchar(10) not null,
    group_id bigint,
    created_at bigint not null,
    constraint saved_views_pk primary key (id),
    constraint saved_views_name_unique unique (user_id, list, name),
    constraint saved_views_list check (list in ('jobs', 'runs')),
    constraint saved_views_audience check (audience in ('own', 'group', 'everybody')),
    constraint saved_views_group check ((audience = 'group') = (group_id is not null)),
    key saved_views_by_audience (audience)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;
