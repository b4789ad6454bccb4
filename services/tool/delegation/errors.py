"""How delegation refuses. What an outsider reads says nothing about the owner.

NotFound
└── BookingLinkNotFound      the link, hold or booking does not exist, has ended, or its secret is wrong: all alike
DelegationNotFound           the same, as the owner is told
Conflict
├── SlotTaken                not free, or not any more
├── HoldExpired              ten minutes are over
├── BookingInProgress        the calendar is being written at this moment
├── BookingOver              cancelled, or begun
├── DelegationRevoked        nothing of it is changed any more
└── TooManyDelegations
Forbidden
└── GuestNotAllowed          the owner named who may book
InvalidInput
├── DurationNotOffered, WindowRefused, GuestDetailsRefused, ConstraintsRefused
RateLimited
└── TooManyHolds             one link holds only so many slots at a time
Unavailable
├── BookingUnavailable       the owner's calendar does not answer
└── CalendarNotInStep        what was decided here is not in the calendar yet; the bus tries again
"""

from libs.resilience.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited, Unavailable


class BookingLinkNotFound(NotFound):
    """Nothing an outsider may know of: no such link, or no such booking with this secret. Which, is not said."""

    slug = "booking_link_not_found"
    advice = "Use the secret that the last answer about your booking gave, or ask who gave you the link for a new one."

    def __init__(self) -> None:
        super().__init__("There is nothing here, or not with this secret.")


class DelegationNotFound(NotFound):
    """No such link or booking of this owner."""

    slug = "delegation_not_found"


class DelegationRevoked(Conflict):
    """A link that was ended stays so."""

    slug = "delegation_revoked"
    advice = "Make another link."

    def __init__(self) -> None:
        super().__init__("This link was revoked.")


class SlotTaken(Conflict):
    """Somebody was faster, or the owner is busy by now."""

    slug = "slot_taken"
    advice = "Choose another time; GET …/slots lists those that are free."

    def __init__(self) -> None:
        super().__init__("This time is not free, or not any more.")


class HoldExpired(Conflict):
    """A hold that was not used in time."""

    slug = "hold_expired"
    advice = "Hold the time again; it may still be free."

    def __init__(self) -> None:
        super().__init__("The time was held for ten minutes, and these are over.")


class BookingInProgress(Conflict):
    """A change of the same booking is being written into the calendar."""

    slug = "booking_in_progress"
    advice = "Try again in a minute."


class BookingOver(Conflict):
    """It cannot be changed any more."""

    slug = "booking_over"
    advice = "Book another time."


class TooManyDelegations(Conflict):
    """An owner has a bounded number of links."""

    slug = "too_many_delegations"
    advice = "Revoke one that you no longer need."


class GuestNotAllowed(Forbidden):
    """The owner restricted the link to certain people."""

    slug = "guest_not_allowed"
    advice = "Use the e-mail address that the link was meant for."


class DurationNotOffered(InvalidInput):
    """Another length than those on offer."""

    slug = "duration_not_offered"


class WindowRefused(InvalidInput):
    """A window that is too long or ends before it begins."""

    slug = "window_refused"


class GuestDetailsRefused(InvalidInput):
    """A name, address or zone that cannot be used."""

    slug = "guest_details_refused"


class ConstraintsRefused(InvalidInput):
    """Rules of a link that make no sense."""

    slug = "constraints_refused"


class TooManyHolds(RateLimited):
    """Holding is free, so it is bounded."""

    slug = "too_many_holds"


class BookingUnavailable(Unavailable):
    """The owner's calendar could not be asked or written."""

    slug = "booking_unavailable"
    advice = "Try again in a few minutes."

    def __init__(self) -> None:
        super().__init__("The calendar behind this link does not answer at the moment.")


class CalendarNotInStep(Unavailable):
    """The calendar did not take a change that has been decided."""

    slug = "calendar_not_in_step"
