-- When somebody last proved in a session who he is: sensitive acts ask again after a while.
alter table sessions add column proved_at bigint not null default 0;
-- The chain over the audit log: the place of each entry in it, and a hash over the entry and the seal before it.
alter table audit_log
    add column place bigint,
    add column seal binary(32),
    add constraint audit_log_place_unique unique (place);
create table audit_chain (
    id int not null,
    -- The end of the chain. Its row is locked by whoever makes the chain longer.
    place bigint not null,
    seal binary(32) not null,
    constraint audit_chain_pk primary key (id),
    constraint audit_chain_is_one check (id = 1)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;
insert into audit_chain (id, place, seal) values (1, 0, repeat(x'00', 32));
