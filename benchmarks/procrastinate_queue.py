"""A queue of Procrastinate with one empty task."""

from __future__ import annotations

from procrastinate import App, PsycopgConnector


def make_app(url: str) -> tuple[App, list[int]]:
    """The application, and the list to which each task appends its number."""
    app, done = App(connector=PsycopgConnector(conninfo=url)), list[int]()

    async def noop(number: int) -> None:
        done.append(number)

    app.task(noop, name="noop")
    return app, done


def fill(url: str, count: int) -> None:
    """Create its tables in an empty database, and add so many tasks."""
    app, _ = make_app(url)
    with app.open():
        app.schema_manager.apply_schema()
        for start in range(0, count, 10_000):
            numbers = range(start, min(start + 10_000, count))
            app.configure_task("noop").batch_defer(*({"number": n} for n in numbers))
