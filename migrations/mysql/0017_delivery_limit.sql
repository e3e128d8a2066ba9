-- When somebody last set out with a delivery: an address takes only so many within an hour.
alter table deliveries add column taken_at bigint;
-- What holds it back: 'quiet_hours', also where it says nothing, or 'limit'.
alter table deliveries add column held_by varchar(12);
alter table deliveries add key deliveries_taken (address(64), taken_at);
