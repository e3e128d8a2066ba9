-- The runs of one node in the order of time, the ends of one kind, and the entries of one person: found without a look at
-- those of all others.
alter table runs add key runs_by_node (node_id, fire_time);
alter table run_totals add key run_totals_by_outcome (outcome, minute_time);
alter table audit_log add key audit_log_by_actor (actor, id);
