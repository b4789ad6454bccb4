"""Conversations with outsiders are forgotten some time after their last message."""

from alembic import op

from libs.db.security import let_owner_maintain

revision = "2026_11_28_1600"
down_revision = "2026_11_28_1500"

_TABLES = ("conversations", "messages", "turns", "turn_steps", "followups")
_FORGET = """
create function forget_visits(keep interval, at_most integer) returns integer
language plpgsql security definer set search_path from current as $$
declare old record; gone integer := 0;
begin
    if keep < interval '1 day' then raise exception 'keep must be at least a day'; end if;
    for old in
        select organization_id, user_id, conversation_id from conversations
        where delegation_id is not null and updated_at < now() - keep limit at_most for update skip locked
    loop
        delete from turn_steps s using turns t
            where t.organization_id = old.organization_id and t.user_id = old.user_id
              and t.conversation_id = old.conversation_id
              and s.organization_id = t.organization_id and s.user_id = t.user_id and s.turn_id = t.turn_id;
        delete from messages where organization_id = old.organization_id and user_id = old.user_id
            and conversation_id = old.conversation_id;
        delete from followups where organization_id = old.organization_id and user_id = old.user_id
            and conversation_id = old.conversation_id;
        delete from turns where organization_id = old.organization_id and user_id = old.user_id
            and conversation_id = old.conversation_id;
        delete from conversations where organization_id = old.organization_id and user_id = old.user_id
            and conversation_id = old.conversation_id;
        gone := gone + 1;
    end loop;
    return gone;
end $$
"""


def upgrade() -> None:
    for table in _TABLES:
        let_owner_maintain(op, table)
    op.execute("create index ix_conversations_visits on conversations (updated_at) where delegation_id is not null")
    op.execute(_FORGET)


def downgrade() -> None:
    op.execute("drop function forget_visits")
    op.execute("drop index ix_conversations_visits")
    for table in _TABLES:
        op.execute(f"drop policy owner_maintains on {table}")
