"""What was said to a model and what it answered: hashes on the ledger's row, the words sealed and kept for a while."""

from alembic import op

from libs.db.ddl import enable_row_security, partition_by_month
from libs.db.security import let_owner_maintain

revision = "2026_11_28_0900"
down_revision = "2026_11_27_1000"


def upgrade() -> None:
    op.execute("alter table model_calls add column request_hash bytea, add column answer_hash bytea")
    op.execute(_CONTENTS)
    enable_row_security(op, "model_call_contents")
    let_owner_maintain(op, "model_call_contents")
    partition_by_month(op, "model_call_contents")
    op.execute(_SETTLE)


def downgrade() -> None:
    op.execute(
        "drop function settle(text, text, text, timestamptz, bigint, text, text, text, text, text, integer, integer, "
        "integer, boolean, text, smallint, integer, integer, bytea, bytea, bytea)"
    )
    op.execute("drop table model_call_contents")
    op.execute("alter table model_calls drop column request_hash, drop column answer_hash")


_CONTENTS = """
create table model_call_contents (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    call_id text not null,
    content bytea not null,
    created_at timestamptz not null,
    constraint pk_model_call_contents primary key (organization_id, user_id, call_id, created_at)
) partition by range (created_at)
"""

# The former `settle` stays for replicas that are still of the former release; it does the counting for both.
_SETTLE = """
create function settle(
    p_call text, p_organization text, p_user text, p_began timestamptz, p_cost bigint, p_feature text, p_turn text,
    p_deployment text, p_model text, p_outcome text, p_input integer, p_output integer, p_cached integer,
    p_is_estimate boolean, p_price_source text, p_attempts smallint, p_first_token_ms integer, p_took_ms integer,
    p_request_hash bytea, p_answer_hash bytea, p_content bytea)
returns table (owner text, spent bigint, budget bigint, alerted smallint)
language plpgsql set search_path from current as $$
begin
    return query select * from settle(p_call, p_organization, p_user, p_began, p_cost, p_feature, p_turn, p_deployment,
        p_model, p_outcome, p_input, p_output, p_cached, p_is_estimate, p_price_source, p_attempts, p_first_token_ms,
        p_took_ms);
    update model_calls set request_hash = p_request_hash, answer_hash = p_answer_hash
        where organization_id = p_organization and user_id = p_user and call_id = p_call and created_at = p_began
          and request_hash is null;
    if found and p_content is not null then
        insert into model_call_contents (call_id, content, created_at) values (p_call, p_content, p_began)
            on conflict do nothing;
    end if;
end $$
"""
