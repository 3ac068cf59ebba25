"""Why a prompt could not be rendered: one closed family of failures.

Each code says whose fault it is and what the person who must act can do. Codes are stable:
they stand in ``error_message``, in our own table and in scripts that people write.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Blame(StrEnum):
    """Whose fault a failure is; it decides what becomes of the prompt and of the queue."""

    BRIEF = "brief"  # what was written cannot be rendered; no other prompt is concerned
    RENDER = "render"  # this render went wrong; the next prompt may well succeed
    ENVIRONMENT = "environment"  # the installation is at fault; the prompt must not pay for it
    PERSON = "person"  # someone asked for the end; nothing is wrong


class FailureCode(StrEnum):
    """Every way in which a render can end without media."""

    # The brief's fault.
    BRIEF_MISSING = "brief_missing"  # the writing holds NULL or nothing but white space
    BRIEF_NOT_TEXT = "brief_not_text"  # the bytes of the writing are not valid text
    BRIEF_NOT_JSON = "brief_not_json"  # no JSON object can be made out in the text
    BRIEF_INCOMPLETE = "brief_incomplete"  # a required field is missing, blank or of a wrong type
    BRIEF_UNUSABLE = "brief_unusable"  # a value that cannot be passed on (NUL, lone surrogate)
    ARGUMENT_TOO_LONG = "argument_too_long"  # the system refuses an argument of that length

    # This render's fault.
    WORKFLOW_FAILED = "workflow_failed"  # the script ended with an exit code other than 0
    WORKFLOW_KILLED = "workflow_killed"  # a signal ended the script
    TIMED_OUT = "timed_out"  # it ran longer than the time limit
    STALLED = "stalled"  # it printed and wrote nothing for longer than the stall limit
    NO_FILES = "no_files"  # it ended well but left no media file
    FILE_BROKEN = "file_broken"  # a media file does not decode to its last byte
    FILE_REFUSED = "file_refused"  # a link, a device, an absurd size: nothing we would publish
    TOO_MUCH_OUTPUT = "too_much_output"  # more files or bytes than the caps allow
    JOB_INTERRUPTED = "job_interrupted"  # somebody else stopped the job on the server
    WORKER_LOST = "worker_lost"  # whoever rendered it died, again and again
    PROGRAM_ERROR = "program_error"  # a mistake in Media Generator itself

    # The environment's fault.
    INTERPRETER_MISSING = "interpreter_missing"  # comfyui.python is not an executable file
    SCRIPT_MISSING = "script_missing"  # the workflow script is not a readable file
    COMFYUI_MISSING = "comfyui_missing"  # the ComfyUI directory is not a directory
    COMFYUI_IMPORT = "comfyui_import"  # a module that the workflow needs cannot be imported
    ARGUMENTS_REJECTED = "arguments_rejected"  # the script does not know the arguments it gets
    OUT_OF_MEMORY = "out_of_memory"  # the GPU or the machine has no memory left
    CONNECTION_REFUSED = "connection_refused"  # a server that the workflow needs does not answer
    SERVER_UNREACHABLE = "server_unreachable"  # no ComfyUI server can be reached
    SERVER_LOST = "server_lost"  # the server went away with the job, or forgot it
    SERVER_STUCK = "server_stuck"  # the server answers, but works on nothing any more
    WORKFLOW_UNUSABLE = "workflow_unusable"  # the workflow file or its mapping cannot be used
    MODEL_MISSING = "model_missing"  # the server lacks a model file that the workflow names
    NODE_MISSING = "node_missing"  # the server lacks a node type that the workflow uses
    GRAPH_REJECTED = "graph_rejected"  # the server does not accept an input of the workflow
    OUTPUT_ROOT_MISSING = "output_root_missing"  # the output root is not there (not mounted?)
    OUTPUT_NOT_WRITABLE = "output_not_writable"  # the output root cannot be written to
    DISK_FULL = "disk_full"  # no room for the files

    # A person's wish.
    INTERRUPTED = "interrupted"  # the program was asked to stop
    CANCELLED = "cancelled"  # the prompt was cancelled

    @property
    def blame(self) -> Blame:
        """Whose fault a failure with this code is."""
        return _BLAME[self]

    @property
    def hint(self) -> str:
        """What to do about it: one or two sentences for the person who must act."""
        return _HINTS[self]

    @property
    def halts(self) -> bool:
        """Whether every other prompt of the same kind is certain to fail in the same way."""
        return self in _HALTING

    @property
    def passes(self) -> bool:
        """Whether another try of the same prompt may well succeed."""
        return self in _PASSING


@dataclass(frozen=True, slots=True)
class Failure:
    """One render's end without media.

    Attributes:
        code: what happened, in a word that never changes.
        message: what happened, to which thing, in one sentence.
        detail: the end of what the workflow printed, or "" (bounded by who makes it).
    """

    code: FailureCode
    message: str
    detail: str = ""

    @property
    def blame(self) -> Blame:
        """Whose fault it is."""
        return self.code.blame

    @property
    def hint(self) -> str:
        """What to do about it."""
        return self.code.hint

    def explain(self) -> str:
        """The text for ``prompts.error_message``: code, message, detail and hint."""
        parts = [f"{self.code.value}: {self.message}"]
        if self.detail:
            parts.append(self.detail)
        parts.append(f"Hint: {self.hint}")
        return "\n".join(parts)


_BLAME = {
    FailureCode.BRIEF_MISSING: Blame.BRIEF,
    FailureCode.BRIEF_NOT_TEXT: Blame.BRIEF,
    FailureCode.BRIEF_NOT_JSON: Blame.BRIEF,
    FailureCode.BRIEF_INCOMPLETE: Blame.BRIEF,
    FailureCode.BRIEF_UNUSABLE: Blame.BRIEF,
    FailureCode.ARGUMENT_TOO_LONG: Blame.BRIEF,
    FailureCode.WORKFLOW_FAILED: Blame.RENDER,
    FailureCode.WORKFLOW_KILLED: Blame.RENDER,
    FailureCode.TIMED_OUT: Blame.RENDER,
    FailureCode.STALLED: Blame.RENDER,
    FailureCode.NO_FILES: Blame.RENDER,
    FailureCode.FILE_BROKEN: Blame.RENDER,
    FailureCode.FILE_REFUSED: Blame.RENDER,
    FailureCode.TOO_MUCH_OUTPUT: Blame.RENDER,
    FailureCode.JOB_INTERRUPTED: Blame.RENDER,
    FailureCode.WORKER_LOST: Blame.RENDER,
    FailureCode.PROGRAM_ERROR: Blame.RENDER,
    FailureCode.INTERPRETER_MISSING: Blame.ENVIRONMENT,
    FailureCode.SCRIPT_MISSING: Blame.ENVIRONMENT,
    FailureCode.COMFYUI_MISSING: Blame.ENVIRONMENT,
    FailureCode.COMFYUI_IMPORT: Blame.ENVIRONMENT,
    FailureCode.ARGUMENTS_REJECTED: Blame.ENVIRONMENT,
    FailureCode.OUT_OF_MEMORY: Blame.ENVIRONMENT,
    FailureCode.CONNECTION_REFUSED: Blame.ENVIRONMENT,
    FailureCode.SERVER_UNREACHABLE: Blame.ENVIRONMENT,
    FailureCode.SERVER_LOST: Blame.ENVIRONMENT,
    FailureCode.SERVER_STUCK: Blame.ENVIRONMENT,
    FailureCode.WORKFLOW_UNUSABLE: Blame.ENVIRONMENT,
    FailureCode.MODEL_MISSING: Blame.ENVIRONMENT,
    FailureCode.NODE_MISSING: Blame.ENVIRONMENT,
    FailureCode.GRAPH_REJECTED: Blame.ENVIRONMENT,
    FailureCode.OUTPUT_ROOT_MISSING: Blame.ENVIRONMENT,
    FailureCode.OUTPUT_NOT_WRITABLE: Blame.ENVIRONMENT,
    FailureCode.DISK_FULL: Blame.ENVIRONMENT,
    FailureCode.INTERRUPTED: Blame.PERSON,
    FailureCode.CANCELLED: Blame.PERSON,
}

# Out of memory, a refused connection, a server that went away and an import that fails can be
# one prompt's (or one kind's) own doing or pass by themselves; these cannot.
_HALTING = frozenset(
    {
        FailureCode.INTERPRETER_MISSING,
        FailureCode.SCRIPT_MISSING,
        FailureCode.COMFYUI_MISSING,
        FailureCode.SERVER_UNREACHABLE,
        FailureCode.WORKFLOW_UNUSABLE,
        FailureCode.MODEL_MISSING,
        FailureCode.NODE_MISSING,
        FailureCode.OUTPUT_ROOT_MISSING,
        FailureCode.OUTPUT_NOT_WRITABLE,
        FailureCode.DISK_FULL,
    }
)

_PASSING = frozenset(
    {
        FailureCode.WORKFLOW_KILLED,
        FailureCode.OUT_OF_MEMORY,
        FailureCode.CONNECTION_REFUSED,
        FailureCode.JOB_INTERRUPTED,
        FailureCode.SERVER_LOST,
        FailureCode.SERVER_STUCK,
    }
)

_HINTS = {
    FailureCode.BRIEF_MISSING: "Let the Poets Service write this prompt anew, then retry it.",
    FailureCode.BRIEF_NOT_TEXT: (
        "The writing was stored damaged. Let the Poets Service write it anew as UTF-8 text."
    ),
    FailureCode.BRIEF_NOT_JSON: (
        "The writing must hold one JSON object. Mend it or let the Poets Service write it anew."
    ),
    FailureCode.BRIEF_INCOMPLETE: (
        "An image needs a 'prompt'; a song needs a 'structure' with the lyrics of at least one"
        " section. Mend the writing, then retry."
    ),
    FailureCode.BRIEF_UNUSABLE: "Remove the character that is named from the writing, then retry.",
    FailureCode.ARGUMENT_TOO_LONG: "Shorten the text in the writing (128 KiB is Linux's limit).",
    FailureCode.WORKFLOW_FAILED: (
        "Read the workflow's own words above; run the script by hand with the same arguments."
    ),
    FailureCode.WORKFLOW_KILLED: (
        "Something ended the script from outside; often the system, for want of memory."
    ),
    FailureCode.TIMED_OUT: (
        "Raise comfyui.timeout_seconds, or ask for a smaller picture or a shorter song."
    ),
    FailureCode.STALLED: (
        "The workflow hung. If it is silent for long on purpose, raise comfyui.stall_seconds"
        " (0 turns the limit off)."
    ),
    FailureCode.NO_FILES: (
        "Check that the script writes to the folder it is given with --output and not elsewhere;"
        " the graph of a server must end in a node that saves its media."
    ),
    FailureCode.FILE_BROKEN: "The script left a damaged file. Retry; or else mend the script.",
    FailureCode.FILE_REFUSED: (
        "The script must leave plain media files of a sane size in its output folder."
    ),
    FailureCode.TOO_MUCH_OUTPUT: (
        "Let the script write less, or raise media.limits in the configuration."
    ),
    FailureCode.JOB_INTERRUPTED: (
        "Somebody pressed cancel in ComfyUI, or another program ended the job. Use 'mediagen"
        " pause' to keep the server for yourself."
    ),
    FailureCode.WORKER_LOST: (
        "Rendering this prompt seems to take the whole program down: look at the system's log for"
        " want of memory, then retry."
    ),
    FailureCode.PROGRAM_ERROR: (
        "This is a mistake in Media Generator: please report the place that is named."
    ),
    FailureCode.INTERPRETER_MISSING: (
        "Set comfyui.python to the interpreter of the environment in which ComfyUI runs."
    ),
    FailureCode.SCRIPT_MISSING: "Set media.scripts.image and media.scripts.music to your scripts.",
    FailureCode.COMFYUI_MISSING: (
        "Set comfyui.comfyui_directory to the folder that holds ComfyUI's main.py."
    ),
    FailureCode.COMFYUI_IMPORT: (
        "Let comfyui.python point to the environment where ComfyUI's requirements are installed,"
        " and comfyui.comfyui_directory to ComfyUI itself."
    ),
    FailureCode.ARGUMENTS_REJECTED: (
        "Exported scripts name their arguments in their own way: run the script with --help and"
        " map the names under media.arguments."
    ),
    FailureCode.OUT_OF_MEMORY: (
        "Ask for smaller pictures or shorter songs, or end other programs that use the GPU."
    ),
    FailureCode.CONNECTION_REFUSED: "Start the server that the workflow needs (comfyui.host).",
    FailureCode.SERVER_UNREACHABLE: (
        "Start ComfyUI (python main.py), or correct comfyui.host or comfyui.hosts."
    ),
    FailureCode.SERVER_LOST: (
        "Look at ComfyUI's own log: it was restarted or it crashed, for want of memory perhaps."
    ),
    FailureCode.SERVER_STUCK: "Restart ComfyUI: its log tells what ended its worker.",
    FailureCode.WORKFLOW_UNUSABLE: (
        "Export the workflow anew with ComfyUI's menu (Export (API)), set media.workflows to the"
        " file, and let 'mediagen workflow check' look at it."
    ),
    FailureCode.MODEL_MISSING: (
        "Put the file where ComfyUI looks for models of its kind, or name an installed one in"
        " the workflow; 'mediagen workflow check' lists them."
    ),
    FailureCode.NODE_MISSING: (
        "Install the custom node that brings this type into ComfyUI and restart it, or export the"
        " workflow without it."
    ),
    FailureCode.GRAPH_REJECTED: (
        "Let 'mediagen workflow check' compare the workflow and its mapping with the server."
    ),
    FailureCode.OUTPUT_ROOT_MISSING: (
        "Mount the volume, or make the folder, or correct comfyui.output_directory."
    ),
    FailureCode.OUTPUT_NOT_WRITABLE: "Give yourself the right to write there (chmod u+rwx).",
    FailureCode.DISK_FULL: "Make room on the volume of the output root and of the database.",
    FailureCode.INTERRUPTED: "Run again: the prompt is still pending.",
    FailureCode.CANCELLED: "Use 'mediagen retry' if you want it after all.",
}
