"""The ledger of model calls, and what may be spent: budgets, reservations, quotas."""

from alembic import op

from libs.db.ddl import enable_row_security, leave_open_to_service, partition_by_month
from libs.db.security import let_owner_maintain

revision = "2026_11_27_0900"
down_revision = "2026_11_24_1000"


def upgrade() -> None:
    op.execute(_MODEL_CALLS)
    enable_row_security(op, "model_calls")
    let_owner_maintain(op, "model_calls")
    op.execute("create index ix_model_calls_newest on model_calls (user_id, created_at desc)")
    op.execute("create index ix_model_calls_organization on model_calls (organization_id, created_at)")
    partition_by_month(op, "model_calls")
    for table, columns in _OPEN.items():
        op.execute(f"create table {table} ({columns})")
        leave_open_to_service(op, table)
    op.execute("create index ix_reservations_expires on reservations (expires_at)")
    for function in (_RESERVE, _SETTLE, _RELEASE, _ORGANIZATION_USAGE):
        op.execute(function)


def downgrade() -> None:
    for function in ("reserve", "settle", "release_expired", "organization_usage"):
        op.execute(f"drop function {function}")
    for table in (*reversed(_OPEN), "model_calls"):
        op.execute(f"drop table {table}")


_MODEL_CALLS = """
create table model_calls (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    call_id text not null,
    feature text not null,
    turn_id text,
    deployment text not null,
    model text not null,
    outcome text not null,
    input_tokens integer not null,
    output_tokens integer not null,
    cached_tokens integer not null,
    cost_micros bigint not null,
    is_estimate boolean not null,
    price_source text not null,
    attempts smallint not null,
    first_token_ms integer,
    took_ms integer not null,
    created_at timestamptz not null,
    constraint pk_model_calls primary key (organization_id, user_id, call_id, created_at),
    constraint ck_model_calls_outcome check (outcome in ('completed', 'failed', 'cancelled', 'cached')),
    constraint ck_model_calls_counts check (
        input_tokens >= 0 and output_tokens >= 0 and cached_tokens >= 0 and cost_micros >= 0)
) partition by range (created_at)
"""

_OPEN = {
    "plans": """
        organization_id text not null,
        tier text not null,
        constraint pk_plans primary key (organization_id),
        constraint ck_plans_tier check (tier in ('FREE', 'STARTER', 'PROFESSIONAL', 'ENTERPRISE'))
""",
    "budgets": """
        owner_id text not null,
        monthly_micros bigint not null,
        updated_at timestamptz not null default now(),
        constraint pk_budgets primary key (owner_id),
        constraint ck_budgets_amount check (monthly_micros >= 0)
""",
    "spending": """
        owner_id text not null,
        month date not null,
        spent_micros bigint not null default 0,
        reserved_micros bigint not null default 0,
        alerted smallint not null default 0,
        constraint pk_spending primary key (owner_id, month),
        constraint ck_spending_amounts check (spent_micros >= 0 and reserved_micros >= 0)
""",
    "reservations": """
        call_id text not null,
        organization_id text not null,
        user_id text not null,
        month date not null,
        micros bigint not null,
        tokens integer not null,
        began_at timestamptz not null,
        expires_at timestamptz not null,
        constraint pk_reservations primary key (call_id)
""",
    "quota_use": """
        user_id text not null,
        next_at timestamptz not null default '-infinity',
        day date not null,
        day_requests integer not null default 0,
        hour timestamptz not null,
        hour_tokens bigint not null default 0,
        constraint pk_quota_use primary key (user_id)
""",
}

# Everything about one admission in one round trip and one transaction. Locks in a fixed order: the user's quota, the
# organization's month, the user's month.
_RESERVE = """
create function reserve(
    p_call text, p_organization text, p_user text, p_micros bigint, p_tokens integer, p_lasts interval,
    p_per_minute integer, p_burst integer, p_per_day integer, p_tokens_per_hour bigint, p_longest_wait interval)
returns table (decision text, wait_s double precision, percent integer, owner text,
               day_left integer, hour_tokens_left bigint)
language plpgsql set search_path from current as $$
declare
    v_now timestamptz := clock_timestamp();
    v_today date := (v_now at time zone 'utc')::date;
    v_hour timestamptz := date_trunc('hour', v_now);
    v_month date := date_trunc('month', v_now at time zone 'utc')::date;
    v_step interval := interval '60 seconds' / p_per_minute;
    q quota_use; b record; v_wait interval; v_percent integer := 0;
begin
    insert into quota_use (user_id, day, hour) values (p_user, v_today, v_hour) on conflict (user_id) do nothing;
    select * into q from quota_use where user_id = p_user for update;
    if q.day <> v_today then q.day := v_today; q.day_requests := 0; end if;
    if q.hour <> v_hour then q.hour := v_hour; q.hour_tokens := 0; end if;
    day_left := greatest(0, p_per_day - q.day_requests);
    hour_tokens_left := greatest(0, p_tokens_per_hour - q.hour_tokens);
    if q.day_requests >= p_per_day then
        decision := 'day'; percent := 0;
        wait_s := extract(epoch from (v_today + 1)::timestamp at time zone 'utc' - v_now);
        return next; return;
    end if;
    if q.hour_tokens + p_tokens > p_tokens_per_hour then
        decision := 'hour'; percent := 0; wait_s := extract(epoch from v_hour + interval '1 hour' - v_now);
        return next; return;
    end if;
    q.next_at := greatest(q.next_at, v_now);
    v_wait := greatest(interval '0', q.next_at - v_now - v_step * (p_burst - 1));
    if v_wait > p_longest_wait then
        decision := 'minute'; percent := 0; wait_s := extract(epoch from v_wait - p_longest_wait);
        return next; return;
    end if;
    -- The rows are there before they are looked at: two first requests of a month wait for each other too.
    insert into spending (owner_id, month)
        select id, v_month from unnest(array[p_organization, p_user]) with ordinality as o (id, place) order by place
        on conflict do nothing;
    perform 1 from spending where month = v_month and owner_id in (p_organization, p_user)
        order by owner_id = p_user for update;
    for b in
        select s.owner_id, s.spent_micros + s.reserved_micros as taken, budgets.monthly_micros
        from spending s join budgets using (owner_id)
        where s.month = v_month and s.owner_id in (p_organization, p_user) order by s.owner_id = p_user
    loop
        if b.taken + p_micros > b.monthly_micros then
            decision := 'budget'; percent := 100; owner := b.owner_id;
            wait_s := extract(epoch from (v_month + interval '1 month')::timestamp at time zone 'utc' - v_now);
            return next; return;
        end if;
        v_percent := greatest(v_percent, (b.taken * 100 / greatest(b.monthly_micros, 1))::integer);
    end loop;
    update quota_use set next_at = q.next_at + v_step, day = q.day, day_requests = q.day_requests + 1,
        hour = q.hour, hour_tokens = q.hour_tokens + p_tokens where user_id = p_user;
    update spending set reserved_micros = reserved_micros + p_micros
        where month = v_month and owner_id in (p_organization, p_user);
    insert into reservations (call_id, organization_id, user_id, month, micros, tokens, began_at, expires_at)
        values (p_call, p_organization, p_user, v_month, p_micros, p_tokens, v_now, v_now + p_lasts);
    decision := 'admitted'; wait_s := extract(epoch from v_wait); percent := v_percent;
    day_left := day_left - 1; hour_tokens_left := hour_tokens_left - p_tokens;
    return next;
end $$
"""

