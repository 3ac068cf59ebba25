"""A worker of the PostgreSQL benchmark: processes work as fast as it can.

``python -m benchmarks.postgres_worker mediagen|procrastinate URL SECONDS`` says "ready", waits for
a line, works for so long, and prints how much it did. A unit of work is a claim and a publication
with one artifact row, or a task that does nothing.
"""

from __future__ import annotations

import sys
import time


def _mediagen(url: str, seconds: float) -> int:
    from adapters.postgres.address import PostgresAddress  # noqa: PLC0415 - of one of the two
    from adapters.postgres.connection import Connection  # noqa: PLC0415
    from adapters.postgres.queue import PostgresPromptRepository  # noqa: PLC0415
    from adapters.processes.system_processes import SystemProcesses  # noqa: PLC0415
    from adapters.system_clock import SystemClock  # noqa: PLC0415
    from application.ports.prompt_repository import Publication, Selection  # noqa: PLC0415
    from domain.artifact import Artifact  # noqa: PLC0415

    clock = SystemClock()
    connection = Connection(PostgresAddress(url), 30.0)
    repository = PostgresPromptRepository(
        connection, SystemProcesses(clock).me(), clock, create_indexes=True, all_variants=False
    )
    claim = repository.claim_next(Selection())
    end = _wait() + seconds
    done = 0
    while claim is not None and time.monotonic() < end:
        row = Artifact(claim.kind, f"image/{claim.prompt_id}_{claim.render_id}/a.png", {})
        publication = Publication(claim, [row], 1.0)
        _, claims = repository.publish_and_claim([publication], Selection())
        claim = claims[0] if claims else None
        done += 1
    connection.close()
    return done


def _procrastinate(url: str, seconds: float) -> int:
    import asyncio  # noqa: PLC0415

    from benchmarks.procrastinate_queue import make_app  # noqa: PLC0415 - another environment

    app, done = make_app(url)

    async def work() -> None:
        async with app.open_async():
            _wait()
            running = asyncio.create_task(
                app.run_worker_async(
                    concurrency=1,
                    wait=True,
                    listen_notify=False,
                    install_signal_handlers=False,
                    delete_jobs="never",
                )
            )
            await asyncio.sleep(seconds)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(work())
    return len(done)


def _wait() -> float:
    print("ready", flush=True)
    sys.stdin.readline()
    return time.monotonic()


if __name__ == "__main__":
    act = {"mediagen": _mediagen, "procrastinate": _procrastinate}[sys.argv[1]]
    print(act(sys.argv[2], float(sys.argv[3])), flush=True)
