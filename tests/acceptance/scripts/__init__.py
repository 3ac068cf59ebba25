"""Workflow scripts for acceptance tests; copied into a fake ComfyUI, beside ``good.py``.

They do not import this project and run with Python 3.9 or later. They append a JSON document to
``calls.jsonl`` in the working folder for each run.
"""
