"""The figures of a summary are those of the copy, added up by the database."""

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.activities import ActivityFigures, GetActivitySummary
from contracts.envelope import Scope
from tests.service.sync.conftest import World

ZONE = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 3, 23)
"""Of the week that ends with the day on which clocks skip an hour."""

Row = tuple[str, str, datetime, datetime | None, int]
_SAVE = """
insert into activities (provider, stream, generation, external_id, kind, at, ends_at, people, version, details)
values ($1, 'all', 1, $2, $3, $4, $5, $6, '', '')
"""


def at(hour: float, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(), ZONE) + timedelta(hours=hour)


async def saved(world: World, rows: list[Row]) -> None:
    async with world.sync.db.transaction(world.scope) as tx:
        given = [(provider, str(number), *rest) for number, (provider, *rest) in enumerate(rows)]
        await tx.executemany(_SAVE, given)


async def asked(world: World, days: int = 1, scope: Scope | None = None) -> tuple[ActivityFigures, ...]:
    query = GetActivitySummary(start=MONDAY, end=MONDAY + timedelta(days=days - 1), timezone=ZONE.key)
    return (await world.sync.ask(query, scope or world.scope)).periods


async def test_overlapping_meetings_count_twice_and_their_time_once(world: World) -> None:
    await saved(world, [("calendar", "event", at(10), at(11), 1), ("outlook_calendar", "event", at(10.5), at(12), 1)])
    (day,) = await asked(world)

    assert (day.meetings, day.meeting_hours) == (2, 2.0)
    assert day.focus_hours == 6.0, "9 to 10 and 12 to 17"


async def test_an_event_alone_takes_time_and_is_no_meeting_and_a_whole_day_is_neither(world: World) -> None:
    await saved(world, [("calendar", "event", at(9), at(11), 0), ("calendar", "event", at(0), at(24), 5)])
    (day,) = await asked(world)

    assert (day.meetings, day.meeting_hours, day.focus_hours) == (0, 0.0, 6.0)


async def test_an_event_that_ends_as_or_before_it_begins_covers_nothing(world: World) -> None:
    await saved(world, [("calendar", "event", at(12), at(12), 2), ("calendar", "event", at(14), at(13), 2)])
    (day,) = await asked(world)

    assert (day.by_source, day.meeting_hours, day.focus_hours) == ({"calendar": 2}, 0.0, 8.0)


async def test_days_are_those_of_the_users_zone_on_both_sides_of_midnight_and_nobody_elses(
    world: World, stranger: Scope
) -> None:
    ends = at(24, MONDAY).astimezone(UTC)
    await saved(
        world,
        [("github", "commit", ends - timedelta(microseconds=1), None, 0), ("github", "commit", ends, None, 0)],
    )

    assert [day.commits for day in await asked(world, 2)] == [1, 1]
    assert [day.commits for day in await asked(world, 2, stranger)] == [0, 0]


@pytest.mark.parametrize("seed", range(6))
async def test_any_week_adds_up_to_what_counting_minute_by_minute_gives(world: World, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a story, repeatable by its seed
    rows = [_happened(chance) for _ in range(chance.randrange(150))]
    await saved(world, rows)

    for number, day in enumerate(await asked(world, 7)):
        moment = MONDAY + timedelta(days=number)
        mine = [row for row in rows if row[2].astimezone(ZONE).date() == moment]
        events = [row for row in mine if row[1] in ("event", "meeting") and row[3] and row[3] - row[2] <= _HALF_A_DAY]
        meetings = [row for row in events if row[4] or row[1] == "meeting"]
        assert day.by_source == {name: _of(mine, 0, name) for name in {row[0] for row in mine}}
        assert (day.commits, day.pull_requests) == (_of(mine, 1, "commit"), _of(mine, 1, "pull_request"))
        assert day.meetings == len(meetings)
        assert day.meeting_hours == round(len(_minutes(meetings)) / 60, 2)
        assert day.focus_hours == round(_focus(moment, _minutes(events)) / 60, 2)


_HALF_A_DAY = timedelta(hours=12)


def _happened(chance: random.Random) -> Row:
    kind = chance.choice(["mail", "commit", "pull_request", "event", "event", "meeting"])
    begins = at(0).astimezone(UTC) + timedelta(minutes=chance.randrange(7 * 1440 - 60))
    is_long = kind in ("event", "meeting")
    ends = begins + timedelta(minutes=chance.choice([15, 30, 60, 90, 900])) if is_long else None
    return chance.choice(["calendar", "github", "zoom"]), kind, begins, ends, chance.randrange(2)


def _of(rows: list[Row], place: int, value: str) -> int:
    return sum(row[place] == value for row in rows)


def _minutes(rows: list[Row]) -> set[datetime]:
    found: set[datetime] = set()
    for _, _, begins, ends, _ in rows:
        assert ends
        found |= {begins + timedelta(minutes=n) for n in range(round((ends - begins) / timedelta(minutes=1)))}
    return found


def _focus(day: date, busy: set[datetime]) -> int:
    if day.weekday() > 4:
        return 0
    begins = datetime.combine(day, time(9), ZONE).astimezone(UTC)
    free = "".join(" " if begins + timedelta(minutes=n) in busy else "." for n in range(480))
    return sum(len(piece) for piece in free.split() if len(piece) >= 60)
