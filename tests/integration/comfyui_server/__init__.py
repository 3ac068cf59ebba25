"""The server adapter with a double of ComfyUI."""
