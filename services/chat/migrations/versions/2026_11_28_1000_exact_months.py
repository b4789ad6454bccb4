"""A reservation is given back where it was put aside: its month, its hour; and who is stopped learns for how long.

The clock of a process and that of the database are two. What was put aside in the first second of a month by a request
that began, by its own clock, in the last second of the one before, stayed put aside for that whole month.
"""

from alembic import op

revision = "2026_11_28_1000"
down_revision = "2026_11_28_0900"


def upgrade() -> None:
    for function in (_RESERVE, _SETTLE, _RELEASE):
        op.execute(function)


def downgrade() -> None:
    """The former release works with these as it did with its own: arguments and results are the same."""


# New: a refusal for money says what share of the budget is spent, and whether only what is put aside for others stands
# in the way: that comes back in a moment, mostly.
_RESERVE = """
create or replace function reserve(
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
        select s.owner_id, s.spent_micros as spent, s.spent_micros + s.reserved_micros as taken, budgets.monthly_micros
        from spending s join budgets using (owner_id)
        where s.month = v_month and s.owner_id in (p_organization, p_user) order by s.owner_id = p_user
    loop
        if b.taken + p_micros > b.monthly_micros then
            decision := 'budget'; owner := b.owner_id;
            percent := case b.monthly_micros when 0 then 100 else least(100, b.spent * 100 / b.monthly_micros) end;
            wait_s := case when b.spent + p_micros <= b.monthly_micros then 5
                else extract(epoch from (v_month + interval '1 month')::timestamp at time zone 'utc' - v_now) end;
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

# New: month and hour are the reservation's. The one with three more arguments calls this one.
_SETTLE = """
create or replace function settle(
    p_call text, p_organization text, p_user text, p_began timestamptz, p_cost bigint, p_feature text, p_turn text,
    p_deployment text, p_model text, p_outcome text, p_input integer, p_output integer, p_cached integer,
    p_is_estimate boolean, p_price_source text, p_attempts smallint, p_first_token_ms integer, p_took_ms integer)
returns table (owner text, spent bigint, budget bigint, alerted smallint)
language plpgsql set search_path from current as $$
declare r reservations; v_month date; v_count integer;
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
    v_month := coalesce(r.month, date_trunc('month', p_began at time zone 'utc')::date);
    update quota_use set hour_tokens = greatest(0, hour_tokens + p_input + p_output - coalesce(r.tokens, 0))
        where user_id = p_user and hour = date_trunc('hour', coalesce(r.began_at, p_began));
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

# New: the tokens of the hour, too; and locks in the order in which `reserve` takes them. To be asked for one at a time:
# two users' locks in one transaction have no order.
_RELEASE = """
create or replace function release_expired(p_at_most integer) returns integer
language plpgsql set search_path from current as $$
declare r record; v_count integer := 0;
begin
    for r in
        delete from reservations where call_id in (
            select call_id from reservations where expires_at < clock_timestamp()
            order by expires_at limit p_at_most for update skip locked)
        returning *
    loop
        update quota_use set hour_tokens = greatest(0, hour_tokens - r.tokens)
            where user_id = r.user_id and hour = date_trunc('hour', r.began_at);
        update spending set reserved_micros = greatest(0, reserved_micros - r.micros)
            where month = r.month and owner_id = r.organization_id;
        update spending set reserved_micros = greatest(0, reserved_micros - r.micros)
            where month = r.month and owner_id = r.user_id;
        v_count := v_count + 1;
    end loop;
    return v_count;
end $$
"""
