"""The workflow of ``workflow.sh`` in the form of an export, which a warm host runs again and again.

It has what an export is recognised by: the functions that find ComfyUI and import its nodes, own
arguments that end at ``--``, and a last statement that calls ``main``.
"""

import os
import subprocess
import sys


def add_comfyui_directory_to_sys_path() -> None:
    """The working folder is ComfyUI's."""
    sys.path.append(os.getcwd())


def add_extra_model_paths() -> None:
    """Read ComfyUI's options."""
    from comfy.options import enable_args_parsing

    enable_args_parsing()


def import_custom_nodes() -> None:
    """Import what there is."""
    from nodes import init_extra_nodes

    init_extra_nodes()


words = sys.argv[1:]
sys.argv = sys.argv[:1]
if "--" in words:
    sys.argv += words[words.index("--") + 1 :]


def main() -> None:
    """Run the shell script in this process group."""
    import_custom_nodes()
    group = {"RENDER_GROUP": str(os.getpgrp())}
    command = ["/bin/sh", "workflow.sh", *words]
    status = subprocess.run(command, env={**os.environ, **group}, check=False).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
