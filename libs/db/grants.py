"""What a service's role may do: read and write rows of its own schema's tables, and nothing else."""

from libs.db.security import Operations

# A partition has no policy of its own: reached directly it would show everybody's rows. It therefore gets no
# grant; through the parent table PostgreSQL asks for the parent's grants alone.
_GRANTS = """
do $$
declare t record;
begin
    for t in
        select c.oid::regclass as name, c.relispartition as is_partition, c.relname = 'alembic_version' as is_version
        from pg_class c where c.relnamespace = '{schema}'::regnamespace and c.relkind in ('r', 'p')
    loop
        if t.is_partition then
            execute format('revoke all on %s from svc_{schema}', t.name);
        elsif t.is_version then
            execute format('grant select on %s to svc_{schema}', t.name);
        else
            execute format('grant select, insert, update, delete on %s to svc_{schema}', t.name);
        end if;
    end loop;
end $$;
"""


def grant_to_service(op: Operations, service: str) -> None:
    """Grant the role `svc_<service>` rows of every table of its schema. Runs after each upgrade; harmless to repeat."""
    op.execute(_GRANTS.format(schema=service))
    op.execute(f"grant usage, select on all sequences in schema {service} to svc_{service}")
    op.execute(f"revoke all on all functions in schema {service} from public")
    op.execute(f"grant execute on all functions in schema {service} to svc_{service}")
