"""Exported from a workflow with its own argument names."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--text4", help="the prompt")
parser.add_argument("--output", "-o")
parser.add_argument("--queue-size", "-q", type=int)
parser.parse_args()
