"""What a link says, as it is sealed: its label, whether it shows a name, the owner's zone, the rules."""

import json
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

from libs.vault import UserKey
from services.tool.delegation.constraints import Constraints, Opening

PURPOSE = "delegation_terms"


@dataclass(frozen=True, slots=True)
class Terms:
    """The owner's words and rules. `timezone` is an IANA name: the clock that openings and days are read on."""

    label: str
    shown_name: str | None
    timezone: str
    constraints: Constraints

    @property
    def zone(self) -> ZoneInfo:
        """The owner's clock."""
        return ZoneInfo(self.timezone)

    def seal(self, key: UserKey, delegation_id: str) -> bytes:
        """For the row of this link."""
        return key.seal(PURPOSE, delegation_id, json.dumps(asdict(self), separators=(",", ":")).encode())


def open_terms(key: UserKey, delegation_id: str, sealed: bytes) -> Terms:
    """What was sealed for this link."""
    found = json.loads(key.open(PURPOSE, delegation_id, sealed))
    rules = found.pop("constraints")
    openings = tuple(Opening(**opening) for opening in rules.pop("openings"))
    durations, allowed_guests = tuple(rules.pop("durations")), tuple(rules.pop("allowed_guests"))
    constraints = Constraints(openings=openings, durations=durations, allowed_guests=allowed_guests, **rules)
    return Terms(**found, constraints=constraints)
