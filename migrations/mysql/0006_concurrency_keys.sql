-- Jobs of one group with the same key are judged by the overlap policy as one. The row of a key is what their claims lock.
create table concurrency_keys (
    id bigint not null auto_increment,
    group_id bigint not null,
    name varchar(100) not null,
    constraint concurrency_keys_pk primary key (id),
    constraint concurrency_keys_name_unique unique (group_id, name)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;
alter table jobs
    -- Kept beside the spec because the claim decides by it.
    add column key_id bigint,
    add key jobs_by_key (key_id);
