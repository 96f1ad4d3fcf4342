"""`belimo-nb demo`: run the demo cloud."""

from __future__ import annotations

from typing import Any

import click

from belimo_nb.cli.shared import sigterm_as_interrupt
from belimo_nb.errors import UsageError


@click.command(epilog="Example: belimo-nb demo --port 8765 --rate 2 --fault server-error=0.1")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port; 0: a free one.")
@click.option("--devices", type=click.IntRange(min=1), default=36, show_default=True, help="How many devices it has.")
@click.option(
    "--rate", type=click.FloatRange(min=0), default=0, show_default=True, help="Requests a second; 0: no limit."
)
@click.option("--now", metavar="ISO", help="Where its clock stands still, e.g. 2018-12-01T00:00:00Z (the default).")
@click.option("--seed", type=int, default=1, show_default=True, help="What the fleet and its past are drawn from.")
@click.option(
    "--ev4", type=click.FloatRange(0, 1), metavar="SHARE", help="Share of its energy valves that are Energy Valves 4."
)
@click.option(
    "--reporting",
    type=click.Choice(["5m", "15m", "1h", "1d", "change"]),
    help="When its devices send: at intervals, or what has changed, and everything once a day.",
)
@click.option("--transfers", type=click.IntRange(min=0), help="How many of its energy valves change hands in 2018.")
@click.option("--lifelike", is_flag=True, help="Plants and meters with the troubles of real ones.")
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="Trouble to make; may be given several times.")
def demo(port: int, rate: float, **options: Any) -> None:
    """Run the demo cloud until Ctrl-C.

    The first lines printed are the .env lines that point at it.
    """
    from belimo_nb.demo import DemoCloud

    try:
        cloud = DemoCloud(port=port, rate=rate or None, **options)
    except ValueError as error:
        raise UsageError(f"The demo cloud cannot be made so: {error}.") from None
    try:
        with sigterm_as_interrupt():
            cloud.serve()
    except OSError as error:
        raise UsageError(f"The port {port} cannot be used ({error.strerror}); choose another, or 0.") from None
    except KeyboardInterrupt:
        return  # before it was ready
