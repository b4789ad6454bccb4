"""Tool, assembled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from contracts.acquaintances import AnswerInvitation, InviteAcquaintance, ListAcquaintances, RemoveAcquaintance
from contracts.actions import (
    CarryOutAction,
    DecideAction,
    ExpireAction,
    GetAction,
    ListActions,
    ListConsentRules,
    RemoveConsentRule,
    SetConsentRule,
    WithdrawAction,
)
from contracts.bookings import (
    BookSlot,
    CancelBooking,
    CancelOwnBooking,
    FindOwnBooking,
    FindSlots,
    HoldSlot,
    ListBookings,
    MoveOwnBooking,
    SettleBooking,
)
from contracts.delegations import (
    ChangeDelegation,
    CreateDelegation,
    ListDelegations,
    OpenBookingPage,
    RevokeDelegation,
)
from contracts.network import (
    AcceptProposal,
    CounterProposal,
    EndNegotiation,
    ExpireNegotiation,
    ListNegotiations,
    SettleNegotiation,
    StartNegotiation,
    TellAcquaintance,
)
from contracts.oauth import ConnectionEstablished, ConnectionRemoved, ReauthorizationRequired
from contracts.tasks import ChangeTask, CompleteTask, CreateTask, DeleteTask, ListTasks, ReopenTask
from contracts.tool import ExecuteTool, GetExecution, GetToolApiUsage, ListTools, RunReadTool
from libs.bus import answer, handle, handle_long, react
from libs.providers.google.calendar import Calendar
from libs.providers.google.gmail import Gmail
from libs.providers.wire import http_client
from libs.runtime import Resources, Service
from services.tool import consent_handlers as consent
from services.tool import delegation_handlers as delegation
from services.tool import network_handlers as network
from services.tool import task_handlers as tasks
from services.tool import times
from services.tool.connected import Connected
from services.tool.consent.gate import Waits
from services.tool.deps import ToolDeps
from services.tool.handlers import (
    add_connection,
    execute_tool,
    get_execution,
    get_tool_api_usage,
    list_tools,
    remove_connection,
    run_read_tool,
    suspend_connection,
)
from services.tool.housekeeping import Kept, keep_house
from services.tool.settings import ToolSettings
from services.tool.tools import registry
from services.tool.usage import UsageBook
from services.tool.work_clients import WorkClients

routes = (
    react(ConnectionEstablished, add_connection),
    react(ConnectionRemoved, remove_connection),
    react(ReauthorizationRequired, suspend_connection),
    answer(ListTools, list_tools),
    answer(RunReadTool, run_read_tool),
    answer(GetExecution, get_execution),
    answer(GetToolApiUsage, get_tool_api_usage),
    handle_long(ExecuteTool, execute_tool),
    handle_long(CarryOutAction, consent.carry_out_action),
    handle(ExpireAction, consent.expire_action),
    handle(WithdrawAction, consent.withdraw_action),
    answer(ListActions, consent.list_actions),
    answer(GetAction, consent.get_action),
    answer(DecideAction, consent.decide_action),
    answer(ListConsentRules, consent.list_consent_rules),
    answer(SetConsentRule, consent.set_consent_rule),
    answer(RemoveConsentRule, consent.remove_consent_rule),
    answer(ListTasks, tasks.list_tasks),
    answer(CreateTask, tasks.create_task),
    answer(ChangeTask, tasks.change_task),
    answer(DeleteTask, tasks.delete_task),
    answer(CompleteTask, tasks.complete_task),
    answer(ReopenTask, tasks.reopen_task),
    answer(CreateDelegation, delegation.create_delegation),
    answer(ChangeDelegation, delegation.change_delegation),
    answer(ListDelegations, delegation.list_delegations),
    answer(RevokeDelegation, delegation.revoke_delegation),
    answer(ListBookings, delegation.list_bookings),
    answer(CancelBooking, delegation.cancel_booking),
    answer(OpenBookingPage, delegation.open_booking_page),
    answer(FindSlots, delegation.find_slots),
    answer(HoldSlot, delegation.hold_slot),
    answer(BookSlot, delegation.book_slot),
    answer(FindOwnBooking, delegation.find_own_booking),
    answer(CancelOwnBooking, delegation.cancel_own_booking),
    answer(MoveOwnBooking, delegation.move_own_booking),
    handle_long(SettleBooking, delegation.settle_booking),
    answer(InviteAcquaintance, network.invite_acquaintance),
    answer(ListAcquaintances, network.list_acquaintances),
    answer(AnswerInvitation, network.answer_invitation),
    answer(RemoveAcquaintance, network.remove_acquaintance),
    answer(ListNegotiations, network.list_negotiations),
    answer(StartNegotiation, network.start_negotiation),
    answer(CounterProposal, network.counter_proposal),
    answer(AcceptProposal, network.accept_proposal),
    answer(EndNegotiation, network.end_negotiation),
    handle_long(ExpireNegotiation, network.expire_negotiation),
    handle_long(SettleNegotiation, network.settle_negotiation),
    handle_long(TellAcquaintance, network.tell_acquaintance),
)


@asynccontextmanager
async def open_tool(resources: Resources[ToolSettings]) -> AsyncIterator[ToolDeps]:
    """The providers' descriptions are loaded once, in a thread."""
    settings = resources.settings
    usage = UsageBook(resources.db)
    loading = asyncio.create_task(asyncio.to_thread(times.load_words))
    writing = asyncio.create_task(usage.run())
    kept = Kept(timedelta(days=settings.bookings_kept_days), timedelta(days=settings.abandoned_bookings_kept_days))
    keeping = asyncio.create_task(keep_house(resources.db, kept))
    try:
        async with http_client() as http:
            yield ToolDeps(
                db=resources.db,
                bus=resources.bus,
                vault=resources.vault,
                seal=resources.seal,
                gmail=await Gmail.open(http, settings.gmail_api),
                calendar=await Calendar.open(http, settings.calendar_api),
                work=WorkClients.open(
                    http,
                    github_api_url=settings.github_api,
                    slack_api_url=settings.slack_api,
                    microsoft_api_url=settings.microsoft_api,
                    notion_api_url=settings.notion_api,
                ),
                tools=registry,
                connected=Connected(resources.db, resources.bus),
                usage=usage,
                waits=Waits(
                    proposal=timedelta(hours=settings.proposal_hours),
                    hold=timedelta(seconds=settings.hold_s),
                    undo=timedelta(minutes=settings.undo_minutes),
                ),
            )
    finally:
        keeping.cancel()
        writing.cancel()
        await usage.write()
        await loading


service = Service(name="tool", settings=ToolSettings, routes=routes, open=open_tool)
"""The eight entry points find it here."""