# Once per call: the ledger's row is what makes a second settlement a no-op. The reservation may have been released
# before (a stream that took longer than it was given); what was spent counts all the same.
_SETTLE = """
create function settle(
    p_call text, p_organization text, p_user text, p_began timestamptz, p_cost bigint, p_feature text, p_turn text,
    p_deployment text, p_model text, p_outcome text, p_input integer, p_output integer, p_cached integer,
    p_is_estimate boolean, p_price_source text, p_attempts smallint, p_first_token_ms integer, p_took_ms integer)
returns table (owner text, spent bigint, budget bigint, alerted smallint)
language plpgsql set search_path from current as $$
declare r reservations; v_month date := date_trunc('month', p_began at time zone 'utc')::date; v_count integer;
begin
    perform set_config('adjutant.organization_id', p_organization, true),
            set_config('adjutant.user_id', p_user, true);
    insert into model_calls (call_id, feature, turn_id, deployment, model, outcome, input_tokens, output_tokens,
                             cached_tokens, cost_micros, is_estimate, price_source, attempts, first_token_ms, took_ms,
                             created_at)
        values (p_call, p_feature, p_turn, p_deployment, p_model, p_outcome, p_input, p_output, p_cached, p_cost,
                p_is_estimate, p_price_source, p_attempts, p_first_token_ms, p_took_ms, p_began)
        on conflict do nothing;
    get diagnostics v_count = row_count;
    if v_count = 0 then return; end if;
    delete from reservations where call_id = p_call returning * into r;
    update quota_use set hour_tokens = greatest(0, hour_tokens + p_input + p_output - coalesce(r.tokens, 0))
        where user_id = p_user and hour = date_trunc('hour', p_began);
    insert into spending as s (owner_id, month, spent_micros)
        select id, v_month, p_cost from unnest(array[p_organization, p_user]) with ordinality as o (id, place)
        order by place
        on conflict (owner_id, month) do update set spent_micros = s.spent_micros + excluded.spent_micros,
            reserved_micros = greatest(0, s.reserved_micros - coalesce(r.micros, 0));
    return query
        select s.owner_id, s.spent_micros, b.monthly_micros, s.alerted
        from spending s join budgets b using (owner_id)
        where s.month = v_month and s.owner_id in (p_organization, p_user);
end $$
"""

_RELEASE = """
create function release_expired(p_at_most integer) returns integer
language plpgsql set search_path from current as $$
declare r record; v_count integer := 0;
begin
    for r in
        delete from reservations where call_id in (
            select call_id from reservations where expires_at < clock_timestamp()
            order by expires_at limit p_at_most for update skip locked)
        returning *
    loop
        update spending set reserved_micros = greatest(0, reserved_micros - r.micros)
            where month = r.month and owner_id in (r.organization_id, r.user_id);
        v_count := v_count + 1;
    end loop;
    return v_count;
end $$
"""

# Figures of the whole organization, no rows of anybody: as the owner, because a service sees one user at a time.
_ORGANIZATION_USAGE = """
create function organization_usage(p_organization text, p_start timestamptz, p_end timestamptz)
returns table (day date, feature text, model text, requests bigint, failures bigint, input_tokens bigint,
               output_tokens bigint, cost_micros bigint)
language sql security definer set search_path from current stable as $$
    select (created_at at time zone 'utc')::date, feature, model, count(*),
           count(*) filter (where outcome = 'failed'), sum(input_tokens)::bigint, sum(output_tokens)::bigint,
           sum(cost_micros)::bigint
    from model_calls
    where organization_id = p_organization and created_at >= p_start and created_at < p_end
    group by 1, 2, 3
$$
"""
