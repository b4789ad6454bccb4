"""Each line marked `refused` is a mistake that the type checker has to find; the others have to pass."""

from contracts.chat import GetTurn, RunTurn, StopTurn, TurnCompleted, TurnView
from contracts.conversations import ConversationFound, FindConversation
from contracts.gateway import UserRegistered
from contracts.tool import GetExecution
from libs.bus import Bus, Call, answer, handle, handle_long, publish, react
from libs.db import Transaction


async def remember_turn(event: TurnCompleted, tx: Transaction, deps: object) -> None: ...


async def stop_turn(command: StopTurn, tx: Transaction, deps: object) -> None: ...


async def run_turn(command: RunTurn, call: Call, deps: object) -> None: ...


async def get_turn(query: GetTurn, call: Call, deps: object) -> TurnView:
    raise NotImplementedError


async def find_conversation(query: FindConversation, call: Call, deps: object) -> ConversationFound:
    raise NotImplementedError


async def get_turn_as_something_else(query: GetTurn, call: Call, deps: object) -> ConversationFound:
    raise NotImplementedError


def remember_at_once(event: TurnCompleted, tx: Transaction, deps: object) -> None: ...


right = (
    react(TurnCompleted, remember_turn),
    handle(StopTurn, stop_turn),
    handle_long(RunTurn, run_turn),
    answer(GetTurn, get_turn),
    answer(FindConversation, find_conversation),
)

another_event = react(UserRegistered, remember_turn)  # refused
event_as_command = handle(TurnCompleted, remember_turn)  # refused
command_as_event = react(StopTurn, stop_turn)  # refused
another_command = handle(RunTurn, stop_turn)  # refused
long_in_a_transaction = handle_long(StopTurn, stop_turn)  # refused
another_query = answer(GetExecution, get_turn)  # refused
another_reply = answer(GetTurn, get_turn_as_something_else)  # refused
not_asynchronous = react(TurnCompleted, remember_at_once)  # refused


async def ask_and_mistake_the_answer(bus: Bus) -> ConversationFound:
    return await bus.ask(GetTurn.example(), scope=None)  # refused


async def publish_a_query(tx: Transaction) -> None:
    await publish(tx, TurnCompleted.example())
    await publish(tx, GetTurn.example())  # refused


async def send_an_event(bus: Bus) -> None:
    await bus.send(StopTurn.example(), scope=None)
    await bus.send(TurnCompleted.example(), scope=None)  # refused
