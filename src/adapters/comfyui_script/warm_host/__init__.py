"""A warm host: runs exported workflow scripts one after the other in one process.

``host.py`` starts ``python warm_host/__main__.py DESCRIPTOR IDLE_SECONDS`` with ComfyUI's
interpreter, so this package uses nothing but itself and the standard library, of Python 3.9 or
later. It imports ComfyUI with its first job and keeps it, and the models, for the next ones.

Each job is the export's whole source, executed again in a new ``__main__`` module: nothing that an
export keeps in its globals survives it. Only three of its functions, those that find ComfyUI and
import its nodes, run once. What a script can change in its process besides is put back before each
job to what it was once ComfyUI was imported (``Baseline``). What the interpreter does when a
script ends, waiting for its threads and calling its exit handlers, is done after each job.

Jobs and answers are lines of JSON over the socket pair of that descriptor:

- ``{"job": 1, "script": path, "arguments": [...], "directory": path}``, answered by
  ``{"job": 1, "status": 0, "ending": ""}`` at the end; ``ending`` says why the process may not be
  used again. When the job imported ComfyUI, ``{"job": 1, "imported": true}`` comes first, and the
  script continues after ``{"go": true}``.
  A job with ``"last": true`` is the only one: nothing waits for ``go``, both messages have what
  ``memory_use`` returns as ``memory``, and afterwards the process ends as the script would, with
  its exit code. ``"hold": true`` comes before such a job and has what that will have, as far as it
  is known: the process imports ComfyUI as the script does, and waits.
- ``{"job": 2, "free": true}``, answered by ``{"job": 2, "freed": true}``: the memory of the GPU is
  given back.
- ``{"exit": true}``: the process ends as an interpreter ends.

If the other end is closed, because its owner died, the whole process group is killed.

Facts about exports and ComfyUI were read from ComfyUI-SaveAsScript (2026-07) and ComfyUI 0.33.
"""
