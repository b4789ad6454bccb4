"""Tables that grow with time are cut by month: old months are dropped whole, queries touch few.

Creating and dropping tables is the owner's right; a service does it through two functions that run as the owner
and can do nothing else. Rows of a month that has no partition yet land in the default partition and are moved out
of it when the month's partition is made.
"""

from datetime import timedelta

from libs.db.database import Database
from libs.db.security import Operations


def partition_by_month(op: Operations, table: str) -> None:
    """Equip a table that was created `partition by range (created_at)`; makes this month and the next two.

    The primary key must contain `created_at`.
    """
    op.execute(_ENSURE)
    op.execute(_RETAIN)
    op.execute(f"create table {table}_default partition of {table} default")
    op.execute("select ensure_partitions(2)")


async def ensure_partitions(database: Database, months_ahead: int = 2) -> int:
    """Make the partitions of this month and the next ones; returns how many were new. Call it daily."""
    async with database.transaction(None) as tx:
        return int(await tx.fetchval("select ensure_partitions($1)", months_ahead))


async def retain(database: Database, table: str, keep: timedelta) -> int:
    """Delete rows of every user older than `keep` (at least a day), months whole; returns the rows deleted singly."""
    async with database.transaction(None) as tx:
        return int(await tx.fetchval("select retain($1, $2)", table, keep))


# `current_schema` inside is the owner's schema because the function pins search_path at creation.
_ENSURE = """
create or replace function ensure_partitions(months_ahead integer) returns integer
language plpgsql security definer set search_path from current as $$
declare
    parent record; month date; child text; columns text; stray bigint; made integer := 0;
begin
    if months_ahead not between 0 and 24 then raise exception 'months_ahead must be 0 to 24'; end if;
    perform pg_advisory_xact_lock(hashtext('partitions:' || current_schema()));
    for parent in
        select c.oid, c.relname from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
        where c.relnamespace = current_schema()::regnamespace and p.partdefid <> 0
    loop
        for month in
            select date_trunc('month', now() at time zone 'utc')::date + make_interval(months => m)
            from generate_series(0, months_ahead) m
        loop
            child := parent.relname || to_char(month, '_"y"YYYY"m"MM');
            continue when to_regclass(quote_ident(child)) is not null;
            execute format('create table %I (like %I including all excluding identity)', child, parent.relname);
            select string_agg(quote_ident(attname), ', ' order by attnum) into columns from pg_attribute
                where attrelid = parent.oid and attnum > 0 and not attisdropped and attgenerated = '';
            execute format(
                'with stray as (delete from %1$I where created_at >= %2$L and created_at < %3$L returning %4$s)'
                ' insert into %5$I (%4$s) select %4$s from stray',
                parent.relname || '_default', month::text || ' 00:00+00',
                (month + interval '1 month')::date::text || ' 00:00+00', columns, child);
            get diagnostics stray = row_count;
            execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent.relname, child,
                month::text || ' 00:00+00', (month + interval '1 month')::date::text || ' 00:00+00');
            made := made + 1;
        end loop;
    end loop;
    return made;
end $$
"""

_RETAIN = """
create or replace function retain(target text, keep interval) returns bigint
language plpgsql security definer set search_path from current as $$
declare
    child record; month timestamptz; deleted bigint := 0; n bigint; horizon timestamptz := now() - keep;
begin
    if keep < interval '1 day' then raise exception 'a retention under one day looks like a mistake'; end if;
    perform pg_advisory_xact_lock(hashtext('partitions:' || current_schema()));
    for child in
        select c.relname, c.relname ~ '_y[0-9]{4}m[0-9]{2}$' as is_month
        from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
        where p.relname = target and p.relnamespace = current_schema()::regnamespace
    loop
        month := case when child.is_month then to_date(right(child.relname, 8), '"y"YYYY"m"MM')::timestamp
            at time zone 'utc' end;
        if child.is_month and month + interval '1 month' <= horizon then
            execute format('drop table %I', child.relname);
        elsif not child.is_month or month < horizon then
            execute format('delete from %I where created_at < $1', child.relname) using horizon;
            get diagnostics n = row_count;
            deleted := deleted + n;
        end if;
    end loop;
    return deleted;
end $$
"""
