"""The command `adjutant`. Thin: each command reads its options, imports what it needs, and calls one function."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from libs.runtime.settings import PlatformSettings

app = typer.Typer(
    name="adjutant",
    help="A self-hosted assistant that reads your mail and calendar, answers, and acts for you.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
deadletters = typer.Typer(help="Messages that no handler could take.", no_args_is_help=True)
contracts = typer.Typer(help="What the services say to each other.", no_args_is_help=True)
keys = typer.Typer(help="The master keys, on which all encryption hangs.", no_args_is_help=True)
app.add_typer(keys, name="keys")
quota = typer.Typer(help="What organizations may use of language models.", no_args_is_help=True)
app.add_typer(quota, name="quota")
app.add_typer(deadletters, name="deadletter")
app.add_typer(contracts, name="contracts")

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where everything is kept; ADJUTANT_DATA_DIR.")]
ServiceName = Annotated[str, typer.Argument(help="Such as chat.")]


@app.command()
def up(
    replicas: Annotated[list[str] | None, typer.Option("--replicas", help="Such as chat=2; may be repeated.")] = None,
    in_process: Annotated[bool, typer.Option("--in-process", help="All services in one process.")] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Emulated providers instead of the real ones.")] = False,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="In the sandbox, no emulated model: yours if one is set, else none.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Run everything on this machine until Ctrl-C."""
    from libs.runtime.up import run_up

    counts = _counts(replicas or [])
    sys.exit(
        run_up(data_dir, counts, in_process=in_process, sandbox=sandbox, with_model=not no_model, on_ready=_say_ready)
    )


@app.command()
def service(name: ServiceName) -> None:
    """Run one service, with its neighbours' addresses from the environment."""
    from libs.runtime.process import run_alone

    sys.exit(run_alone(name, _platform(None)))


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Prepare PostgreSQL and NATS for this release; needs both addresses, with administrators' log-ins."""
    from libs.runtime.migrate import migrate_configured
    from libs.runtime.process import configure_telemetry

    platform = _platform(data_dir)
    configure_telemetry("migrate", platform.model_copy(update={"trace_file_mb": 0}))
    asyncio.run(migrate_configured(platform))


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Say what is configured, what is missing, and what to do about it."""
    from rich.console import Console

    from libs.runtime.doctor import examine, table

    findings = examine(_platform(data_dir))
    Console().print(table(findings))
    sys.exit(any(finding.fatal for finding in findings))


@app.command()
def sandbox(data_dir: DataDir = None) -> None:
    """Run the emulated providers alone and print the settings that point at them."""
    from libs.runtime.sandbox import run_sandbox

    sys.exit(run_sandbox(_platform(data_dir).data_dir, _say))


@app.command("sandbox-log-in")
def sandbox_log_in(
    auth_url: Annotated[str, typer.Argument(help="Where the browser would be sent to connect an account.")],
    person: Annotated[
        str, typer.Option("--as", help="Who logs in: ada@example.com, or grace@example.com, whose calendar is empty.")
    ] = "ada@example.com",
) -> None:
    """Log in at an emulated provider as its person would, and print where it sends the browser back."""
    from libs.sandbox.google_login import log_in

    _say(asyncio.run(log_in(auth_url, person)))


@app.command()
def demo() -> None:
    """Play the main job against the sandbox and check it at the provider."""
    from importlib.metadata import entry_points

    # By entry point, as the services are: the demo is a client of all this, and must not be a part of it.
    (play,) = entry_points(group="adjutant.demo")
    sys.exit(play.load()())


@app.command()
def trace(
    wanted: Annotated[str, typer.Argument(metavar="TURN_ID", help="A turn id, or a trace id.")],
    data_dir: DataDir = None,
) -> None:
    """Print what happened in a turn, as a tree with times."""
    from rich.console import Console

    from libs.telemetry.trace_tree import find_traces, render

    for found in find_traces(_platform(data_dir).data_dir, wanted):
        Console().print(render(found))


@app.command("env-example")
def env_example() -> None:
    """Print every setting with its default, as a .env file."""
    from libs.runtime.env_example import env_example as text

    _say(text().rstrip())


@deadletters.command("list")
def list_dead_letters(
    service: Annotated[str | None, typer.Argument(help="Only of this service.")] = None,
    state: Annotated[str, typer.Option(help="waiting, replayed or discarded.")] = "waiting",
    data_dir: DataDir = None,
) -> None:
    """Which, since when, why."""
    from rich.console import Console

    from libs.runtime.dead_letters import listed
    from libs.runtime.discovery import service_names
    from libs.runtime.tables import dead_letter_table

    names = [service] if service else list(service_names())
    found = asyncio.run(listed(_platform(data_dir), names, state))
    Console().print(dead_letter_table(found) if found else f"No dead letters are {state}.")


@deadletters.command("show")
def show_dead_letter(service: ServiceName, number: int, data_dir: DataDir = None) -> None:
    """Headers, error, trace id; what was sealed stays sealed."""
    from rich.console import Console

    from libs.runtime.dead_letters import show
    from libs.runtime.tables import dead_letter_details

    letter = asyncio.run(show(_platform(data_dir), [service], service, number))
    Console().print(dead_letter_details(letter))


@deadletters.command("replay")
def replay_dead_letter(service: ServiceName, number: int, data_dir: DataDir = None) -> None:
    """Send it again, after its cause is mended."""
    from libs.runtime.dead_letters import replay

    letter = asyncio.run(replay(_platform(data_dir), [service], service, number))
    _say(f"{letter.subject} was sent again to {letter.consumer}.")


@deadletters.command("discard")
def discard_dead_letter(service: ServiceName, number: int, data_dir: DataDir = None) -> None:
    """Give it up; the record stays."""
    from libs.runtime.dead_letters import discard

    letter = asyncio.run(discard(_platform(data_dir), [service], service, number))
    _say(f"{letter.subject} for {letter.consumer} is given up.")


@keys.command("new")
def new_key(id: Annotated[str, typer.Argument(help="Such as k2; not used before.")]) -> None:
    """Print a fresh master key for ADJUTANT_MASTER_KEYS."""
    from libs.runtime.keys import fresh_key

    _say(fresh_key(id))


@keys.command("rotate")
def rotate_keys(data_dir: DataDir = None) -> None:
    """Wrap every user's data key by the first master key; the services go on. Safe to repeat."""
    from libs.runtime.discovery import service_names
    from libs.runtime.keys import rotate, still_used

    async def run() -> dict[str, int]:
        platform, services = _platform(data_dir), service_names()
        async for name, done in rotate(platform, services):
            _say(f"{name}: {done} data keys wrapped anew")
        return await still_used(platform, services)

    for key_id, count in asyncio.run(run()).items():
        _say(f"master key {key_id} wraps {count} data keys")


