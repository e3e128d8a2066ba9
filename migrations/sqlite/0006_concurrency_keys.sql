-- Jobs of one group with the same key are judged by the overlap policy as one. The row of a key is what their claims lock.
create table concurrency_keys (
    id integer primary key autoincrement,
    group_id integer not null,
    name text not null,
    constraint concurrency_keys_name_unique unique (group_id, name)
) strict;
-- Kept beside the spec because the claim decides by it.
alter table jobs add column key_id integer;
create index jobs_by_key on jobs (key_id);
