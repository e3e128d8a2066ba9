-- When somebody last set out with a delivery: an address takes only so many within an hour.
alter table deliveries add column taken_at integer;
-- What holds it back: 'quiet_hours', also where it says nothing, or 'limit'.
alter table deliveries add column held_by text;
create index deliveries_taken on deliveries (address, taken_at);
