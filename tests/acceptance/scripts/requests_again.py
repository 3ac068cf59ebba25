"""Makes its picture, and for the prompt "again" also requests prompt 1 again, as a person would."""

import sqlite3
import time
from importlib import import_module
from pathlib import Path

good = import_module("good")
arguments = good.parse()
if arguments.prompt == "again":
    database = sqlite3.connect(Path("database").read_text("utf-8"), timeout=30)
    change = (
        "UPDATE prompts SET artifact_status = 'pending' WHERE id = 1 AND artifact_status = 'ready'"
    )
    while True:  # its last picture may still be on its way into the tree
        with database:
            if database.execute(change).rowcount:
                break
        time.sleep(0.01)
    database.close()
good.write_media(arguments.output)
