"""A double of ComfyUI for tests: a small server that speaks its protocol.

It executes small graphs and is compared with recordings of a real server (``recordings/``,
``test_recordings.py``). Pictures and songs depend on the inputs, so that tests can distinguish
them: sizes and seconds are obeyed, colours and tones come from texts and seeds.

In the test's own process::

    with running_double(tmp_path) as double:      # options: any field of Behaviour
        double.url                                # "http://127.0.0.1:PORT"
        double.behaviour.step_seconds = 0.1       # any field, at any time
        double.behaviour.fail("KSampler", "out_of_memory", times=1)
        double.behaviour.fail("SaveImage", "hold")     # until double.release() or an interrupt
        double.requests                           # Request(method, path, query, headers, body)
        double.asked("POST", "/interrupt")        # those of one kind
        double.jobs, double.job(prompt_id)        # Job(prompt_id, client_id, graph, state, ...)
        double.connected                          # client ids that have a socket
        double.wait(lambda: double.job(prompt_id).state == "running")
        double.submit_foreign(); double.interrupt()    # actions of other clients
        double.drop_sockets(); double.restart(); double.stop(); double.start()

As a process of its own (``python -m tests.comfyui_double --port 0 --output DIR``)::

    with double_process(tmp_path, previews=True) as process:
        process.url, process.pid, process.requests(), process.jobs(), process.connected()
        process.behave(node_seconds=1.0, faults=[{"at": "KSampler", "kind": "kill"}])
        process.kill(); process.start()           # the same port, another process

And a recording, word for word, with the ids of the client::

    with replaying("exec_error", pace=0.0) as replay:
        replay.url, replay.requests, replay.prompt_id, replay.finished

Graphs to post are in ``graphs``: ``small_picture``, ``text_to_image``, ``song``.

As in ComfyUI, nothing is executed twice while it is cached: a graph that is posted again names the
old file. An interrupt only takes effect when the next node or step begins.
"""

from tests.comfyui_double.behaviour import Behaviour, NodeFault
from tests.comfyui_double.double import Double, running_double
from tests.comfyui_double.graphs import small_picture, song, text_to_image
from tests.comfyui_double.process import DoubleProcess, double_process
from tests.comfyui_double.recordings import NAMES, recording
from tests.comfyui_double.replay import Replay, replaying
from tests.comfyui_double.requests import Request

__all__ = [
    "NAMES",
    "Behaviour",
    "Double",
    "DoubleProcess",
    "NodeFault",
    "Replay",
    "Request",
    "double_process",
    "recording",
    "replaying",
    "running_double",
    "small_picture",
    "song",
    "text_to_image",
]
