-- An import of the same file again finds the jobs of its lines, and what they were when it made them.
alter table jobs
    add column import_source varchar(190),
    -- The version that the last import wrote.
    add column import_version bigint,
    add key jobs_by_import_source (import_source);
