"""How dead letters look in a terminal."""

from collections.abc import Sequence

from rich.table import Table

from libs.bus.deadletter import DeadLetter


def dead_letter_table(letters: Sequence[tuple[str, DeadLetter]]) -> Table:
    """One line each."""
    table = Table("service", "number", "consumer", "subject", "failed", "attempts", "error", "trace")
    for service, letter in letters:
        table.add_row(
            service,
            str(letter.id),
            letter.consumer,
            letter.subject,
            f"{letter.failed_at:%Y-%m-%d %H:%M:%S}",
            str(letter.attempts),
            letter.error_slug,
            letter.trace_id or "",
        )
    return table


def dead_letter_details(letter: DeadLetter) -> Table:
    """Everything of one; its body as it was sent."""
    table = Table.grid(padding=(0, 2))
    for name in ("consumer", "subject", "stream", "event_id", "state", "attempts", "error_slug", "error_detail"):
        table.add_row(name, str(getattr(letter, name)))
    table.add_row("failed_at", letter.failed_at.isoformat())
    table.add_row("trace_id", letter.trace_id or "")
    for name, value in sorted(letter.headers.items()):
        table.add_row(f"header {name}", value)
    table.add_row("body", letter.body.decode(errors="replace"))
    return table
