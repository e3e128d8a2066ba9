-- What is old is found by its age, so that looking for it costs what is dropped and not what is kept.
alter table incidents add key incidents_by_end (resolved_at);
alter table announcements add key announcements_by_time (made_at);
alter table announced_incidents add key announced_incidents_by_announcement (announcement_id);
alter table sessions add key sessions_by_end (ends_at);
alter table node_commands add key node_commands_by_end (done_at);
