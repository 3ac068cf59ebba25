"""Workflow scripts for whole-program tests; copied into a fake ComfyUI, beside ``good.py``.

They know nothing of this project and run with any Python of 3.9 or later. What they were asked
stands afterwards in ``asked.jsonl`` of the working folder, one JSON document for each run.
"""
