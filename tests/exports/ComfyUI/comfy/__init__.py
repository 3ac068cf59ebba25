"""ComfyUI's own package."""
