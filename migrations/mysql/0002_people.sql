-- The people: their accounts, what they may do where, their sessions and the tokens of their programs.
-- Secrets are kept as hashes alone, except the key of the second step, which has to be computed with.

create table users (
    id bigint not null auto_increment,
    name varchar(64) not null,
    -- Name in lower case: what uniqueness is judged by and what is looked up.
    sign_in_name varchar(64) not null,
    password_hash varchar(200) not null,
    totp_key varbinary(64),
    -- The newest time step a code was accepted for: a code works once.
    totp_step bigint not null default 0,
    locked_at bigint,
    created_at bigint not null,
    signed_in_at bigint,
    constraint users_pk primary key (id),
    constraint users_name_unique unique (sign_in_name)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table grants (
    user_id bigint not null,
    -- 0 is everywhere.
    group_id bigint not null,
    role varchar(16) not null,
    constraint grants_pk primary key (user_id, group_id),
    constraint grants_user_fk foreign key (user_id) references users (id),
    constraint grants_role check (role in ('owner', 'admin', 'operator', 'editor', 'viewer'))
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table recovery_codes (
    user_id bigint not null,
    code_hash binary(32) not null,
    constraint recovery_codes_pk primary key (user_id, code_hash),
    constraint recovery_codes_user_fk foreign key (user_id) references users (id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table sessions (
    id bigint not null auto_increment,
    secret_hash binary(32) not null,
    user_id bigint not null,
    -- The second step is done, or not asked for.
    is_verified boolean not null,
    address varchar(64),
    browser varchar(200) not null,
    created_at bigint not null,
    seen_at bigint not null,
    idle_us bigint not null,
    ends_at bigint not null,
    constraint sessions_pk primary key (id),
    constraint sessions_secret_unique unique (secret_hash),
    key sessions_by_user (user_id),
    constraint sessions_user_fk foreign key (user_id) references users (id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

create table api_tokens (
    id bigint not null auto_increment,
    secret_hash binary(32) not null,
    user_id bigint not null,
    name varchar(190) not null,
    -- The role it is cut down to; null leaves it all its user's rights.
    scope varchar(16),
    created_at bigint not null,
    used_at bigint,
    expires_at bigint,
    constraint api_tokens_pk primary key (id),
    constraint api_tokens_secret_unique unique (secret_hash),
    key api_tokens_by_user (user_id),
    constraint api_tokens_user_fk foreign key (user_id) references users (id)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;

-- Failed proofs of identity by name and by address: what throttling is computed from.
create table sign_in_failures (
    place varchar(190) not null,
    failures int not null,
    failed_at bigint not null,
    constraint sign_in_failures_pk primary key (place)
) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin;
