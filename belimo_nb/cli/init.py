"""`belimo-nb init`: copy the notebooks into a folder."""

from __future__ import annotations

import os
from pathlib import Path

import click

from belimo_nb.errors import UsageError
from belimo_nb.report import notebooks


@click.command(epilog="Example: belimo-nb init my-buildings")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Put the notebooks and an .env into a folder of your own.

    Files that are there already are kept as they are.
    """
    from belimo_nb.system.files import write_text

    wanted = {f"{name}.ipynb": notebooks.notebook(name) for name in notebooks.NOTEBOOKS}
    wanted[".env"] = notebooks.env_example()
    for name, source in wanted.items():
        target, text = folder / name, source.read_text(encoding="utf-8")
        try:
            if not os.path.lexists(target):  # a broken link is there, too: writing would follow it
                write_text(target, text, private=name == ".env", inside=folder)
                click.echo(f"Written: {target}")
            elif target.read_bytes() == source.read_bytes():
                click.echo(f"There already: {target}")
            else:
                click.echo(f"Kept, since it differs from ours: {target}")
        except OSError as error:
            raise UsageError(
                f"The file {str(target)!r} cannot be written ({error.strerror}); choose another folder."
            ) from None
    click.echo(
        f"\nNext: write your credentials into {folder / '.env'} (leave them blank for the demo cloud), then open the "
        f'notebooks with `jupyter lab "{folder}"` (`pip install jupyterlab ipympl` brings it).'
    )
