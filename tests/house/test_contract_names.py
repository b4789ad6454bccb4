"""One grep for `run_turn` finds subject, class and handler, because each follows from the subject."""

import re

import pytest

from contracts import catalog
from contracts.envelope import Command, Event, Live, Message, Query

_EVENT = re.compile(r"^evt\.[a-z]+\.[a-z_]+\.[a-z_]+\.v[1-9]\d*$")
_CALL = re.compile(r"^(cmd|rpc)\.[a-z]+\.[a-z]+_[a-z_]+\.v[1-9]\d*$|^(cmd|rpc)\.[a-z]+\.[a-z]+\.v[1-9]\d*$")
_LIVE = re.compile(r"^live\.[a-z_]+$")

every_message = pytest.mark.parametrize("message", catalog.messages(), ids=lambda message: message.subject)


def snake_case(name: str) -> str:
    """`TurnCompleted` → `turn_completed`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@every_message
def test_a_class_is_named_after_its_subject(message: type[Message]) -> None:
    name = snake_case(message.__name__)
    if issubclass(message, Event):
        assert _EVENT.match(message.subject)
        _, service, entity, past, _ = message.subject.split(".")
        assert f"_{service}_{entity}_{past}".endswith(f"_{name}"), message.subject
        assert name.endswith(past.rsplit("_", 1)[-1]), message.subject
    elif issubclass(message, Live):
        assert _LIVE.match(message.subject)
        assert name.startswith(message.subject.split(".")[1]), message.subject
    else:
        assert issubclass(message, Command | Query)
        assert _CALL.match(message.subject)
        assert message.subject.split(".")[2] == name


@every_message
def test_a_message_lives_in_the_module_of_its_owner(message: type[Message]) -> None:
    assert message.__module__ in {
        f"contracts.{message.owner()}",
        *(f"contracts.{name}" for name in catalog.SUBJECTS_OF_THEIR_OWN),
    }


@every_message
def test_the_example_survives_the_wire(message: type[Message]) -> None:
    example = message.example()

    assert message.model_validate_json(example.model_dump_json()) == example


@every_message
def test_a_message_says_what_it_means(message: type[Message]) -> None:
    assert message.__doc__
    assert message.__doc__ != message.__mro__[1].__doc__


@every_message
def test_no_untyped_dictionary_crosses_the_bus(message: type[Message]) -> None:
    models = [message, message.reply] if issubclass(message, Query) else [message]
    for model in models:
        for name, field in model.model_fields.items():
            assert "dict" not in str(field.annotation), f"{model.__name__}.{name} is an untyped dictionary"
