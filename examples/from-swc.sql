-- Prints the jobs of SWC (Swoole-Crontab, database sw_crontab) as a declaration that `admin apply` reads. Nothing is changed there.
-- How to call it, and what is different afterwards: docs/MIGRATING.md. @zone is the time zone of SWC's agents.
set @zone = coalesce(@zone, 'UTC');
set session group_concat_max_len = 1048576;

-- What nobody can translate without asking: these rules did not do in SWC what they say.
select concat('# look at ', json_quote(c.name), ', ', c.rule, ': ', case
    when c.rule regexp '[A-Za-z]' then 'SWC took every name of a weekday for Sunday, of a month for January'
    when substring_index(c.rule, ' ', -1) regexp '7' then 'SWC took weekday 7 for Saturday'
    else 'SWC did not obey a step after a single number'
end)
from crontab as c
where c.status <> -1
    and (c.rule regexp '[A-Za-z]' or substring_index(c.rule, ' ', -1) regexp '7' or c.rule regexp '(^|[ ,])[0-9]+/')
order by c.id;

select 'groups:';
select concat('- {name: ', json_quote(g.name), '}')
from (
    select distinct coalesce(trim(k.name), 'default') as name
    from crontab as c
    left join category as k on k.id = c.cid
    where c.status <> -1
) as g
order by g.name;

select 'jobs:';
select concat(
    '- {name: ', json_quote(j.name),
    ', group: ', json_quote(j.group_name),
    ', description: ', json_quote(j.description),
    ', enabled: ', if(j.status = 1, 'true', 'false'),
    -- A field of five or six words; days of month and of week have to fit both.
    ', schedule: ', json_quote(concat(j.other_fields, ' ', if(j.weekday like '*%', '', '+'), j.weekday)),
    ', zone: ', json_quote(@zone),
    ', command: ', json_quote(j.command), ', shell: "/bin/sh"',
    ', placement: ', case j.concurrency when 0 then 'every_node' when 1 then 'one' else concat('n(', j.concurrency, ')') end,
    ', nodes: [', coalesce(j.nodes, ''), ']',
    ', exclude_nodes: [', coalesce(j.excluded, ''), ']',
    if(j.timeout_opt = 1 and j.max_process_time > 0, concat(', timeout_s: ', j.max_process_time), ''),
    if(j.retries > 0, concat(', retry: {max_attempts: ', least(j.retries + 1, 100), ', delay_s: ', j.retry_interval, '}'), ''),
    if(j.run_user <> '', concat(', run_as: ', json_quote(j.run_user)), ''),
    if(j.log_opt = 1, ', keep_output: true', ''),
    ', mail_to: ', json_quote(if(j.notice_way & 1, coalesce(j.owners, ''), '')),
    '}')
from (
    select c.*,
        coalesce(trim(k.name), 'default') as group_name,
        c.`desc` as description,
        substring_index(trim(c.rule), ' ', -1) as weekday,
        trim(left(trim(c.rule), char_length(trim(c.rule)) - char_length(substring_index(trim(c.rule), ' ', -1)))) as other_fields,
        (select group_concat(json_quote(a.name) order by a.name separator ', ')
            from via_table as v join agents as a on a.id = v.bid where v.type = 2 and v.aid = c.id) as nodes,
        (select group_concat(json_quote(a.name) order by a.name separator ', ')
            from via_table as v join agents as a on a.id = v.bid where v.type = 3 and v.aid = c.id) as excluded,
        (select group_concat(distinct u.email order by u.email separator ', ')
            from via_table as v join user as u on u.id = v.bid where v.type = 4 and v.aid = c.id and u.email <> '') as owners
    from (
        select d.id, d.cid, d.`desc`, d.rule, d.concurrency, d.command, d.max_process_time, d.timeout_opt, d.log_opt,
            d.retries, d.retry_interval, d.status, d.run_user, d.notice_way,
            -- Names are unique in a group here.
            if(count(*) over (partition by d.cid, trim(d.name)) > 1, concat(trim(d.name), ' (', d.id, ')'), trim(d.name)) as name
        from crontab as d
        where d.status <> -1
    ) as c
    left join category as k on k.id = c.cid
) as j
order by j.id;
