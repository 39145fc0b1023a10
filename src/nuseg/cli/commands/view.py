"""`nuseg view`: look at results, slides and images in the browser, and correct them."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.messages import as_options
from nuseg.text import plural, printable


def view(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULTS_OR_IMAGES",
            help="Folders of results, datasets, slides, images, folders of them, or patterns such as 'case*/*.tif'.",
        ),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any that is free.")] = 8123,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on. By default only this machine can reach the viewer. Any other address opens it "
            "to the network: requests then need the token that is printed, and pass unencrypted; a tunnel by ssh is "
            "safer."
        ),
    ] = "127.0.0.1",
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    read_only: Annotated[bool, typer.Option("--read-only", help="Look only: nothing can be corrected.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model that looks for nuclei in images without results: a shipped model (see `nuseg models`), model "
            "folder, or run folder; default: that of `nuseg segment`."
        ),
    ] = None,
    mpp: Annotated[
        float | None,
        typer.Option(help="Resolution of images without results (um/px); default: what the files say."),
    ] = None,
) -> None:
    """Look at results in the browser: slides, nuclei, measures, comparisons; and correct them.

    Several results of one image, or results and a dataset with its truth,
    become layers of that image, which can be compared. Of images without
    results, nuclei are looked for in the part that is on the screen.
    Corrections are kept beside the results, never over them.

    On a server, open a tunnel from your own machine, and the address there:
    ssh -L 8123:127.0.0.1:8123 SERVER. Ctrl-C ends the viewer.

    [bold]Examples[/bold]

    nuseg view results

    nuseg view results-fast results-best my-dataset --read-only

    nuseg view slide.svs --model fast
    """
    from nuseg.cli.stopping import Stopped, leave, stoppable
    from nuseg.viewer.opening import prepare_viewer

    def say(text: str) -> None:
        print(printable(as_options(text)), file=sys.stderr)

    try:
        with stoppable():
            viewer, notes = prepare_viewer(
                [Path(one) for one in given], host=host, port=port, read_only=read_only, model=model, mpp=mpp
            )
            for note in notes:
                say(f"note: {note}")
            print(f"{plural(len(viewer.shelf.items), 'image')} at {viewer.url}  (Ctrl-C ends the viewer)", flush=True)
            if viewer.url_elsewhere:
                say(
                    "warning: the viewer is open to the network, unencrypted: whoever has the whole address can use "
                    f"it; from other machines: {viewer.url_elsewhere}"
                )
            if open_:
                viewer.when_ready(show)
            viewer.run()
    except Stopped as stopped:
        say("the viewer has ended; what was corrected is kept")
        leave(0)
        raise typer.Exit(0 if stopped.exit_code == 130 else stopped.exit_code) from None


def show(url: str) -> None:
    """Open a page in the browser, where there is a screen to show one."""
    import webbrowser

    has_screen = sys.platform in ("win32", "darwin") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if not (has_screen and webbrowser.open(url)):  # without a screen, a browser for terminals would take this one
        print("no browser found here: open the address yourself", file=sys.stderr)


COMMAND = Command("view", 25, view)
