-- The runs of one node in the order of time, the ends of one kind, and the entries of one person: found without a look at
-- those of all others.
create index runs_by_node on runs (node_id, fire_time);
create index run_totals_by_outcome on run_totals (outcome, minute_time);
create index audit_log_by_actor on audit_log (actor, id);
