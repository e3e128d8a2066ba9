-- When somebody's turn to drop what is old began: one program at a time does it.
alter table cluster add column retention_at bigint not null default 0;
