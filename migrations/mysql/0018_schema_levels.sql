-- Which programs may work with the tables of a level, the number of a migration: those that know at least `least_known`.
-- Every migration from here on says it of its own level. One that only adds repeats what the level before it says, so that
-- programs of the release before may be started beside newer ones; one that takes something away raises it.
create table schema_levels (
    level bigint not null,
    least_known bigint not null,
    constraint schema_levels_pk primary key (level),
    constraint schema_levels_order check (least_known <= level)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

insert into schema_levels (level, least_known) values (18, 18);
