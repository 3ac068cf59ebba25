"""A ComfyUI workflow script, run as a subprocess."""
