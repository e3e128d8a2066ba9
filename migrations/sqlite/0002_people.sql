-- The people: their accounts, what they may do where, their sessions and the tokens of their programs.
-- Secrets are kept as hashes alone, except the key of the second step, which has to be computed with.

create table users (
    id integer not null,
    name text not null,
    -- Name in lower case: what uniqueness is judged by and what is looked up.
    sign_in_name text not null,
    password_hash text not null,
    totp_key blob,
    -- The newest time step a code was accepted for: a code works once.
    totp_step integer not null default 0,
    locked_at integer,
    created_at integer not null,
    signed_in_at integer,
    constraint users_pk primary key (id),
    constraint users_name_unique unique (sign_in_name)
) strict;

create table grants (
    user_id integer not null,
    -- 0 is everywhere.
    group_id integer not null,
    role text not null,
    constraint grants_pk primary key (user_id, group_id),
    constraint grants_user_fk foreign key (user_id) references users (id),
    constraint grants_role check (role in ('owner', 'admin', 'operator', 'editor', 'viewer'))
) strict;

create table recovery_codes (
    user_id integer not null,
    code_hash blob not null,
    constraint recovery_codes_pk primary key (user_id, code_hash),
    constraint recovery_codes_user_fk foreign key (user_id) references users (id)
) strict;

create table sessions (
    id integer not null,
    secret_hash blob not null,
    user_id integer not null,
    -- The second step is done, or not asked for.
    is_verified integer not null,
    address text,
    browser text not null,
    created_at integer not null,
    seen_at integer not null,
    idle_us integer not null,
    ends_at integer not null,
    constraint sessions_pk primary key (id),
    constraint sessions_secret_unique unique (secret_hash),
    constraint sessions_user_fk foreign key (user_id) references users (id)
) strict;

create index sessions_by_user on sessions (user_id);

create table api_tokens (
    id integer not null,
    secret_hash blob not null,
    user_id integer not null,
    name text not null,
    -- The role it is cut down to; null leaves it all its user's rights.
    scope text,
    created_at integer not null,
    used_at integer,
    expires_at integer,
    constraint api_tokens_pk primary key (id),
    constraint api_tokens_secret_unique unique (secret_hash),
    constraint api_tokens_user_fk foreign key (user_id) references users (id)
) strict;

create index api_tokens_by_user on api_tokens (user_id);

-- Failed proofs of identity by name and by address: what throttling is computed from.
create table sign_in_failures (
    place text not null,
    failures integer not null,
    failed_at integer not null,
    constraint sign_in_failures_pk primary key (place)
) strict;
