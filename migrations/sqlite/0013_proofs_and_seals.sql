-- When somebody last proved in a session who he is: sensitive acts ask again after a while.
alter table sessions add column proved_at integer not null default 0;
-- The chain over the audit log: the place of each entry in it, and a hash over the entry and the seal before it.
alter table audit_log add column place integer;
alter table audit_log add column seal blob;
create unique index audit_log_place_unique on audit_log (place);
create table audit_chain (
    id integer not null,
    -- The end of the chain. Its row is locked by whoever makes the chain longer.
    place integer not null,
    seal blob not null,
    constraint audit_chain_pk primary key (id),
    constraint audit_chain_is_one check (id = 1)
) strict;
insert into audit_chain (id, place, seal) values (1, 0, zeroblob(32));
