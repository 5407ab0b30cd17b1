"""The same wait with procrastinate: a task that notes the time."""

import os

import procrastinate

connector = procrastinate.PsycopgConnector(conninfo=os.environ["DATABASE_URL"])
app = procrastinate.App(connector=connector)


@app.task
async def note(number: int) -> None:
    """Write down when it was begun, by the server's clock."""
    await connector.execute_query_async(
        "INSERT INTO noted (number, at) VALUES (%(number)s, clock_timestamp())", number=number
    )
