-- Deleted jobs are listed by when they were deleted, without a look at those that live.
alter table jobs add key jobs_by_deletion (deleted_at, id);
