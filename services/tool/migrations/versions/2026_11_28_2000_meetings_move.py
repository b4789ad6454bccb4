"""What two users have agreed on can be moved, and called off."""

from alembic import op

revision = "2026_11_28_2000"
down_revision = "2026_11_28_1800"


def upgrade() -> None:
    op.execute(_COLUMNS)
    for name in _REPLACED:
        op.execute(f"alter table negotiations drop constraint ck_negotiations_{name}")
    for name, check in _CHECKS.items():
        op.execute(f"alter table negotiations add constraint ck_negotiations_{name} check ({check})")
    # While a meeting moves, both stretches are taken. The exclusion constraint goes along with the type.
    op.execute("alter table network_holds alter column taken type tstzmultirange using tstzmultirange(taken)")


def downgrade() -> None:
    raise NotImplementedError("A meeting that is on its way to another time is nothing that was known before.")


_COLUMNS = """
alter table negotiations
    add column stands timestamptz,
    add column edition integer not null default 0,
    add column is_called_off boolean not null default false
"""
_REPLACED = ("phase", "agreed_on_one", "events", "confirmed_in_both")
# A meeting that was confirmed before this migration stands when it was agreed on; `stands` may be null there.
_CHECKS = {
    "phase": "phase in ('open', 'agreed', 'cancelling', 'confirmed', 'failed', 'declined', 'cancelled', 'expired')",
    "agreed_on_one": "phase = 'cancelled' or"
    " (phase in ('agreed', 'cancelling', 'confirmed', 'failed')) = (agreed is not null)",
    "events": "initiator_event in ('none', 'begun', 'there', 'moving', 'moved')"
    " and responder_event in ('none', 'begun', 'there', 'moving', 'moved')",
    "confirmed_in_both": "phase <> 'confirmed' or initiator_event = 'there' and responder_event = 'there'"
    " or error = 'event_left_behind'",
    "cancelled_in_neither": "phase <> 'cancelled' or initiator_event = 'none' and responder_event = 'none'"
    " or error = 'event_left_behind'",
    "stands_when_confirmed": "case phase when 'confirmed' then stands is null or stands = agreed"
    " when 'cancelling' then stands is not null and stands = agreed"
    " when 'open' then true when 'agreed' then true else stands is null end",
    "called_off_in_time": "phase = 'agreed' or not is_called_off",
}
