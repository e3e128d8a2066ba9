-- An import of the same file again finds the jobs of its lines, and what they were when it made them.
alter table jobs add column import_source text;
-- The version that the last import wrote.
alter table jobs add column import_version integer;
create index jobs_by_import_source on jobs (import_source);
