-- What is old is found by its age, so that looking for it costs what is dropped and not what is kept.
create index incidents_by_end on incidents (resolved_at);
create index announcements_by_time on announcements (made_at);
create index announced_incidents_by_announcement on announced_incidents (announcement_id);
create index sessions_by_end on sessions (ends_at);
create index node_commands_by_end on node_commands (done_at);