@quota.command("grant")
def grant_quota(
    organization: Annotated[str, typer.Argument(help="Its id, org_….")],
    factor: Annotated[float, typer.Option(help="How many times the plan.")],
    hours: Annotated[float, typer.Option(help="For how long.")],
    reason: Annotated[str, typer.Option(help="Kept for ever.")],
    data_dir: DataDir = None,
) -> None:
    """Widen an organization's quotas for a while; who granted it and why is kept."""
    from libs.runtime.discovery import service_names
    from libs.runtime.quota_exceptions import grant

    try:
        until = asyncio.run(grant(_platform(data_dir), service_names(), organization, factor, hours, reason))
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from wrong
    _say(f"{organization} may use {factor:g} times its plan until {until:%Y-%m-%d %H:%M} UTC.")


@contracts.command("export")
def export_contracts(directory: Path = Path("contracts/generated")) -> None:
    """Write everything that is derived from the contracts."""
    from libs.bus.generate import export

    _say(f"{len(export(directory))} files in {directory}.")


@contracts.command("check")
def check_contracts(directory: Path = Path("contracts/generated"), released: Path = Path("contracts/released")) -> None:
    """Fail when generated files are stale or a change breaks what was released."""
    from libs.bus.generate import check

    problems = check(directory, released)
    for problem in problems:
        _say(problem)
    sys.exit(bool(problems))


@contracts.command("release")
def release_contracts(released: Path = Path("contracts/released")) -> None:
    """Take the present contracts as released: later changes are compared with them."""
    from libs.bus.generate import release

    _say(f"{len(release(released))} contracts released in {released}.")


def _platform(data_dir: Path | None) -> "PlatformSettings":
    from libs.runtime.settings import PlatformSettings

    return PlatformSettings() if data_dir is None else PlatformSettings(data_dir=data_dir)


def _counts(given: Sequence[str]) -> dict[str, int]:
    counts = {}
    for text in given:
        name, _, number = text.partition("=")
        if not number.isdecimal() or not 1 <= int(number) <= 64:
            raise typer.BadParameter(f"{text!r} is not of the form chat=2")
        counts[name] = int(number)
    return counts


def _say(text: str) -> None:
    typer.echo(text)


def _say_ready(url: str) -> None:
    _say(f"Adjutant is ready at {url}")


def main() -> NoReturn:
    """The console script. An error of the house is told in two lines, without a traceback."""
    from libs.resilience.errors import AdjutantError

    try:
        app()
    except AdjutantError as error:
        _fail(error.detail, error.advice)
    except ValueError as error:
        if type(error).__name__ != "ValidationError":
            raise
        _fail(str(error), "Correct the setting; `adjutant env-example` explains them all.")
    sys.exit(0)


def _fail(detail: str, advice: str) -> NoReturn:
    typer.echo(f"adjutant: {detail}\n  {advice}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
