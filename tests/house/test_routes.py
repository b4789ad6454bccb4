"""What the contracts promise is what the services' tables deliver: nothing missing, nothing extra."""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

import pytest

from contracts import catalog
from contracts.envelope import Command, Event, Message, Query, Service
from tests.house.test_contract_names import snake_case

every_service = pytest.mark.parametrize("name", tuple(Service))


@cache
def routes_of(name: str) -> tuple[Any, ...]:
    """The table in the service's `app.py`."""
    (found,) = entry_points(group="adjutant.services", name=name)
    return tuple(found.load().routes)


def promised(name: Service) -> set[type[Message]]:
    """Every message this service takes, according to the contracts."""
    heard = {event for event in catalog.events() if name in event.heard_by}
    owned = {message for message in (*catalog.commands(), *catalog.queries()) if message.owner() == name}
    return heard | owned


def test_every_service_is_found_by_its_entry_point() -> None:
    assert {point.name for point in entry_points(group="adjutant.services")} == set(Service)


@every_service
def test_a_service_takes_exactly_what_the_contracts_say(name: Service) -> None:
    taken = [route.message for route in routes_of(name)]

    assert set(taken) == promised(name)
    assert len(taken) == len(set(taken)), "two handlers would share one durable or one queue group"


@every_service
def test_a_handler_carries_the_name_of_its_message(name: Service) -> None:
    for route in routes_of(name):
        if issubclass(route.message, Command | Query):
            assert route.run.__name__ == snake_case(route.message.__name__)


@every_service
def test_a_service_reacts_to_events_handles_commands_and_answers_queries(name: Service) -> None:
    kinds = {"react": Event, "handle": Command, "handle_long": Command, "answer": Query}
    for route in routes_of(name):
        assert issubclass(route.message, kinds[str(route.kind)])


def test_every_event_is_heard_and_every_query_asked() -> None:
    for event in catalog.events():
        assert event.heard_by, f"nobody hears {event.__name__}"
    for query in catalog.queries():
        assert query.asked_by, f"nobody asks {query.__name__}"
        assert query.owner() not in query.asked_by, f"{query.owner()} would ask itself {query.__name__}"
