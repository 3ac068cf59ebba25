"""Why a prompt could not be rendered: one closed family of failures.

Each code says what is at fault and how to fix it. Codes are stable: they appear in
``error_message``, in Media Generator's own table and in scripts that people write.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath


class Blame(StrEnum):
    """What is at fault; it decides what happens to the prompt and to the queue."""

    BRIEF = "brief"  # the writing cannot be rendered; no other prompt is affected
    RENDER = "render"  # this render went wrong; the next prompt may succeed
    ENVIRONMENT = "environment"  # the installation is at fault; the prompt must not pay for it
    PERSON = "person"  # someone ended it on purpose; nothing is wrong


class FailureCode(StrEnum):
    """Every way in which a render can end without media."""

    # The brief's fault.
    BRIEF_MISSING = "brief_missing"  # the writing holds NULL or nothing but white space
    BRIEF_NOT_TEXT = "brief_not_text"  # the bytes of the writing are not valid text
    BRIEF_NOT_JSON = "brief_not_json"  # the text holds no JSON object
    BRIEF_INCOMPLETE = "brief_incomplete"  # a required field is missing, blank or of a wrong type
    BRIEF_UNUSABLE = "brief_unusable"  # a value that cannot be passed on (NUL, lone surrogate)
    WORKFLOW_UNKNOWN = "workflow_unknown"  # no workflow of the settings has the name chosen for it
    BRIEF_VALUE = "brief_value"  # a value in the brief does not suit the input that it goes to
    INPUT_PICTURE = "input_picture"  # a picture that the brief names cannot be used
    ARGUMENT_TOO_LONG = "argument_too_long"  # the system refuses an argument of that length

    # This render's fault.
    WORKFLOW_FAILED = "workflow_failed"  # the script ended with an exit code other than 0
    WORKFLOW_KILLED = "workflow_killed"  # a signal ended the script
    TIMED_OUT = "timed_out"  # it ran longer than the time limit
    STALLED = "stalled"  # it printed and wrote nothing for longer than the stall limit
    NO_FILES = "no_files"  # it succeeded but left no media file
    FORMAT_UNSUPPORTED = "format_unsupported"  # it left only media in formats not accepted here
    FILE_BROKEN = "file_broken"  # a media file does not decode to its last byte
    FILE_REFUSED = "file_refused"  # a link, a device or an absurd size, which is never published
    TOO_MUCH_OUTPUT = "too_much_output"  # more files or bytes than the limits allow
    JOB_INTERRUPTED = "job_interrupted"  # another user or program stopped the job on the server
    WORKER_LOST = "worker_lost"  # the workers that rendered it died, too often
    PROGRAM_ERROR = "program_error"  # a bug in Media Generator itself

    # The environment's fault.
    INTERPRETER_MISSING = "interpreter_missing"  # comfyui.python is not an executable file
    SCRIPT_MISSING = "script_missing"  # the workflow script is not a readable file
    SCRIPT_BROKEN = "script_broken"  # the workflow script is no Python program
    COMFYUI_MISSING = "comfyui_missing"  # the ComfyUI directory is not a directory
    COMFYUI_IMPORT = "comfyui_import"  # a module that the workflow needs cannot be imported
    ARGUMENTS_REJECTED = "arguments_rejected"  # the script does not know the arguments it gets
    MAPPING_INCOMPLETE = "mapping_incomplete"  # the script would never get the prompt, or a folder
    EXPORT_OUTDATED = "export_outdated"  # the script was exported by a faulty exporter
    GPU_UNAVAILABLE = "gpu_unavailable"  # PyTorch cannot use the GPU that the workflow needs
    TOO_MANY_OPEN_FILES = "too_many_open_files"  # the limit of open files is reached
    OUT_OF_MEMORY = "out_of_memory"  # the GPU or the machine has no memory left
    CONNECTION_REFUSED = "connection_refused"  # a server that the workflow needs does not answer
    SERVER_UNREACHABLE = "server_unreachable"  # no ComfyUI server can be reached
    SERVER_LOST = "server_lost"  # the server went away with the job, or forgot it
    SERVER_STUCK = "server_stuck"  # the server answers, but works on nothing any more
    SERVER_BUSY = "server_busy"  # another client's job keeps the server busy for too long
    CLUSTER_UNUSABLE = "cluster_unusable"  # the Ray cluster is away, or has no slot that can render
    WORKFLOW_UNUSABLE = "workflow_unusable"  # the workflow file or its mapping cannot be used
    WRONG_MEDIA = "wrong_media"  # the workflow saves nothing of the kind that it is set for
    MODEL_MISSING = "model_missing"  # ComfyUI lacks a model file that the workflow names
    MODEL_BROKEN = "model_broken"  # a model file is damaged, or not what the workflow needs
    NODE_MISSING = "node_missing"  # ComfyUI lacks a node type that the workflow uses
    GRAPH_REJECTED = "graph_rejected"  # the server does not accept an input of the workflow
    OUTPUT_ROOT_MISSING = "output_root_missing"  # the output root is not there (not mounted?)
    OUTPUT_NOT_WRITABLE = "output_not_writable"  # the output root cannot be written to
    DISK_FULL = "disk_full"  # no free space for the files
    STORAGE_UNREACHABLE = "storage_unreachable"  # the object store does not answer, or not properly
    STORAGE_REFUSED = "storage_refused"  # the object store does not accept the credentials
    STORAGE_UNSAFE = "storage_unsafe"  # the object store would replace published files
    BUCKET_MISSING = "bucket_missing"  # the object store has no bucket of that name
    DATABASE_CONSTRAINT = "database_constraint"  # the shared tables refuse what a render writes

    # A person's decision.
    INTERRUPTED = "interrupted"  # the program was asked to stop
    CANCELLED = "cancelled"  # the prompt was cancelled

    @property
    def blame(self) -> Blame:
        """What is at fault for a failure with this code."""
        return _BLAME[self]

    @property
    def hint(self) -> str:
        """How to fix it: one or two sentences for the person who runs Media Generator."""
        return _HINTS[self.blame][self]

    @property
    def halts(self) -> bool:
        """Whether every other prompt of the same kind would fail in the same way."""
        return self in _HALTING

    @property
    def found_by_preflight(self) -> bool:
        """Whether the check before a claim detects this cause, and so also its end."""
        return self in _FOUND_BY_PREFLIGHT

    @property
    def is_transient(self) -> bool:
        """Whether another attempt at the same prompt may succeed."""
        return self in _TRANSIENT


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one render ended without media.

    Attributes:
        code: what happened, as a stable code.
        message: what happened, and to what, in one sentence.
        detail: the end of the workflow's output, or ""; already shortened.
        words: the workflow's last words on one line, without the brief's text, or "". They are
            kept apart from the message because messages are logged.
    """

    code: FailureCode
    message: str
    detail: str = ""
    words: str = ""

    @property
    def blame(self) -> Blame:
        """What is at fault."""
        return self.code.blame

    @property
    def hint(self) -> str:
        """How to fix it, in one or two sentences."""
        return self.code.hint

    @property
    def summary(self) -> str:
        """Message and last words on one line, for people and for the render's record."""
        return f"{self.message}: {self.words}" if self.words else self.message

    def explain(self) -> str:
        """The text for ``prompts.error_message``: code, summary, detail and hint."""
        parts = [f"{self.code.value}: {self.summary}"]
        if self.detail:
            parts.append(self.detail)
        parts.append(f"Hint: {self.hint}")
        return "\n".join(parts)


