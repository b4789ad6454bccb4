"""How the network refuses.

NotFound
├── AcquaintanceNotFound     no such connection or invitation of this user
└── NegotiationNotFound      the same of a negotiation
Conflict
├── NotYourTurn              the other one has the word
├── NegotiationOver          agreed, declined, cancelled or expired
├── MeetingBegan             too late to move it or to call it off
├── SlotNotOffered           not one of the times on the table
├── SlotsNotFree             the user's own calendar or rules do not allow it
├── TooManyRounds
├── TooManyAcquaintances
└── TooManyNegotiations
InvalidInput
├── InvitationRefused
└── ProposalRefused
Unavailable
├── CalendarDoesNotAnswer    the user's own
└── CalendarsNotInStep       what was agreed is not in both calendars yet; the bus tries again
"""

from libs.resilience.errors import Conflict, InvalidInput, NotFound, Unavailable


class AcquaintanceNotFound(NotFound):
    """No such connection of this user."""

    slug = "acquaintance_not_found"
    advice = "Look at the list of your connections."

    def __init__(self) -> None:
        super().__init__("There is no such connection or invitation.")


class NegotiationNotFound(NotFound):
    """No such negotiation of this user."""

    slug = "negotiation_not_found"
    advice = "Look at the list of your negotiations."

    def __init__(self) -> None:
        super().__init__("There is no such negotiation.")


class NotYourTurn(Conflict):
    """Only who is asked answers."""

    slug = "not_your_turn"
    advice = "Wait for the other one's answer, or cancel."

    def __init__(self) -> None:
        super().__init__("The other one has the word.")


class NegotiationOver(Conflict):
    """Nothing can be said to it any more."""

    slug = "negotiation_over"
    advice = "Start another one."

    def __init__(self) -> None:
        super().__init__("This negotiation is over.")


class MeetingBegan(Conflict):
    """What has begun is neither moved nor called off."""

    slug = "meeting_began"
    advice = "Start another negotiation."

    def __init__(self) -> None:
        super().__init__("This meeting has begun.")


class SlotNotOffered(Conflict):
    """Another time than those on the table."""

    slug = "slot_not_offered"
    advice = "Take one of the times that were proposed, or propose others."

    def __init__(self) -> None:
        super().__init__("This time was not proposed, or has passed.")


class SlotsNotFree(Conflict):
    """A time that its own proposer or taker could not keep."""

    slug = "slots_not_free"
    advice = "Name other times, or none: then free ones are chosen."


class TooManyRounds(Conflict):
    """Enough was proposed."""

    slug = "too_many_rounds"
    advice = "Accept one of the times, or decline."

    def __init__(self) -> None:
        super().__init__("There are no more proposals in this negotiation.")


class TooManyAcquaintances(Conflict):
    """A user has a bounded number of connections and open invitations."""

    slug = "too_many_acquaintances"
    advice = "Remove one that you no longer need."


class TooManyNegotiations(Conflict):
    """Two users negotiate a bounded number of times at once."""

    slug = "too_many_negotiations"
    advice = "Finish or cancel one of them."


class InvitationRefused(InvalidInput):
    """Nobody, or oneself."""

    slug = "invitation_refused"


class ProposalRefused(InvalidInput):
    """A proposal that makes no sense."""

    slug = "proposal_refused"


class CalendarDoesNotAnswer(Unavailable):
    """The user's own calendar could not be asked."""

    slug = "calendar_does_not_answer"
    advice = "Connect a calendar, or try again in a few minutes."

    def __init__(self) -> None:
        super().__init__("Your calendar does not answer, or none is connected.")


class CalendarsNotInStep(Unavailable):
    """One calendar does not have yet what it should, or still has what it should not."""

    slug = "calendars_not_in_step"
