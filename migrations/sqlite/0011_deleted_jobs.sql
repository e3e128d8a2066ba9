-- Deleted jobs are listed by when they were deleted, without a look at those that live.
create index jobs_by_deletion on jobs (deleted_at, id);