def hint_of(code: str | None) -> str:
    """How to fix a failure with this code; "" if no failure has it."""
    return FailureCode(code).hint if code in set(FailureCode) else ""


def describe_exception(error: BaseException) -> str:
    """The type of an unexpected exception and the line that raised it.

    Its message is left out because it may quote a brief.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    code = trace.tb_frame.f_code
    file = PurePath(code.co_filename).name
    return f"{type(error).__name__} at {file}:{trace.tb_lineno} in {code.co_name}"


_HINTS = {
    Blame.BRIEF: {
        FailureCode.BRIEF_MISSING: "Have the Poets Service write this prompt again, then retry it.",
        FailureCode.BRIEF_NOT_TEXT: (
            "The stored writing is damaged. Have the Poets Service write it again, as UTF-8 text."
        ),
        FailureCode.BRIEF_NOT_JSON: (
            "The writing must hold one JSON object. Fix it, or have the Poets Service write it"
            " again, then retry."
        ),
        FailureCode.BRIEF_INCOMPLETE: (
            "An image needs a 'prompt'; a song needs a 'structure' with the lyrics of at least one"
            " section. Fix the writing, then retry."
        ),
        FailureCode.BRIEF_UNUSABLE: "Remove the named character from the writing, then retry.",
        FailureCode.BRIEF_VALUE: (
            "Correct the value in the writing, or change what media.inputs or media.arguments"
            " expects there, then retry. A LoRA or another model must be installed in ComfyUI."
        ),
        FailureCode.INPUT_PICTURE: (
            "Put the picture into media.input_directory and name it by its path there, or name an"
            ' artifact of a prompt that is ready ("artifact:15"), then retry.'
        ),
        FailureCode.WORKFLOW_UNKNOWN: (
            "Submit the prompt again with a name that 'mediagen workflow list' shows, or add the"
            " workflow under media.workflows and retry."
        ),
        FailureCode.ARGUMENT_TOO_LONG: (
            "Shorten the text in the writing (the limit of Linux is 128 KiB)."
        ),
    },
    Blame.RENDER: {
        FailureCode.WORKFLOW_FAILED: (
            "Read the workflow's output above. Then run it by hand: a script with the same"
            " arguments, or the graph in ComfyUI."
        ),
        FailureCode.WORKFLOW_KILLED: (
            "Something outside Media Generator ended the script. Often the system does so when it"
            " runs out of memory."
        ),
        FailureCode.TIMED_OUT: (
            "Raise comfyui.timeout_seconds, or ask for a smaller picture or a shorter song."
        ),
        FailureCode.STALLED: (
            "The workflow hung. If long silences are normal for it, raise comfyui.stall_seconds"
            " (0 turns the limit off)."
        ),
        FailureCode.NO_FILES: (
            "Check that the script writes to the folder that --output names. Old exports write"
            " songs elsewhere: export the workflow again with the current exporter. The graph of a"
            " server must end in a node that saves its media."
        ),
        FailureCode.FORMAT_UNSUPPORTED: (
            "Save pictures as PNG, JPEG or WebP (the node SaveImage), and songs as MP3, WAV, FLAC,"
            " Ogg, Opus or M4A (SaveAudioMP3), or have the script convert its files."
        ),
        FailureCode.FILE_BROKEN: (
            "The workflow left a damaged file. Retry; if it happens again, fix the workflow."
        ),
        FailureCode.FILE_REFUSED: (
            "The workflow must leave regular media files of a reasonable size."
        ),
        FailureCode.TOO_MUCH_OUTPUT: (
            "Make the workflow save less, or raise media.limits in the configuration."
        ),
        FailureCode.JOB_INTERRUPTED: (
            "Another user pressed Cancel in ComfyUI, or another program ended the job. Use"
            " 'mediagen pause' to keep the server for yourself."
        ),
        FailureCode.WORKER_LOST: (
            "Rendering this prompt seems to crash the whole program: check the system's log for"
            " messages about memory, then retry."
        ),
        FailureCode.PROGRAM_ERROR: (
            "This is a bug in Media Generator: please report the message above."
        ),
    },
    Blame.ENVIRONMENT: {
        FailureCode.INTERPRETER_MISSING: (
            "Set comfyui.python to the interpreter of the environment in which ComfyUI runs."
        ),
        FailureCode.SCRIPT_MISSING: (
            "Set media.scripts.image and media.scripts.music to your scripts; that of a named"
            " workflow is in its entry of media.workflows."
        ),
        FailureCode.SCRIPT_BROKEN: (
            "Export the workflow again with the current exporter. Exporters write invalid Python"
            " for some nodes (SaveImageAdvanced, SaveAudioAdvanced): use SaveImage or"
            " SaveAudioMP3 instead, or render the workflow on a ComfyUI server."
        ),
        FailureCode.COMFYUI_MISSING: (
            "Set comfyui.comfyui_directory to the folder that holds ComfyUI's main.py."
        ),
        FailureCode.COMFYUI_IMPORT: (
            "Set comfyui.python to the environment where ComfyUI's requirements are installed, and"
            " comfyui.comfyui_directory to ComfyUI itself."
        ),
        FailureCode.ARGUMENTS_REJECTED: (
            "Exported scripts choose their own argument names: run the script with --help and map"
            " the names under media.arguments."
        ),
        FailureCode.MAPPING_INCOMPLETE: (
            "Name the script's own argument for it under media.arguments (run the script with"
            " --help). If the export has none, export the workflow again with the current"
            " ComfyUI-SaveAsScript. If renders are meant to ignore the prompt, set"
            " media.allow_unused_prompt."
        ),
        FailureCode.EXPORT_OUTDATED: (
            "Export the workflow again with the current ComfyUI-SaveAsScript; exports made from"
            " 2025-09-11 to 2026-07-20 need ComfyUI-Manager."
        ),
        FailureCode.GPU_UNAVAILABLE: (
            "Install a PyTorch build that fits the GPU and its driver into the environment that"
            " runs ComfyUI (for scripts: comfyui.python), or update the driver; without a GPU, run"
            " ComfyUI with --cpu (for an export: media.extra_arguments with '--', '--cpu')."
        ),
        FailureCode.TOO_MANY_OPEN_FILES: (
            "Raise the limit of open files: 'ulimit -n 65536' in the shell, LimitNOFILE= in the"
            " systemd unit, NumberOfFiles under SoftResourceLimits in the launchd file."
        ),
        FailureCode.OUT_OF_MEMORY: (
            "Ask for smaller pictures or shorter songs, or end other programs that use the GPU."
        ),
        FailureCode.CONNECTION_REFUSED: (
            "Start the server that the workflow needs (comfyui.host)."
        ),
        FailureCode.SERVER_UNREACHABLE: (
            "Start ComfyUI (python main.py), or correct comfyui.host or comfyui.hosts."
        ),
        FailureCode.SERVER_LOST: (
            "Check ComfyUI's own log, or that of the Ray node: it was restarted or crashed,"
            " possibly because it ran out of memory."
        ),
        FailureCode.SERVER_BUSY: (
            "The prompt is tried again when that job has ended. If ComfyUI shows that it hangs,"
            " cancel it there; if such jobs are normal, raise comfyui.timeout_seconds."
        ),
        FailureCode.SERVER_STUCK: "Restart ComfyUI; its log says what ended its worker.",
        FailureCode.CLUSTER_UNUSABLE: (
            "Look at the cluster with 'mediagen doctor' and 'ray status'. Prompts wait, and are"
            " rendered once it has a slot."
        ),
        FailureCode.WORKFLOW_UNUSABLE: (
            "Export the workflow again with ComfyUI's menu (Export (API)), set media.workflows to"
            " the file, and check it with 'mediagen workflow check'."
        ),
        FailureCode.MODEL_MISSING: (
            "Put the file where ComfyUI looks for models of its type, or name an installed one in"
            " the workflow. For a server, 'mediagen workflow check' lists them."
        ),
        FailureCode.MODEL_BROKEN: (
            "Download the model file again: it is damaged, incomplete, or of another type than the"
            " workflow loads."
        ),
        FailureCode.NODE_MISSING: (
            "Install the custom node that provides this type into ComfyUI and restart it, or export"
            " the workflow without it."
        ),
        FailureCode.WRONG_MEDIA: (
            "End the workflow in a node that saves the right kind of media (SaveImage for pictures,"
            " SaveAudioMP3 for songs), or set media.workflows to the intended workflow."
        ),
        FailureCode.GRAPH_REJECTED: (
            "Compare the workflow and its mapping with the server: 'mediagen workflow check'."
        ),
        FailureCode.OUTPUT_ROOT_MISSING: (
            "Mount the volume, create the folder, or correct comfyui.output_directory."
        ),
        FailureCode.OUTPUT_NOT_WRITABLE: ("Give yourself permission to write there (chmod u+rwx)."),
        FailureCode.DISK_FULL: (
            "Free space on the volumes of the output root and of the database."
        ),
        FailureCode.STORAGE_UNREACHABLE: (
            "Start the object store, or correct media.storage.endpoint; 'mediagen doctor' tries it."
        ),
        FailureCode.STORAGE_REFUSED: (
            "Correct or renew the credentials (media.storage), and give them the permissions"
            " s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket."
        ),
        FailureCode.STORAGE_UNSAFE: (
            "Use a store that supports conditional writes (If-None-Match: *), as Amazon S3, MinIO,"
            " Ceph and Cloudflare R2 do in their current versions."
        ),
        FailureCode.BUCKET_MISSING: "Create the bucket, or correct media.storage.url.",
        FailureCode.DATABASE_CONSTRAINT: (
            "Change or drop the named constraint, trigger or index, or update the program that"
            " made it, then run 'mediagen doctor'. Finished files are kept and published"
            " afterwards."
        ),
    },
    Blame.PERSON: {
        FailureCode.INTERRUPTED: "Run again: the prompt is still pending.",
        FailureCode.CANCELLED: "Use 'mediagen retry' if you want it after all.",
    },
}
_BLAME = {code: blame for blame, hints in _HINTS.items() for code in hints}

# Running out of memory, a refused connection, a lost server and a failed import may be caused by
# one prompt (or one kind), or be temporary; these are neither.
_HALTING = frozenset(
    {
        FailureCode.INTERPRETER_MISSING,
        FailureCode.SCRIPT_MISSING,
        FailureCode.SCRIPT_BROKEN,
        FailureCode.COMFYUI_MISSING,
        FailureCode.MAPPING_INCOMPLETE,
        FailureCode.SERVER_UNREACHABLE,
        FailureCode.CLUSTER_UNUSABLE,
        FailureCode.WORKFLOW_UNUSABLE,
        FailureCode.MODEL_MISSING,
        FailureCode.MODEL_BROKEN,
        FailureCode.NODE_MISSING,
        FailureCode.WRONG_MEDIA,
        FailureCode.EXPORT_OUTDATED,
        FailureCode.GPU_UNAVAILABLE,
        FailureCode.OUTPUT_ROOT_MISSING,
        FailureCode.OUTPUT_NOT_WRITABLE,
        FailureCode.DISK_FULL,
        FailureCode.STORAGE_UNREACHABLE,
        FailureCode.STORAGE_REFUSED,
        FailureCode.STORAGE_UNSAFE,
        FailureCode.BUCKET_MISSING,
    }
)

# Only the script itself sees its models, nodes and GPU; its disk may be another one.
_FOUND_BY_PREFLIGHT = frozenset(
    {
        FailureCode.INTERPRETER_MISSING,
        FailureCode.SCRIPT_MISSING,
        FailureCode.COMFYUI_MISSING,
        FailureCode.MAPPING_INCOMPLETE,
        FailureCode.SERVER_UNREACHABLE,
        FailureCode.CLUSTER_UNUSABLE,
        FailureCode.WORKFLOW_UNUSABLE,
        FailureCode.WRONG_MEDIA,
        FailureCode.OUTPUT_ROOT_MISSING,
        FailureCode.OUTPUT_NOT_WRITABLE,
        FailureCode.STORAGE_UNREACHABLE,
        FailureCode.STORAGE_REFUSED,
        FailureCode.STORAGE_UNSAFE,
        FailureCode.BUCKET_MISSING,
    }
)

_TRANSIENT = frozenset(
    {
        FailureCode.WORKFLOW_KILLED,
        FailureCode.OUT_OF_MEMORY,
        FailureCode.CONNECTION_REFUSED,
        FailureCode.JOB_INTERRUPTED,
        FailureCode.SERVER_LOST,
        FailureCode.SERVER_STUCK,
        FailureCode.SERVER_BUSY,
    }
)
